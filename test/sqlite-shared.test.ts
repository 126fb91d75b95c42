/** `spillway/sqlite` under many callers at once: exact, in few transactions, by the primary key, and never in the loop's way. */
import { Worker } from 'node:worker_threads';
import Better from 'better-sqlite3';
import { createRateLimiter, type RateLimiterOptions } from 'spillway';
import { sqliteStore } from 'spillway/sqlite';
import { owner } from './support/owned';
import { reportsOf, ROOT, runScript } from './support/process';
import { files, lookAt, watched } from './support/sqlite';
import { until } from './support/wait';

const own = owner();
const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
const file = files();
const limiterOf = (options: RateLimiterOptions) =>
  own(createRateLimiter({ timeoutMs: 15_000, logger: false, ...options }));
/** What so many admitted checks leave of a limit, each once. */
const each = (limit: number) => times(limit, (i) => limit - 1 - i);

function remainders(decisions: readonly { allowed: boolean; remaining: number; source: string }[]): number[] {
  expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(['sqlite']));
  return decisions
    .filter(({ allowed }) => allowed)
    .map(({ remaining }) => remaining)
    .sort((a, b) => b - a);
}

/** Asks 10 times 40 checks of one key, in a process of its own. */
const ASKING = `
  const Better = require('better-sqlite3');
  const { createRateLimiter } = require('spillway');
  const { sqliteStore } = require('spillway/sqlite');
  const ask = async (store, rounds) => {
    const limiter = createRateLimiter({ store, rate: '500/h', timeoutMs: 15_000 });
    const all = [];
    for (let i = 0; i < rounds; i++) all.push(...(await Promise.all(Array.from({ length: 40 }, () => limiter.check('k')))));
    report(all.map(({ allowed, remaining, source }) => ({ allowed, remaining, source })));
    await limiter.close();
  };`;

test('four processes share a limit of a file that none of them found', async () => {
  const script = `${ASKING} ask(sqliteStore(given), 10);`;
  const path = file();
  const said = await Promise.all(times(4, () => reportsOf<never[]>(script, { given: path })));
  expect(remainders(said.flat(2))).toEqual(each(500));
}, 60_000);

test('a process that is killed in mid-transaction charges nothing, and the others go on', async () => {
  const path = file();
  // In front of the end of its fourth transaction that charges.
  const killed = `${ASKING}
    const real = new Better(given);
    real.exec('PRAGMA journal_mode = WAL');
    let charges = 0;
    const prepare = (sql) => {
      const statement = real.prepare(sql);
      const run = (...values) => {
        if (sql.startsWith('INSERT') && values[0] !== '') charges++;
        if (sql === 'COMMIT' && charges === 4) process.kill(process.pid, 'SIGKILL');
        return statement.run(...values);
      };
      return { run, get: (...values) => statement.get(...values), all: (...values) => statement.all(...values) };
    };
    ask(sqliteStore({ prepare, exec: (sql) => real.exec(sql), close() {} }), 10);`;
  const [one, ...others] = await Promise.all([
    runScript(killed, { given: path }),
    ...times(3, () => reportsOf<never[]>(`${ASKING} ask(sqliteStore(given), 2);`, { given: path })),
  ]);
  expect(one.signal).toBe('SIGKILL');
  expect(remainders(others.flat(2))).toHaveLength(240);
  const limiter = await limiterOf({ store: sqliteStore(path), rate: '500/h' });
  const { remaining } = await limiter.peek('k');
  // What the dead one was charged before stays.
  expect(500 - remaining - 240).toBe(120);
}, 60_000);

test('worker threads share a limit', async () => {
  const path = file();
  const script = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { createRateLimiter } = require('${ROOT}');
    const { sqliteStore } = require('${ROOT}/dist/sqlite/index.js');
    const limiter = createRateLimiter({ store: sqliteStore(workerData), rate: '100/h', timeoutMs: 15_000 });
    Promise.all(Array.from({ length: 80 }, () => limiter.check('k'))).then(async (all) => {
      await limiter.close();
      parentPort.postMessage(all.map(({ allowed, remaining, source }) => ({ allowed, remaining, source })));
    });`;
  const said = await Promise.all(
    times(3, () => {
      const worker = new Worker(script, { eval: true, workerData: path });
      return new Promise<never[]>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    }),
  );
  expect(remainders(said.flat())).toEqual(each(100));
});

test('checks of one turn are one transaction, of which each has its own verdict', async () => {
  const { database, ran } = watched(await own(new Better(file())));
  const limiter = await limiterOf({ store: sqliteStore(database), rate: '10/h' });
  await limiter.check('first');
  ran.length = 0;
  const begins = () => ran.filter((sql) => sql.startsWith('BEGIN'));
  const decisions = await Promise.all(times(200, (i) => limiter.check(`k${i % 10}`)));
  expect(begins()).toEqual(['BEGIN IMMEDIATE']);
  expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(100);
  for (const i of times(10, (i) => i)) {
    const ofKey = decisions.filter((_, at) => at % 10 === i).map(({ remaining }) => remaining);
    expect(ofKey).toEqual([...each(10), ...times(10, () => 0)]);
  }
  // 256 in one, and no lock for looks.
  ran.length = 0;
  await Promise.all(times(600, (i) => limiter.check(`m${i}`)));
  expect(begins()).toHaveLength(3);
  ran.length = 0;
  await Promise.all(times(20, (i) => limiter.peek(`m${i}`)));
  expect(begins()).toEqual(['BEGIN']);
});

test('transactions leave the event loop a turn between them', async () => {
  let turn = 0;
  let counting = true;
  const next = () => {
    turn++;
    if (counting) setImmediate(next);
  };
  const turns: number[] = [];
  const { database } = watched(await own(new Better(file())), (sql) => {
    if (sql === 'COMMIT') turns.push(turn);
  });
  const limiter = await limiterOf({ store: sqliteStore(database), rate: '10/h' });
  await limiter.check('first');
  turns.length = 0;
  next();
  try {
    await Promise.all(times(2_000, (i) => limiter.check(`k${i}`)));
  } finally {
    counting = false;
  }
  expect(turns).toHaveLength(8);
  expect(new Set(turns).size).toBe(8);
});

test('a lock of somebody else is waited for without stopping the event loop, also on a connection that would', async () => {
  const path = file();
  const patient = await own(new Better(path, { timeout: 10_000 }));
  const limiters = [
    await limiterOf({ store: sqliteStore(path), rate: '10/h' }),
    await limiterOf({ store: sqliteStore(patient), rate: '10/h' }),
  ];
  for (const limiter of limiters) expect((await limiter.check('k')).source).toBe('sqlite');
  const holder = await own(lookAt(path));
  holder.exec('BEGIN IMMEDIATE');
  let settled = false;
  const waiting = Promise.all(limiters.map((limiter) => limiter.check('k'))).finally(() => (settled = true));
  const before = performance.now();
  for (let i = 0; i < 60; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  // A connection that waits in SQLite has the loop for ten seconds.
  expect(performance.now() - before).toBeLessThan(5_000);
  expect(settled).toBe(false);
  holder.exec('ROLLBACK');
  expect(remainders(await waiting)).toEqual([7, 6]);
  expect(patient.pragma('busy_timeout', { simple: true })).toBe(10_000);
});

test("a transaction of the application's on the lent connection is waited for, and no part of it", async () => {
  const database = await own(new Better(file()));
  database.exec('CREATE TABLE own (n)');
  const asked = watched(database);
  const limiter = await limiterOf({ store: sqliteStore(asked.database), rate: '10/h' });
  await limiter.check('k');
  asked.ran.length = 0;
  database.exec('BEGIN; INSERT INTO own VALUES (1)');
  const startMs = performance.now();
  const waiting = limiter.check('k');
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  // After some quick looks with pauses, of a millisecond and more.
  expect(asked.ran.filter((sql) => sql === 'BEGIN IMMEDIATE').length).toBeLessThan(
    12 + performance.now() - startMs,
  );
  database.exec('ROLLBACK');
  expect((await waiting).remaining).toBe(8);
  expect((await limiter.peek('k')).remaining).toBe(8);
  expect(database.prepare('SELECT count(*) FROM own').pluck().get()).toBe(0);
});

test('a check among many keys reads by the primary key, and so does what it does beside', async () => {
  const real = await own(new Better(file()));
  const { database, ran } = watched(real);
  const limiter = await limiterOf({
    store: sqliteStore(database, { sweep: { everyWrites: 1, rows: 50 } }),
    rate: '5/h',
  });
  for (let i = 0; i < 80; i++) await limiter.check(`k${i}`);
  for await (const { count } of limiter.list()) expect(count).toBe(1);
  await limiter.reset('k1');
  const asked = [...new Set(ran)].filter((sql) => /^(SELECT|INSERT|DELETE)/.test(sql));
  expect(asked).toHaveLength(7);
  const planOf = (sql: string) =>
    real
      .prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
      .all(...times(sql.split('?').length - 1, () => 1))
      .map(({ detail }) => detail);
  for (const sql of asked.filter((one) => !one.startsWith('INSERT'))) {
    expect(planOf(sql)).toEqual([
      expect.stringMatching(/^SEARCH spillway_counts USING PRIMARY KEY \(key[=>]/),
    ]);
  }
});

test('ended rows leave beside charges, in bounded parts', async () => {
  const path = file();
  const limiter = await limiterOf({
    store: sqliteStore(path, { sweep: { everyWrites: 2, rows: 100 } }),
    rate: '1000/h',
  });
  await limiter.check('k');
  const other = await own(lookAt(path));
  const insert = other.prepare("INSERT INTO spillway_counts VALUES (?, 'x', 1)");
  other.transaction(() => times(2_000, (i) => insert.run(i % 2 === 0 ? `a${i}` : `z${i}`)))();
  const left = () =>
    other.prepare('SELECT count(*) FROM spillway_counts WHERE ends_at = 1').pluck().get() as number;
  let before = left();
  await until(
    'all have left',
    async () => {
      await limiter.check('k');
      const now = left();
      expect(before - now).toBeLessThanOrEqual(100);
      before = now;
      return now === 0;
    },
    { everyMs: 0 },
  );
  // What has not ended stays, and so does what says the version.
  expect(other.prepare('SELECT key FROM spillway_counts').pluck().all()).toEqual([
    '',
    '{ratelimit:k}:@rate-1h',
  ]);
});

test('a listing comes by pages, in an order of bytes', async () => {
  const { database, ran } = watched(await own(new Better(file())));
  const limiter = await limiterOf({ store: sqliteStore(database), rate: '5/h' });
  const ids = [
    ...times(230, (i) => `id${i}`),
    'É',
    '\u{10ffff}',
    '\ud7ff',
    '\ue000',
    '%',
    '_',
    '"q"',
    '\\',
    'x'.repeat(1_024),
  ];
  await Promise.all(ids.map((id) => limiter.check(id)));
  ran.length = 0;
  const found: string[] = [];
  for await (const { key } of limiter.list({ pageSize: 50 })) found.push(key);
  expect(found.sort()).toEqual([...ids].sort());
  expect(ran.filter((sql) => sql.includes('LIMIT'))).toHaveLength(5);
});
