// Jest's order of files: the long ones first, so that no worker is left with one at the end. Jest knows times only from
// a run before, and a clean clone has none. A file that is missing here costs time and nothing else.
const { basename } = require('node:path');
const Sequencer = require('@jest/test-sequencer').default;

/** Seconds of what takes ten or more. */
const SECONDS = {
  'acl.test.ts': 12,
  'boundaries.test.ts': 45,
  'breaker.test.ts': 28,
  'cas-faults.test.ts': 78,
  'cli-on-call.test.ts': 40,
  'cli.test.ts': 12,
  'closed-limiters.test.ts': 23,
  'cluster-faults.test.ts': 65,
  'cluster-url-faults.test.ts': 25,
  'cluster-url.test.ts': 13,
  'cluster.test.ts': 18,
  'conformance-runners.test.ts': 11,
  'conformance.test.ts': 75,
  'dashboard.test.ts': 27,
  'deploy-app.test.ts': 10,
  'deploy-environment.test.ts': 10,
  'deploy-files.test.ts': 17,
  'deploy.test.ts': 28,
  'docs.test.ts': 18,
  'endings.test.ts': 50,
  'environment.test.ts': 12,
  'failover-endings.test.ts': 15,
  'failover-sql.test.ts': 15,
  'file-store.test.ts': 30,
  'fleet.test.ts': 32,
  'health.test.ts': 23,
  'lifecycle.test.ts': 16,
  'listing.test.ts': 17,
  'login.test.ts': 19,
  'model.test.ts': 29,
  'mongodb.test.ts': 12,
  'mysql-faults.test.ts': 114,
  'mysql.test.ts': 10,
  'mysql-shared.test.ts': 11,
  'outage.test.ts': 14,
  'postgres.test.ts': 54,
  'postgres-faults.test.ts': 230,
  'postgres-fleet.test.ts': 10,
  'postgres-shared.test.ts': 12,
  'postgres-steps.test.ts': 13,
  'protocol.test.ts': 18,
  'redis-faults.test.ts': 118,
  'sentinel-fake.test.ts': 10,
  'sentinel-faults.test.ts': 31,
  'sentinel-ledger.test.ts': 12,
  'sentinel.test.ts': 25,
  'serve.test.ts': 22,
  'serve-openapi.test.ts': 10,
  'serve-reload.test.ts': 15,
  'serve-shutdown.test.ts': 20,
  'shared-rules-faults.test.ts': 22,
  'shared-rules.test.ts': 17,
  'soak.test.ts': 108,
  'sqlite-faults.test.ts': 11,
  'store-endings.test.ts': 35,
  'speaks.test.ts': 22,
  'tls-trust.test.ts': 10,
  'type-errors.test.ts': 20,
  'vectors.test.ts': 25,
  'waiting.test.ts': 12,
  'workers.test.ts': 20,
};
const secondsOf = ({ path }) => SECONDS[basename(path)] ?? 2;

module.exports = class extends Sequencer {
  sort(tests) {
    return [...tests].sort((a, b) => secondsOf(b) - secondsOf(a) || (a.path < b.path ? -1 : 1));
  }

  /** Parts of about one length: each file goes, longest first, to the part that has least. */
  shard(tests, { shardIndex, shardCount }) {
    const parts = Array.from({ length: shardCount }, () => ({ seconds: 0, tests: [] }));
    for (const test of this.sort(tests)) {
      const least = parts.reduce((a, b) => (b.seconds < a.seconds ? b : a));
      least.tests.push(test);
      least.seconds += secondsOf(test);
    }
    return parts[shardIndex - 1].tests;
  }
};
