// Jest's --filter of a sanitized run: everything but these. A new file of tests runs under sanitizers unless it is
// named here, with the reason why the C++ that it reaches is reached without it. The plain run has them all.
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const LEFT_OUT = {
  'acl.test.ts': 'asks which commands a user needs; what a client does without one is in login and refusals',
  'audit.test.ts': 'about files and listeners in TypeScript',
  'audit-disk.test.ts': 'the same',
  'boundaries.test.ts':
    'a million checks on the paths of vectors; edges of windows are in the model tests of test/core',
  'cas-store.test.ts': 'writes in TypeScript; its steps are in unit/step and in test/core',
  'cli.test.ts': 'a process that ends by itself at once; what it asks of the C++ others ask, too',
  'cli-on-call.test.ts': 'as cli',
  'conformance.test.ts':
    'goes through limiters, whose calls are those of vectors, refunds, blocks and listing',
  'conformance-runners.test.ts': 'the same cases under other runners',
  'changes.test.ts': 'about texts in a store; what asks for them in the C++ is in shared-rules',
  'cli-dashboard.test.ts': 'as cli',
  'dashboard.test.ts': 'as monitoring',
  'dashboard-actions.test.ts': 'as monitoring',
  'dashboard-servers.test.ts': 'as monitoring',
  'deploy-app.test.ts': 'as deploy',
  'deploy-environment.test.ts': 'about variables that TypeScript reads',
  'deploy-files.test.ts': 'about files',
  'deploy-pages.test.ts': 'about pages',
  'deploy.test.ts':
    'about the files that deploy Redis; their clients do what they do in sentinel, cluster and tls',
  'disabled.test.ts': 'about a setting that keeps calls from the C++',
  'docs.test.ts': 'compiles examples, and runs none that others do not',
  'environment.test.ts': 'about variables that TypeScript reads',
  'failover.test.ts':
    'chooses among stores in TypeScript; each is asked as in tests of its own, and failover-endings ends them in mid-flight',
  'failover-keys.test.ts': 'as failover',
  'failover-load.test.ts': 'as failover',
  'failover-sql.test.ts': 'as failover',
  'failover-told.test.ts': 'as failover',
  'faults/cas-faults.test.ts': 'as postgres-faults',
  'faults/cluster-faults.test.ts': 'as redis-faults',
  'faults/ledger.test.ts': 'about numbers in TypeScript',
  'faults/mysql-faults.test.ts': 'as postgres-faults',
  'faults/postgres-faults.test.ts': 'the C++ beneath is what any custom store has',
  'faults/redis-faults.test.ts':
    'measures memory; what each fault does to the client is played in outage, silence, protocol, refusals and others',
  'faults/sentinel-faults.test.ts': 'as redis-faults',
  'faults/sqlite-faults.test.ts': 'as postgres-faults',
  'faults/soak.test.ts': 'the same',
  'file-store.test.ts': 'about files; its steps are in unit/step and in test/core',
  'fuzz/client-ip.test.ts': 'about texts in TypeScript; those of the C++ are drawn by fuzz/',
  'fuzz/path.test.ts': 'the same',
  'fuzz/rate.test.ts': 'the same',
  'fuzz/texts.test.ts': 'the same',
  'metric-faces.test.ts': 'about names of figures, in TypeScript',
  'model.test.ts': 'random sequences, which test/core draws too; each way to ask Redis is in vectors',
  'modules.test.ts': 'about what is exported, and which files an import loads',
  'monitoring.test.ts': 'about requests in TypeScript; what they ask the C++ others ask, too',
  'mongodb.test.ts': 'about commands of a database; the C++ beneath is what any custom store has',
  'mongodb-outage.test.ts': 'the same',
  'mysql.test.ts': 'about statements of a database; the C++ beneath is what any custom store has',
  'mysql-outage.test.ts': 'the same',
  'mysql-shared.test.ts': 'the same',
  'opentelemetry.test.ts': 'shows figures in TypeScript; what the C++ counts is asked by counters',
  'postgres.test.ts': 'about statements of a database; the C++ beneath is what any custom store has',
  'postgres-fleet.test.ts':
    'the same; what a fleet asks of the C++ is in fleet, shared-rules and shared-rules-faults',
  'postgres-outage.test.ts': 'the same',
  'postgres-shared.test.ts': 'the same',
  'postgres-shared-rules.test.ts': 'as postgres-fleet',
  'postgres-steps.test.ts': 'the same; the steps beside them are in unit/step and in test/core',
  'no-binary.test.ts': 'about a package without the C++',
  'processes.test.ts':
    'adds up what processes charge together; each of them does what it does in limiter and delivery',
  'prometheus.test.ts': 'as opentelemetry',
  'serve.test.ts': 'a process of its own, about HTTP in TypeScript; what it asks of the C++ others ask, too',
  'serve-openapi.test.ts': 'as serve',
  'serve-reload.test.ts': 'as serve',
  'serve-shutdown.test.ts': 'as serve',
  'sqlite.test.ts': 'as postgres',
  'sqlite-outage.test.ts': 'as postgres',
  'sqlite-shared.test.ts': 'as postgres',
  'sentinel-ledger.test.ts':
    'adds up what a failover admits; the client does what it does in sentinel and sentinel-fake',
  'store-endings.test.ts': 'as postgres',
  'turn-deadlines.test.ts': 'about stores in TypeScript',
  'type-errors.test.ts': 'asks a compiler',
  'unit/counting-memory.test.ts': 'reads the heap of V8',
};

const folder = join(__dirname, '../../test');
const leftOut = Object.keys(LEFT_OUT).map((name) => join(folder, name));

module.exports = (paths) => {
  const gone = leftOut.filter((path) => !existsSync(path));
  if (gone.length > 0) throw new Error(`There is no ${gone.join(', ')} to leave out.`);
  return { filtered: paths.filter((path) => !leftOut.includes(path)) };
};
