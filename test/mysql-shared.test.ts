/** `spillway/mysql` under many clients at once: exact, without deadlocks, in few statements, by the primary key. */
import { createPool as createCallbackPool } from 'mysql2';
import { createRateLimiter, type RateLimiterOptions } from 'spillway';
import { migrate, mysqlStore } from 'spillway/mysql';
import { step } from 'spillway/store';
import { counted, MysqlServer } from './support/mysql';
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { random } from './support/sequences';
import { delay, until } from './support/wait';

const own = owner();
let server: MysqlServer;
beforeAll(async () => {
  server = await MysqlServer.start();
}, 60_000);
afterAll(() => server.close());

const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
/** What so many admitted checks leave of a limit, each once. */
const each = (limit: number) => times(limit, (i) => limit - 1 - i);
const limiterOf = (options: RateLimiterOptions) =>
  own(createRateLimiter({ timeoutMs: 15_000, logger: false, ...options }));

function remainders(decisions: readonly { allowed: boolean; remaining: number; source: string }[]): number[] {
  expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(['mysql']));
  return decisions
    .filter(({ allowed }) => allowed)
    .map(({ remaining }) => remaining)
    .sort((a, b) => b - a);
}

test('100 clients admit the limit together', async () => {
  const database = await server.database('clients');
  const limiters = await Promise.all(
    times(100, () =>
      limiterOf({ store: mysqlStore(server.pool({ connectionLimit: 1 }), { database }), rate: '150/h' }),
    ),
  );
  const decisions = await Promise.all(limiters.flatMap((limiter) => times(4, () => limiter.check('k'))));
  expect(remainders(decisions)).toEqual(each(150));
}, 60_000);

test('processes share a limit', async () => {
  const database = await server.database('processes');
  const script = `
    const { createPool } = require('mysql2/promise');
    const { createRateLimiter } = require('spillway');
    const { mysqlStore } = require('spillway/mysql');
    const pool = createPool({ ...given.login, connectionLimit: 3 });
    const limiter = createRateLimiter({
      store: mysqlStore(pool, { database: given.database }), rate: '500/h', timeoutMs: 15_000 });
    (async () => {
      const all = [];
      for (let i = 0; i < 20; i++) all.push(...(await Promise.all(Array.from({ length: 20 }, () => limiter.check('k')))));
      report(all.map(({ allowed, remaining, source }) => ({ allowed, remaining, source })));
      await limiter.close();
      await pool.end();
    })();`;
  const given = { login: server.login, database };
  const said = await Promise.all(times(2, () => reportsOf<never[]>(script, { given })));
  expect(remainders(said.flat(2))).toEqual(each(500));
}, 60_000);

test('checks that share rules in any order never wait for each other in a circle', async () => {
  const database = await server.database('orders');
  const pools = times(8, () => counted(server.pool({ connectionLimit: 4 })));
  const next = random(5);
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  // Rules in another order for each; no key is there at first, and ends of windows make and sweep them again.
  const rules = (order: string[]) =>
    order.map((id) => ({ id, rate: { requests: 1_000_000, windowMs: 20 } as const }));
  const shuffled = () => [...names].sort(() => next(3) - 1);
  const limiters = await Promise.all(
    times(8, (i) =>
      limiterOf({
        store: mysqlStore(pools[i]!, { database, sweep: { everyCharges: 20 } }),
        plans: { all: rules(shuffled()) },
        prefix: 'orders:',
      }),
    ),
  );
  const ask = async (limiter: (typeof limiters)[number]) => {
    for (let round = 0; round < 20; round++) {
      const ids = times(8, () => `u${next(5)}`);
      const decisions = await Promise.all(ids.map((id) => limiter.check(id, 'all')));
      expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(['mysql']));
      if (round % 10 === 5) await Promise.all([limiter.reset('u1'), limiter.block('u2', 5)]);
    }
  };
  await Promise.all(limiters.map(ask));
  // Neither those that were repeated and went well then.
  expect(pools.flatMap(({ failures }) => failures)).toEqual([]);
  expect(pools.some(({ asked }) => asked.some((sql) => sql.startsWith('DELETE')))).toBe(true);
}, 60_000);

test('checks of one turn are one transaction, of which each has its own verdict', async () => {
  const database = await server.database('turns');
  const pool = counted(server.pool());
  const limiter = await limiterOf({ store: mysqlStore(pool, { database, sweep: false }), rate: '10/h' });
  const decisions = await Promise.all(times(200, (i) => limiter.check(`k${i % 10}`)));
  expect(pool.asked.map((sql) => /[A-Z]+/.exec(sql.replace(/\/\*.*?\*\//, ''))![0])).toEqual([
    ...['SET', 'START', 'INSERT', 'SELECT', 'INSERT', 'COMMIT'],
  ]);
  expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(100);
  for (const i of times(10, (i) => i)) {
    const ofKey = decisions.filter((_, at) => at % 10 === i).map(({ remaining }) => remaining);
    expect(ofKey).toEqual([...each(10), ...times(10, () => 0)]);
  }
  // What is denied writes nothing, and looks lock nothing.
  pool.asked.length = 0;
  await limiter.check('k1');
  expect(pool.asked).toHaveLength(5);
  expect(pool.asked.at(-1)).toBe('ROLLBACK');
  pool.asked.length = 0;
  await limiter.peek('k1');
  expect(pool.asked.some((sql) => sql.includes('INSERT'))).toBe(false);
  // 256 a transaction.
  pool.asked.length = 0;
  await Promise.all(times(600, (i) => limiter.check(`m${i}`)));
  expect(pool.transactions()).toBe(3);
});

test('what is denied or reset without a count leaves no row', async () => {
  const database = await server.database('nothing');
  const limiter = await limiterOf({
    store: mysqlStore(server.pool(), { database, sweep: false }),
    rate: '0/h',
  });
  expect(await limiter.check('k')).toMatchObject({ allowed: false, source: 'mysql' });
  expect(await limiter.reset('other')).toBe(false);
  expect(await server.one('SELECT COUNT(*) FROM nothing.spillway_counts')).toBe(0);
});

const RULE = { algorithm: 'sliding-log', limit: 10_000, windowMs: 3_600_000 } as const;
test('states of all sizes are written in statements that every server takes', async () => {
  const database = await server.database('sizes');
  const pool = counted(server.pool());
  const limiter = await limiterOf({
    store: mysqlStore(pool, { database, sweep: false }),
    rate: '10000/h',
    algorithm: 'sliding-log',
  });
  // Logs of 1,500 entries.
  let state: string | null = null;
  for (let i = 1_500; i > 0; i--) state = step(RULE, state, 1, Date.now() - i * 3).state;
  const ids = times(250, (i) => `k${i}`);
  await Promise.all(ids.map((id) => limiter.check(id)));
  await server.admin.query(`UPDATE sizes.spillway_counts SET state = '${state}'`);
  pool.asked.length = 0;
  const decisions = await Promise.all(ids.map((id) => limiter.check(id)));
  expect(remainders(decisions)).toEqual(times(250, () => 10_000 - 1_501));
  expect(pool.transactions()).toBe(1);
  expect(pool.asked.length).toBeGreaterThan(6);
  for (const sql of pool.asked) expect(sql.length).toBeLessThan(2 << 20);
});

test('the clock is read when the keys are held', async () => {
  const database = await server.database('held');
  const limiter = await limiterOf({
    store: mysqlStore(server.pool(), { database }),
    rate: { requests: 1, windowMs: 400 },
  });
  await limiter.check('k');
  const holder = await server.admin.getConnection();
  try {
    await holder.query('BEGIN');
    await holder.query('SELECT * FROM held.spillway_counts FOR UPDATE');
    const waiting = limiter.check('k');
    // Its window ends while it waits.
    await delay(500);
    await holder.query('ROLLBACK');
    expect(await waiting).toMatchObject({ allowed: true, source: 'mysql' });
  } finally {
    holder.release();
  }
});

test('a check among many keys reads by the primary key, and locks no other', async () => {
  const database = await server.database('many');
  const pool = counted(server.pool());
  const limiter = await limiterOf({
    store: mysqlStore(pool, { database, sweep: { everyCharges: 1 } }),
    rate: '5/h',
  });
  await server.admin.query(
    `INSERT INTO many.spillway_counts (\`key\`, ends_at, state)
    SELECT CONCAT('x', seq), IF(seq % 2, 1, 9e15), '' FROM mysql.seq_1_to_100000`,
  );
  const read = async () =>
    Number(
      await server.one(`SELECT SUM(VARIABLE_VALUE) FROM information_schema.GLOBAL_STATUS
        WHERE VARIABLE_NAME LIKE 'HANDLER\\_READ%'`),
    );
  const before = await read();
  await Promise.all(times(300, (i) => limiter.check(`k${i}`)));
  for await (const one of limiter.list({ pageSize: 50 })) expect(one.count).toBeGreaterThan(0);
  // The first one begins behind what was charged, and the next one in front.
  const hasSwept = () => pool.asked.some((sql) => sql.startsWith('DELETE'));
  await until('a sweep', async () => (await limiter.check('k0'), hasSwept()));
  expect((await read()) - before).toBeLessThan(80_000);
  const explained = pool.asked.filter((sql) => /\b(SELECT|DELETE)\b/.test(sql));
  expect(explained.length).toBeGreaterThan(4);
  for (const sql of explained) {
    const [plan] = await server.admin.query(`EXPLAIN ${sql}`);
    for (const step of plan as { table: string | null; type: string; key: string }[]) {
      if (step.table === null || step.table.startsWith('<derived')) continue;
      expect([sql.slice(0, 60), step.key]).toEqual([sql.slice(0, 60), 'PRIMARY']);
      expect(['range', 'eq_ref', 'const']).toContain(step.type);
    }
  }
}, 30_000);

test('ended rows leave beside charges, in bounded parts, also beside rows that somebody holds', async () => {
  const database = await server.database('swept');
  const pool = counted(server.pool());
  await server.admin.query(`INSERT INTO swept.spillway_counts (\`key\`, ends_at, state)
    SELECT CONCAT('x', seq), 1, '' FROM mysql.seq_1_to_10000`);
  const holder = await server.admin.getConnection();
  const limiter = await limiterOf({
    store: mysqlStore(pool, { database, sweep: { everyCharges: 10, rows: 900 } }),
    rate: '1000/h',
  });
  const left = () => server.one('SELECT COUNT(*) FROM swept.spillway_counts WHERE ends_at = 1');
  const sweeps = () => pool.asked.filter((sql) => sql.includes('OFFSET')).length;
  try {
    await holder.query('BEGIN');
    await holder.query(`SELECT * FROM swept.spillway_counts WHERE \`key\` = 'x77' FOR UPDATE`);
    let before = await left();
    const next = async () => {
      const many = sweeps();
      await until('a sweep', async () => (await limiter.check('k'), sweeps() > many), { everyMs: 1 });
      const now = await left();
      // At most what one sweep reads, and one that was under way.
      expect(before - now).toBeLessThanOrEqual(900 * 2);
      before = now;
      return now;
    };
    await until('all have left that nobody holds', async () => (await next()) === 1, { everyMs: 1 });
    const last = await server.one<Buffer>('SELECT `key` FROM swept.spillway_counts WHERE ends_at = 1');
    expect(last.toString()).toBe('x77');
    expect((await limiter.peek('k')).source).toBe('mysql');
    expect(pool.failures).toEqual([]);
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
  }
}, 30_000);

test('migrations run at once, again, on other names, and leave counts as they are', async () => {
  await server.admin.query(`CREATE DATABASE moved; GRANT ALL ON moved.* TO app@'127.0.0.1'`);
  const pool = server.pool({ connectionLimit: 8 });
  const place = { database: 'moved', table: 'order' };
  await Promise.all(times(8, () => migrate(pool, place)));
  const limiter = await limiterOf({ store: mysqlStore(pool, place), rate: '5/h' });
  expect((await limiter.check('k')).remaining).toBe(4);
  await migrate(pool, place);
  expect((await limiter.check('k')).remaining).toBe(3);
  expect(await server.one('SELECT COUNT(*) FROM moved.`order`')).toBe(1);
});

test('a listing comes by pages, in an order that no collation changes', async () => {
  const database = await server.database('pages');
  const pool = counted(server.pool());
  const limiter = await limiterOf({ store: mysqlStore(pool, { database, sweep: false }), rate: '5/h' });
  const odd = ['É', '\u{10ffff}', '\ud7ff', '%', '_', '"q"', "'", '?', '\\', 'K1', 'k1', 'k1 '];
  const ids = [...times(230, (i) => `id${i}`), ...odd, ...times(3, (i) => '%'.repeat(1_023) + i)];
  await Promise.all(ids.map((id) => limiter.check(id)));
  pool.asked.length = 0;
  const found: string[] = [];
  for await (const { key } of limiter.list({ pageSize: 50 })) found.push(key);
  expect(found.sort()).toEqual([...ids].sort());
  expect(pool.asked.filter((sql) => sql.includes('LIMIT')).length).toBe(5);
});

test('settings of a pool and of its sessions change nothing, and are there afterwards', async () => {
  const database = await server.database('settings');
  const pool = server.pool({
    ...{ connectionLimit: 1, charset: 'latin1', bigNumberStrings: true, supportBigNumbers: true },
    ...{ dateStrings: true, decimalNumbers: true, rowsAsArray: true, namedPlaceholders: true },
    ...{ timezone: '+05:00', multipleStatements: true, typeCast: () => 'mine' },
  });
  await pool.query(`SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT,TRADITIONAL',
    time_zone = '-07:00', autocommit = 0, sql_safe_updates = 1, tx_isolation = 'SERIALIZABLE'`);
  const limiter = await limiterOf({
    store: mysqlStore(pool, { database, sweep: { everyCharges: 1 } }),
    rate: '5/h',
  });
  const other = await limiterOf({ store: mysqlStore(server.pool(), { database }), rate: '5/h' });
  const ids = ["'", '\\', '漢', 'a'];
  for (const id of ids) expect((await limiter.check(id)).remaining).toBe(4);
  for (const id of ids) expect((await other.check(id)).remaining).toBe(3);
  for (const id of ids) expect((await limiter.peek(id)).remaining).toBe(3);
  const { resetTime } = await limiter.check('a');
  expect(Math.abs(resetTime - Date.now() - 3_600_000)).toBeLessThan(100_000);
  const listed: string[] = [];
  for await (const { key } of limiter.list()) listed.push(key);
  expect(listed.sort()).toEqual([...ids].sort());
  const connection = await pool.getConnection();
  const [rows] = await connection.query({
    sql: `SELECT CONCAT_WS(' ', @@tx_isolation, @@autocommit, @@in_transaction, @@max_statement_time, @@time_zone)`,
    typeCast: (field) => field.string(),
  });
  connection.release();
  expect(rows).toEqual([['SERIALIZABLE OFF 0 0.000000 -07:00']]);
});

test('a pool with callbacks serves as well', async () => {
  const database = await server.database('callbacks');
  const pool = createCallbackPool(server.login);
  const limiter = await limiterOf({ store: mysqlStore(pool, { database }), rate: '5/h' });
  expect(await limiter.check('k')).toMatchObject({ remaining: 4, source: 'mysql' });
  await new Promise((resolve) => pool.end(resolve));
});
