/** `spillway/postgres` under many clients at once: exact, without deadlocks, in few statements, by the primary key. */
import postgres from 'postgres';
import { createRateLimiter, type RateLimiterOptions } from 'spillway';
import { migrate, postgresStore } from 'spillway/postgres';
import { owner } from './support/owned';
import { pgbouncer } from './support/pgbouncer';
import { counted, explained, PASSWORD, PostgresServer } from './support/postgres';
import { reportsOf } from './support/process';
import { random } from './support/sequences';
import { until } from './support/wait';

const own = owner();
let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
}, 60_000);
afterAll(() => server.close());

const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
/** What so many admitted checks leave of a limit, each once. */
const each = (limit: number) => times(limit, (i) => limit - 1 - i);
const limiterOf = (options: RateLimiterOptions) =>
  own(createRateLimiter({ timeoutMs: 15_000, logger: false, ...options }));

function remainders(decisions: readonly { allowed: boolean; remaining: number; source: string }[]): number[] {
  expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(['postgres']));
  return decisions
    .filter(({ allowed }) => allowed)
    .map(({ remaining }) => remaining)
    .sort((a, b) => b - a);
}

test('200 clients through PgBouncer in transaction mode admit the limit together', async () => {
  const schema = await server.schema('bouncer');
  const { config } = await own(pgbouncer(server, 8));
  const limiters = await Promise.all(
    times(200, () =>
      limiterOf({ store: postgresStore(server.pool({ ...config, max: 1 }), { schema }), rate: '300/h' }),
    ),
  );
  const decisions = await Promise.all(limiters.flatMap((limiter) => times(4, () => limiter.check('k'))));
  expect(remainders(decisions)).toEqual(each(300));
  expect(await server.one('SELECT n[1]::int FROM bouncer.spillway_counts')).toBe(300);
  // No statement has stayed in a session.
  expect(await server.one('SELECT count(*)::int FROM pg_prepared_statements')).toBe(0);
}, 60_000);

test('processes share a limit', async () => {
  const schema = await server.schema('processes');
  const script = `
    const { Pool } = require('pg');
    const { createRateLimiter } = require('spillway');
    const { postgresStore } = require('spillway/postgres');
    const pool = new Pool({ ...given.login, max: 3 });
    const limiter = createRateLimiter({ store: postgresStore(pool, { schema: given.schema }), rate: '500/h', timeoutMs: 15_000 });
    (async () => {
      const all = [];
      for (let i = 0; i < 20; i++) all.push(...(await Promise.all(Array.from({ length: 20 }, () => limiter.check('k')))));
      report(all.map(({ allowed, remaining, source }) => ({ allowed, remaining, source })));
      await limiter.close();
      await pool.end();
    })();`;
  const login = {
    host: '127.0.0.1',
    port: server.port,
    user: 'owner',
    password: PASSWORD,
    database: 'postgres',
  };
  const said = await Promise.all(times(2, () => reportsOf<never[]>(script, { given: { login, schema } })));
  expect(remainders(said.flat(2))).toEqual(each(500));
}, 60_000);

test('checks that share rules in any order never wait for each other in a circle', async () => {
  const schema = await server.schema('orders');
  const pools = times(12, () => counted(server.pool({ max: 4 })));
  const next = random(5);
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  // Rules in another order for each; no key is there at first, and ends of windows make and sweep them again.
  const rules = (order: string[]) =>
    order.map((id) => ({ id, rate: { requests: 1_000_000, windowMs: 20 } as const }));
  const shuffled = () => [...names].sort(() => next(3) - 1);
  const limiters = await Promise.all(
    times(12, (i) =>
      limiterOf({
        store: postgresStore(pools[i]!, { schema, sweep: { everyCharges: 20 } }),
        plans: { all: rules(shuffled()) },
        prefix: 'orders:',
      }),
    ),
  );
  const ask = async (limiter: (typeof limiters)[number]) => {
    for (let round = 0; round < 25; round++) {
      const ids = times(8, () => `u${next(5)}`);
      const decisions = await Promise.all(ids.map((id) => limiter.check(id, 'all')));
      expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(['postgres']));
      if (round % 10 === 5) await Promise.all([limiter.reset('u1'), limiter.block('u2', 5)]);
    }
  };
  await Promise.all(limiters.map(ask));
  // Neither those that were repeated and went well then.
  expect(pools.flatMap(({ failures }) => failures)).toEqual([]);
  expect(await server.one(`SELECT deadlocks::int FROM pg_stat_database WHERE datname = 'postgres'`)).toBe(0);
}, 60_000);

test('checks of one turn are one statement, of which each has its own verdict', async () => {
  const schema = await server.schema('turns');
  const pool = counted(server.pool());
  const limiter = await limiterOf({ store: postgresStore(pool, { schema, sweep: false }), rate: '10/h' });
  const decisions = await Promise.all(times(200, (i) => limiter.check(`k${i % 10}`)));
  expect(pool.asked).toHaveLength(1);
  expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(100);
  for (const i of times(10, (i) => i)) {
    const ofKey = decisions.filter((_, at) => at % 10 === i).map(({ remaining }) => remaining);
    expect(ofKey).toEqual([...each(10), ...times(10, () => 0)]);
  }
  // 256 a statement.
  pool.asked.length = 0;
  await Promise.all(times(600, (i) => limiter.check(`m${i}`)));
  expect(pool.asked).toHaveLength(3);
});

test('while statements are under way further checks gather', async () => {
  const schema = await server.schema('gather');
  const real = server.pool();
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  let asked = 0;
  const query = async (text: string, values?: string[]) => {
    asked++;
    await gate;
    return real.query(text, values);
  };
  const limiter = await limiterOf({ store: postgresStore({ query }, { schema }), rate: '10/h' });
  const all = [];
  for (let turn = 0; turn < 50; turn++) {
    all.push(limiter.check(`t${turn}`));
    await new Promise(setImmediate);
  }
  expect(asked).toBe(4);
  open();
  expect((await Promise.all(all)).every(({ source }) => source === 'postgres')).toBe(true);
  expect(asked).toBe(5);
});

test('a check among many keys reads by the primary key, with the plan of a table that was empty', async () => {
  const schema = await server.schema('many');
  const pool = server.pool({ max: 1 });
  const said = await explained(pool, 'SET auto_explain.log_nested_statements = on');
  const limiter = await limiterOf({
    store: postgresStore(pool, { schema, sweep: { everyCharges: 1 } }),
    plans: {
      two: [
        { id: 'a', rate: '5/h' },
        { id: 'b', rate: '5/m', algorithm: 'token-bucket' },
      ],
    },
  });
  for (let i = 0; i < 8; i++) await limiter.check(`k${i}`, 'two');
  await server.admin.query('ANALYZE many.spillway_counts');
  for (let i = 0; i < 8; i++) await limiter.check(`k${i}`, 'two');
  await server.admin.query(`INSERT INTO many.spillway_counts
    SELECT 'x' || i, 'f', 9e15, '{1}' FROM generate_series(1, 200000) i`);
  said.length = 0;
  await limiter.check('k1', 'two');
  for await (const one of limiter.list({ rule: 'a' })) expect(one.count).toBeGreaterThan(0);
  const plans = said.join('\n');
  expect(plans.match(/Index Scan using spillway_counts_pkey/g)?.length).toBeGreaterThanOrEqual(2);
  expect(plans).toContain('Conflict Arbiter Indexes: spillway_counts_pkey');
  expect(plans).toContain('Tid Range Scan');
  expect(plans).not.toMatch(/Seq Scan on spillway_counts|Bitmap|Hash Join|Merge Join/);
});

test('nothing is compiled while a key is held, also where the server compiles all that it is asked', async () => {
  const schema = await server.schema('compiled');
  const pool = server.pool({ max: 1 });
  const said = await explained(
    pool,
    `SET auto_explain.log_nested_statements = on; SET auto_explain.log_analyze = on; SET jit = on; SET jit_above_cost = 0`,
  );
  const store = postgresStore(pool, { schema, sweep: { everyCharges: 1 } });
  const limiter = await limiterOf({ store, rate: '5/h', algorithm: 'fixed-window' });
  const other = await limiterOf({ store, rate: '5/h', algorithm: 'token-bucket' });
  for (let i = 0; i < 7; i++) await limiter.check('k');
  for (let i = 0; i < 7; i++) await other.check('k');
  const ours = said.filter((text) => !/Query Text: SELECT "/.test(text));
  expect(ours.length).toBeGreaterThan(20);
  expect(ours.filter((text) => text.includes('JIT:'))).toEqual([]);
});

test('ended rows leave beside charges, in bounded parts, also beside rows that somebody holds', async () => {
  const schema = await server.schema('swept');
  const pool = counted(server.pool());
  await server.admin.query(`INSERT INTO swept.spillway_counts
    SELECT 'x' || i, 'f', 1, '{1}' FROM generate_series(1, 20000) i`);
  const holder = await server.pool().connect();
  const sweep = { everyCharges: 10, blocks: 16 };
  const limiter = await limiterOf({ store: postgresStore(pool, { schema, sweep }), rate: '1000/h' });
  const left = () => server.one<number>(`SELECT count(*)::int FROM swept.spillway_counts WHERE ends_at = 1`);
  const sweeps = () => pool.asked.filter(({ text }) => text.includes('_sweep')).length;
  try {
    await holder.query(`BEGIN; SELECT FROM swept.spillway_counts WHERE key = 'x77' FOR UPDATE`);
    let before = await left();
    const next = async () => {
      const many = sweeps();
      await until('a sweep', async () => (await limiter.check('k'), sweeps() > many), { everyMs: 1 });
      const now = await left();
      // At most what stands in the blocks of one sweep, and of one that was under way.
      expect(before - now).toBeLessThan(16 * 200 * 2);
      before = now;
      return now;
    };
    await until('all have left that nobody holds', async () => (await next()) === 1, { everyMs: 1 });
    expect(await server.one(`SELECT key FROM swept.spillway_counts WHERE ends_at = 1`)).toBe('x77');
    expect((await limiter.peek('k')).source).toBe('postgres');
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
  }
}, 30_000);

test('migrations run at once, again, on other names, and leave counts as they are', async () => {
  await server.admin.query('CREATE SCHEMA moved');
  const pool = server.pool({ max: 8 });
  const place = { schema: 'moved', table: 'order' };
  await Promise.all(times(8, () => migrate(pool, place)));
  const limiter = await limiterOf({ store: postgresStore(pool, place), rate: '5/h' });
  expect((await limiter.check('k')).remaining).toBe(4);
  const persistence = () =>
    server.one<string>(`SELECT relpersistence::text FROM pg_class WHERE oid = 'moved.order'::regclass`);
  expect(await persistence()).toBe('u');
  await migrate(pool, { ...place, unlogged: false });
  expect(await persistence()).toBe('p');
  await migrate(pool, place);
  expect(await persistence()).toBe('p');
  expect((await limiter.check('k')).remaining).toBe(3);
  await server.admin.query('CREATE SCHEMA logged');
  await migrate(pool, { schema: 'logged', unlogged: false });
  expect(
    await server.one<string>(
      `SELECT relpersistence::text FROM pg_class WHERE oid = 'logged.spillway_counts'::regclass`,
    ),
  ).toBe('p');
});

test('a listing comes by pages, in an order that no locale changes', async () => {
  const schema = await server.schema('pages');
  const pool = counted(server.pool());
  const limiter = await limiterOf({ store: postgresStore(pool, { schema, sweep: false }), rate: '5/h' });
  const ids = [...times(230, (i) => `id${i}`), 'É', '\u{10ffff}', '\ud7ff', '%', '_', '"q"', '\\'];
  await Promise.all(ids.map((id) => limiter.check(id)));
  pool.asked.length = 0;
  const found: string[] = [];
  for await (const { key } of limiter.list({ pageSize: 50 })) found.push(key);
  expect(found.sort()).toEqual([...ids].sort());
  expect(pool.asked.filter(({ text }) => text.includes('LIMIT')).length).toBe(5);
});

test('postgres.js serves as well as pg', async () => {
  const schema = await server.schema('other');
  const sql = postgres({
    host: '127.0.0.1',
    port: server.port,
    user: 'owner',
    pass: PASSWORD,
    database: 'postgres',
  });
  const limiter = await limiterOf({
    store: postgresStore(
      { query: async (text, values) => ({ rows: await sql.unsafe(text, values) }) },
      { schema, sweep: { everyCharges: 1 } },
    ),
    rate: '5/h',
  });
  const decisions = await Promise.all(times(8, (i) => limiter.check(['"a"', 'b'][i % 2]!)));
  expect(decisions.map(({ remaining }) => remaining)).toEqual([4, 4, 3, 3, 2, 2, 1, 1]);
  const listed = [];
  for await (const { key } of limiter.list()) listed.push(key);
  expect(listed.sort()).toEqual(['"a"', 'b']);
  expect((await limiter.health()).healthy).toBe(true);
  await sql.end();
});
