// `node bench/postgres.mjs`: spillway/postgres beside rate-limiter-flexible's PostgreSQL limiter, each over a pool of ten, on a
// PostgreSQL of its own with its default settings, on logged and unlogged tables. Closed loop, alternating rounds, medians.
// Then one check at a thousand and at a million keys.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RateLimiterPostgres } from 'rate-limiter-flexible';
import { compare, tellGrowth } from './closed-loop.mjs';

const LIMIT = 1_000_000_000;
const require = createRequire(import.meta.url);
const { Pool } = require('pg');
const { createRateLimiter } = require('../dist/index.js');
const { migrate, postgresStore } = require('../dist/postgres/index.js');

const DEBIAN = '/usr/lib/postgresql';
const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => b - a) : [];
const program = (name) =>
  versions.map((version) => join(DEBIAN, version, 'bin', name)).find(existsSync) ?? name;
const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
const user = process.getuid() === 0 ? { uid: id('-u'), gid: id('-g') } : {};

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
const data = join(folder, 'data');
const port = await freePort();
execFileSync(program('initdb'), ['-D', data, '-U', 'bench', '-A', 'trust'], {
  cwd: folder,
  stdio: 'ignore',
  ...user,
});
const server = spawn(
  program('postgres'),
  ['-D', data, '-p', `${port}`, '-h', '127.0.0.1', '-c', 'unix_socket_directories='],
  { cwd: folder, stdio: 'ignore', ...user },
);
const pools = [];
function poolOf() {
  const pool = new Pool({ host: '127.0.0.1', port, user: 'bench', database: 'postgres' });
  pool.on('error', () => {});
  pools.push(pool);
  return pool;
}
const admin = poolOf();
while (!(await admin.query('SELECT 1').catch(() => false))) await delay(50);

async function spillway(table, unlogged) {
  const pool = poolOf();
  await migrate(pool, { table, unlogged });
  const store = postgresStore(pool, { table });
  const limiter = createRateLimiter({ store, rate: `${LIMIT}/h`, timeoutMs: 10_000 });
  return async (key) => {
    const { source } = await limiter.check(key);
    if (source !== 'postgres') throw new Error(`not counted: ${limiter.stats().lastError}`);
  };
}

async function flexible(tableName, unlogged) {
  const options = { storeClient: poolOf(), points: LIMIT, duration: 3_600, tableName };
  const limiter = await new Promise((resolve, reject) => {
    const made = new RateLimiterPostgres(options, (error) => (error ? reject(error) : resolve(made)));
  });
  if (unlogged) await admin.query(`ALTER TABLE ${tableName} SET UNLOGGED`);
  return (key) => limiter.consume(key);
}

const contenders = {
  'spillway, unlogged': await spillway('spillway_counts', true),
  'rate-limiter-flexible, unlogged': await flexible('flexible_unlogged', true),
  'spillway, logged': await spillway('spillway_logged', false),
  'rate-limiter-flexible, logged': await flexible('flexible_logged', false),
};

try {
  await compare(contenders, (what, perSecond) => {
    for (const [name, own] of Object.entries(perSecond)) {
      const peer = perSecond[name.replace('spillway', 'rate-limiter-flexible')];
      const ratio = name.startsWith('spillway') ? `, ${(own / peer).toFixed(2)} times the other` : '';
      console.log(`${what}, ${name}: ${own.toFixed(0)} checks/s${ratio}`);
    }
  });
  await tellGrowth(contenders['spillway, unlogged'], async (keys) => {
    await admin.query('TRUNCATE spillway_counts');
    await admin.query(`INSERT INTO spillway_counts
      SELECT 'ratelimit:org-' || i, 'f', 9e15, '{1}' FROM generate_series(0, ${keys - 1}) i`);
    await admin.query('VACUUM ANALYZE spillway_counts');
  });
  console.log(
    'goals: 2 times at 10,000 keys and 256 in flight, 1 time at one; one hot key 5,000 checks/s; a million at most 1.3',
  );
} finally {
  await Promise.all(pools.map((pool) => pool.end()));
  const ended = once(server, 'exit');
  server.kill('SIGINT');
  await ended;
  rmSync(folder, { recursive: true, force: true });
}
