// Jest's --filter of a sanitized run: everything but these. A new file of tests runs under sanitizers unless it is
// named here, with the reason why the C++ that it reaches is reached without it. The plain run has them all.
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const LEFT_OUT = {
  'acl.test.ts': 'asks which commands a user needs; what a client does without one is in login and refusals',
  'boundaries.test.ts':
    'a million checks on the paths of vectors; edges of windows are in the model tests of test/core',
  'conformance.test.ts':
    'goes through limiters, whose calls are those of vectors, refunds, blocks and listing',
  'conformance-runners.test.ts': 'the same cases under other runners',
  'deploy.test.ts':
    'about the files that deploy Redis; their clients do what they do in sentinel, cluster and tls',
  'disabled.test.ts': 'about a setting that keeps calls from the C++',
  'failover.test.ts':
    'chooses among stores in TypeScript; each is asked as in tests of its own, and failover-endings ends them in mid-flight',
  'failover-keys.test.ts': 'as failover',
  'failover-load.test.ts': 'as failover',
  'failover-told.test.ts': 'as failover',
  'file-store.test.ts': 'about files; its steps are in unit/step and in test/core',
  'model.test.ts': 'random sequences, which test/core draws too; each way to ask Redis is in vectors',
  'modules.test.ts': 'about what is exported, and which files an import loads',
  'processes.test.ts':
    'adds up what processes charge together; each of them does what it does in limiter and delivery',
  'sentinel-ledger.test.ts':
    'adds up what a failover admits; the client does what it does in sentinel and sentinel-fake',
};

const folder = join(__dirname, '../../test');
const leftOut = Object.keys(LEFT_OUT).map((name) => join(folder, name));

module.exports = (paths) => {
  const gone = leftOut.filter((path) => !existsSync(path));
  if (gone.length > 0) throw new Error(`There is no ${gone.join(', ')} to leave out.`);
  return { filtered: paths.filter((path) => !leftOut.includes(path)) };
};
