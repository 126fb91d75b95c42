/** Endings of each store that a package of the ecosystem reaches: nobody waits for ever, and no process is kept. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MysqlServer } from './support/mysql';
import { PASSWORD, PostgresServer } from './support/postgres';
import { reportsOf, runScript } from './support/process';

let postgres: PostgresServer;
let mysql: MysqlServer;
let folder: string;
let database: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-endings-'));
  [postgres, mysql] = await Promise.all([PostgresServer.start(), MysqlServer.start()]);
  await postgres.schema('endings');
  database = await mysql.database('endings');
}, 60_000);
afterAll(async () => {
  await Promise.all([postgres.close(), mysql.close()]);
  rmSync(folder, { recursive: true });
});

/** What each script begins with: `open()` gives a store, and `end()` ends what the application owns of it. */
const OPEN = {
  postgres: `const { postgresStore } = require('spillway/postgres');
    const pool = new (require('pg').Pool)(given.postgres);
    const open = () => postgresStore(pool, { schema: 'endings' });
    const end = () => pool.end();`,
  mysql: `const { mysqlStore } = require('spillway/mysql');
    const pool = require('mysql2/promise').createPool(given.mysql);
    const open = () => mysqlStore(pool, { database: given.database });
    const end = () => pool.end();`,
  sqlite: `const { sqliteStore } = require('spillway/sqlite');
    const open = () => sqliteStore(given.file);
    const end = () => {};`,
  cas: `const { casStore } = require('spillway/store');
    const kept = new Map();
    const soon = () => new Promise((resolve) => setTimeout(resolve, 1));
    const store = casStore({
      name: 'cas',
      read: async (key) => (await soon(), kept.get(key)),
      compareAndSet: async (key, was, is) => (await soon(), kept.get(key) === was && (kept.set(key, is), true)),
    });
    const open = () => store;
    const end = () => {};`,
};
const given = () => ({
  postgres: {
    ...{ host: '127.0.0.1', port: postgres.port, user: 'owner', password: PASSWORD, database: 'postgres' },
  },
  ...{ mysql: mysql.login, database, file: join(folder, 'counts.db') },
});
const head = (name: keyof typeof OPEN) => `${OPEN[name]}
  const { createRateLimiter } = require('spillway');
  const make = (more) => createRateLimiter({ store: open(), rate: '1000000/h', logger: false, timeoutMs: 30000, ...more });`;

describe.each(Object.keys(OPEN) as (keyof typeof OPEN)[])('%s', (name) => {
  test.each(['open', 'closed', 'memory'])(
    'closed twice with 10,000 asked, failureMode %s: each is answered once, and the process ends',
    async (failureMode) => {
      const script = `${head(name)}
        (async () => {
          const limiter = make({ failureMode: ${JSON.stringify(failureMode)} });
          await limiter.check('warm');
          let answers = 0;
          const asked = Array.from({ length: 10000 }, (_, i) => limiter.check('k' + (i % 500)).finally(() => answers++));
          await new Promise((resolve) => setTimeout(resolve, 5));
          const started = performance.now();
          await Promise.all([limiter.close(), limiter.close()]);
          await Promise.all(asked);
          report([answers, performance.now() - started < 3000]);
          await limiter.check('k').catch(({ code }) => report(code));
          await limiter.close();
          await end();
        })();`;
      expect(await reportsOf(script, { given: given() })).toEqual([[10_000, true], 'ERR_CLOSED']);
    },
  );

  test.each(['process.exit(7)', "process.kill(process.pid, 'SIGKILL')"])(
    '%s with a thousand under way',
    async (ending) => {
      const script = `${head(name)}
        const limiter = make();
        limiter.check('warm').then(({ source }) => {
          report(source);
          for (let i = 0; i < 1000; i++) limiter.check('k' + i);
          setTimeout(() => { ${ending} }, 3);
        });`;
      const { code, signal, stderr, reports } = await runScript(script, { given: given(), abrupt: true });
      expect([code ?? signal, stderr, reports]).toEqual([ending.includes('7') ? 7 : 'SIGKILL', '', [name]]);
    },
  );

  test('workers that are terminated in mid-flight', async () => {
    const script = `${head(name)}
      const { Worker } = require('node:worker_threads');
      const source = 'const given = ' + JSON.stringify(given) + ';' + ${JSON.stringify(head(name))} + \`
        const limiter = make();
        limiter.check('warm').then(() => {
          for (let i = 0; i < 1000; i++) limiter.check('k' + i);
          require('node:worker_threads').parentPort.postMessage('asked');
        });\`;
      (async () => {
        for (let i = 0; i < 10; i++) {
          const worker = new Worker(source, { eval: true });
          await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
          await worker.terminate();
        }
        const limiter = make();
        report((await limiter.check('after')).source);
        await limiter.close();
        await end();
      })();`;
    expect(await reportsOf(script, { given: given() })).toEqual([name]);
  });

  test('50 hot reloads, and nobody closes: those that are forgotten are collected', async () => {
    const script = `${head(name)}
      (async () => {
        const { readdirSync } = require('node:fs');
        const limiters = [];
        let descriptors;
        for (let i = 0; i < 50; i++) {
          // For so long its last call may hold it.
          const limiter = make({ timeoutMs: 500 });
          limiters.push(new WeakRef(limiter));
          await limiter.check('k' + i);
          descriptors ??= readdirSync('/proc/self/fd').length;
        }
        const left = () => limiters.filter((one) => one.deref() !== undefined).length;
        const turn = () => new Promise((resolve) => setTimeout(resolve, 10));
        const opened = () => readdirSync('/proc/self/fd').length;
        // Whoever looks whether one is there keeps it until the turn ends.
        for (let i = 0; i < 50 && (left() > 1 || opened() > descriptors); i++) { await turn(); gc(); await turn(); }
        report([left() <= 1, opened() <= descriptors]);
        await end();
        process.exit();
      })();`;
    const options = { given: given(), nodeArgs: ['--expose-gc'], abrupt: true };
    expect(await reportsOf(script, options)).toEqual([[true, true]]);
  });
});
