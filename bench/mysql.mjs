// `node bench/mysql.mjs`: spillway/mysql beside rate-limiter-flexible's MySQL limiter, each over a pool of ten, on a MariaDB
// of its own with its default settings, and with a log that reaches the disk once a second. Closed loop, alternating rounds,
// medians.
// Then one check at a thousand and at a million keys.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RateLimiterMySQL } from 'rate-limiter-flexible';
import { compare, tellGrowth } from './closed-loop.mjs';

const LIMIT = 1_000_000_000;
const require = createRequire(import.meta.url);
const { createPool } = require('mysql2/promise');
const { createRateLimiter } = require('../dist/index.js');
const { migrate, mysqlStore } = require('../dist/mysql/index.js');

const program = (name) =>
  ['/usr/sbin', '/usr/bin'].map((folder) => join(folder, name)).find(existsSync) ?? name;
const id = (flag) => Number(execFileSync('id', [flag, 'mysql'], { encoding: 'utf8' }));
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
execFileSync(
  program('mariadb-install-db'),
  ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db'],
  { cwd: folder, stdio: 'ignore', ...user },
);
const server = spawn(
  program('mariadbd'),
  [
    ...['--no-defaults', '--skip-name-resolve', '--bind-address=127.0.0.1', `--port=${port}`],
    ...[`--datadir=${data}`, `--socket=${join(folder, 'socket')}`, `--pid-file=${join(folder, 'pid')}`],
  ],
  { cwd: folder, stdio: 'ignore', ...user },
);
const pools = [];
function poolOf() {
  const pool = createPool({ host: '127.0.0.1', port, user: 'root', database: 'bench', connectionLimit: 10 });
  pools.push(pool);
  return pool;
}
const admin = createPool({ host: '127.0.0.1', port, user: 'root', connectionLimit: 1 });
pools.push(admin);
while (!(await admin.query('CREATE DATABASE bench').catch(() => false))) await delay(50);

async function spillway() {
  const pool = poolOf();
  await migrate(pool);
  const limiter = createRateLimiter({ store: mysqlStore(pool), rate: `${LIMIT}/h`, timeoutMs: 10_000 });
  return async (key) => {
    const { source } = await limiter.check(key);
    if (source !== 'mysql') throw new Error(`not counted: ${limiter.stats().lastError}`);
  };
}

async function flexible() {
  const client = { storeClient: poolOf().pool, storeType: 'pool', dbName: 'bench' };
  const options = { ...client, points: LIMIT, duration: 3_600 };
  const limiter = await new Promise((resolve, reject) => {
    const made = new RateLimiterMySQL(options, (error) => (error ? reject(error) : resolve(made)));
  });
  return (key) => limiter.consume(key);
}

try {
  const contenders = { spillway: await spillway(), 'rate-limiter-flexible': await flexible() };
  for (const [flushed, how] of [
    [1, 'each commit on the disk'],
    [2, 'the disk once a second'],
  ]) {
    await admin.query(`SET GLOBAL innodb_flush_log_at_trx_commit = ${flushed}`);
    await compare(contenders, (what, { spillway: own, 'rate-limiter-flexible': peer }) => {
      console.log(
        `${how}, ${what}: spillway ${own.toFixed(0)} checks/s, ` +
          `rate-limiter-flexible ${peer.toFixed(0)}: ${(own / peer).toFixed(2)} times the other`,
      );
    });
  }
  await tellGrowth(contenders.spillway, async (keys) => {
    await admin.query('TRUNCATE bench.spillway_counts');
    await admin.query(`INSERT INTO bench.spillway_counts (\`key\`, ends_at, state)
      SELECT CONCAT('ratelimit:org-', seq), 9e15, '1:f,9000000000000,1' FROM mysql.seq_0_to_${keys - 1}`);
  });
} finally {
  await Promise.all(pools.map((pool) => pool.end()));
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true, force: true });
}
