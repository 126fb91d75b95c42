// What the tests of spillway/sqlite need: better-sqlite3, and a Node that has SQLite itself.
import { existsSync, mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { nodeHeaders, quietly, root } from './addon.mjs';
import { step } from './steps.mjs';

const require = createRequire(import.meta.url);
const { NODE_WITH_SQLITE, FOLDER, PACKAGE } = require('./node-with-sqlite.cjs');

export function ensureSqlite() {
  if (!loads()) step('Compiling better-sqlite3', compile);
  if (!existsSync(NODE_WITH_SQLITE)) step(`Installing ${PACKAGE}`, install);
}

function loads() {
  try {
    require('better-sqlite3')(':memory:').close();
    return true;
  } catch {
    return false;
  }
}

/** From source, as its ready binaries lie where not every machine can reach; without optimization that takes a third of the time. */
function compile() {
  quietly('npm', ['run', 'build-debug'], {
    cwd: join(root, 'node_modules/better-sqlite3'),
    env: {
      ...process.env,
      npm_config_nodedir: resolve(nodeHeaders(), '../..'),
      JOBS: `${availableParallelism()}`,
    },
  });
}

function install() {
  mkdirSync(FOLDER, { recursive: true });
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  quietly('npm', ['install', '--no-save', '--no-package-lock', '--prefix', FOLDER, ...quiet, PACKAGE]);
}
