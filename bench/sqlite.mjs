// `node bench/sqlite.mjs`: spillway/sqlite beside rate-limiter-flexible's SQLite limiter, each on a file of its own through
// better-sqlite3, both in WAL mode with synchronous = NORMAL. Closed loop, alternating rounds, medians. Then four processes on
// one file, and one check at a thousand and at a million keys. Compile better-sqlite3 as its users do:
// `npm rebuild better-sqlite3`; what `npm test` compiles is not optimized.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RateLimiterSQLite } from 'rate-limiter-flexible';
import { compare, KEYS, SECONDS, speed, tellGrowth } from './closed-loop.mjs';

const LIMIT = 1_000_000_000;
const require = createRequire(import.meta.url);
const Better = require('better-sqlite3');
const { createRateLimiter } = require('../dist/index.js');
const { sqliteStore } = require('../dist/sqlite/index.js');

const limiters = [];
function spillway(path, options) {
  const store = sqliteStore(path, options);
  const limiter = createRateLimiter({ store, rate: `${LIMIT}/h`, timeoutMs: 10_000 });
  limiters.push(limiter);
  return async (key) => {
    const { source } = await limiter.check(key);
    if (source !== 'sqlite') throw new Error(`not counted: ${limiter.stats().lastError}`);
  };
}

async function flexible(path) {
  const storeClient = new Better(path);
  storeClient.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  const options = {
    storeClient,
    storeType: 'better-sqlite3',
    tableName: 'counts',
    points: LIMIT,
    duration: 3_600,
  };
  const limiter = await new Promise((resolve, reject) => {
    const made = new RateLimiterSQLite(options, (error) => (error ? reject(error) : resolve(made)));
  });
  return (key) => limiter.consume(key);
}

/** Of four processes on one file. */
async function shared(path, inFlight) {
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, [fileURLToPath(import.meta.url), path, `${inFlight}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const said = await Promise.all(
    children.map(async (child) => {
      let text = '';
      child.stdout.on('data', (part) => (text += part));
      await once(child, 'close');
      return Number(text);
    }),
  );
  return said.reduce((a, b) => a + b, 0);
}

async function beside(folder) {
  const contenders = {
    spillway: spillway(join(folder, 'spillway.db')),
    'rate-limiter-flexible': await flexible(join(folder, 'flexible.db')),
    'spillway, synchronous off': spillway(join(folder, 'off.db'), { synchronous: 'off' }),
  };
  await compare(contenders, (what, perSecond) => {
    for (const [name, own] of Object.entries(perSecond))
      console.log(`${what}, ${name}: ${own.toFixed(0)} checks/s`);
  });
}

async function growth(path) {
  const check = spillway(path);
  await check('first');
  const database = new Better(path, { timeout: 10_000 });
  // A state of its own for each, as a check left it.
  await tellGrowth(check, async (keys) => {
    database.exec(`INSERT OR IGNORE INTO spillway_counts
      WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${keys - 1})
      SELECT '{ratelimit:org-' || i || '}:@rate-1h', (SELECT state FROM spillway_counts WHERE key LIKE '%first%'), 9e15 FROM n`);
  });
  database.close();
}

const [path, inFlight] = process.argv.slice(2);
if (path !== undefined) {
  console.log((await speed(spillway(path), Number(inFlight), KEYS, 2 * SECONDS)).toFixed(0));
} else {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  try {
    await beside(folder);
    for (const each of [1, 64]) {
      console.log(
        `four processes, ${each} in flight each: ${await shared(join(folder, 'shared.db'), each)} checks/s together`,
      );
    }
    await growth(join(folder, 'many.db'));
    console.log('goals: 20,000 checks/s at 256 in flight; a million keys at most 2');
  } finally {
    await Promise.all(limiters.map((limiter) => limiter.close()));
    rmSync(folder, { recursive: true, force: true });
  }
}
for (const limiter of limiters) await limiter.close();
