/** PostgreSQL that is killed, paused, read-only, full, not migrated or not granted: what a user sees of it. */
import { createRateLimiter, type RateLimiterOptions } from 'spillway';
import { postgresStore, type Queryable } from 'spillway/postgres';
import { owner } from './support/owned';
import { counted, PASSWORD, PostgresServer } from './support/postgres';
import { reportsOf } from './support/process';
import { blockLoop, inTime, timed, until } from './support/wait';

const own = owner();
let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
  await server.admin.query(`CREATE ROLE app LOGIN PASSWORD '${PASSWORD}'`);
}, 60_000);
afterAll(() => server.close());

const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
const limiterOf = (options: RateLimiterOptions) => own(createRateLimiter({ logger: false, ...options }));
const failing = (code: string, message = 'secret') =>
  Object.assign(new Error(message), code === '' ? {} : { code });

/** Somebody else holds all rows meanwhile. */
async function whileLocked(schema: string, act: () => Promise<void>): Promise<void> {
  const holder = await server.pool().connect();
  try {
    await holder.query(`BEGIN; SELECT FROM ${schema}.spillway_counts FOR UPDATE`);
    await act();
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
  }
}

let schemas = 0;
const schemaOf = () => server.schema(`outage_${schemas++}`);

test('killed: the failure mode answers in time, the breaker opens, and it counts again by itself', async () => {
  const schema = await server.schema('killed', { unlogged: false });
  const pool = server.pool();
  const open = await limiterOf({ store: postgresStore(pool, { schema }), rate: '3/h' });
  const closed = await limiterOf({
    store: postgresStore(pool, { schema, breaker: { openMs: 200, maxOpenMs: 200 } }),
    rate: '3/h',
    prefix: 'closed:',
    failureMode: 'closed',
  });
  expect(await open.check('k')).toMatchObject({ allowed: true, remaining: 2, source: 'postgres' });
  expect((await closed.check('k')).source).toBe('postgres');
  await server.kill();
  for (let i = 0; i < 6; i++) {
    const { value, ms } = await timed(open.check('k'));
    expect(value).toMatchObject({ allowed: true, reason: 'unavailable', source: 'none' });
    expect(ms).toBeLessThan(inTime(250));
    expect(await closed.check('k')).toMatchObject({ allowed: false, reason: 'unavailable' });
  }
  expect(open.stats()).toMatchObject({ store: 'postgres', breaker: { state: 'open' } });
  expect(open.stats().lastError).toBe('PostgreSQL cannot be reached (ECONNREFUSED); nothing was charged.');
  expect((await open.health()).healthy).toBe(false);
  await server.start();
  await until('it counts again', async () => (await open.check('other')).source === 'postgres');
  // The crash left what was written to the log.
  expect((await open.peek('k')).remaining).toBe(2);
  expect((await open.health()).healthy).toBe(true);
}, 60_000);

test('paused: the failure mode answers in time, and nothing is charged twice afterwards', async () => {
  const schema = await schemaOf();
  const limiter = await limiterOf({
    store: postgresStore(server.pool({ max: 2 }), { schema }),
    rate: '100/h',
  });
  await limiter.check('k');
  server.freeze();
  try {
    const waiting = await Promise.all(times(5, () => timed(limiter.check('k'))));
    for (const { value, ms } of waiting) {
      expect(value).toMatchObject({ allowed: true, reason: 'unavailable' });
      expect(ms).toBeLessThan(inTime(250));
    }
    expect(limiter.stats().lastError).toBe('no answer in time');
  } finally {
    server.thaw();
  }
  await until('it counts again', async () => (await limiter.check('later')).source === 'postgres');
  const { remaining } = await limiter.peek('k');
  // One statement with all five was under way: charged or too late, and never repeated.
  expect([99, 94]).toContain(remaining);
}, 30_000);

test('what waited for longer than its deadline in the database charges nothing', async () => {
  const schema = await schemaOf();
  const pool = counted(server.pool());
  const limiter = await limiterOf({ store: postgresStore(pool, { schema }), rate: '10/h', timeoutMs: 200 });
  await limiter.check('k');
  await whileLocked(schema, async () => {
    expect(await limiter.check('k')).toMatchObject({ reason: 'unavailable' });
    await until('the lock was given up', () => pool.failures.length > 0);
    expect(pool.failures).toEqual(['55P03']);
  });
  expect((await limiter.peek('k')).remaining).toBe(9);
});

test('a statement_timeout of the role below the deadline is said, and charges nothing', async () => {
  const schema = await schemaOf();
  const pool = server.pool({ statement_timeout: 30 });
  const limiter = await limiterOf({ store: postgresStore(pool, { schema }), rate: '10/h' });
  await limiter.check('k');
  await whileLocked(schema, async () => {
    expect(await limiter.check('k')).toMatchObject({ allowed: true, reason: 'unavailable' });
    expect(limiter.stats().lastError).toMatch(/^The statement was cancelled, by statement_timeout/);
  });
  expect((await limiter.peek('k')).remaining).toBe(9);
});

test('statements of which nothing is heard keep no later ones waiting', async () => {
  const schema = await schemaOf();
  const real = server.pool();
  let silent = true;
  const limiter = await limiterOf({
    store: postgresStore(
      { query: (text, values) => (silent ? new Promise(() => {}) : real.query(text, values)) },
      { schema },
    ),
    ...{ rate: '9/h', timeoutMs: 50 },
  });
  for (let i = 0; i < 4; i++) await limiter.check('k');
  silent = false;
  expect(await limiter.check('k')).toMatchObject({ source: 'none' });
  await until('those are given up', async () => (await limiter.health()).healthy, { withinMs: 2_000 });
  expect(await limiter.check('k')).toMatchObject({ source: 'postgres', remaining: 8 });
});

test('a Pool of pg ends connections of which nothing is heard', async () => {
  const schema = await schemaOf();
  const pool = server.pool({ max: 1 });
  const limiter = await limiterOf({ store: postgresStore(pool, { schema }), rate: '9/h', timeoutMs: 50 });
  const counts = async () => (await limiter.check('k')).source === 'postgres';
  await until('it is connected', counts);
  const ended = jest.fn();
  pool.once('remove', ended);
  server.freeze();
  try {
    expect(await counts()).toBe(false);
    await until('it was ended', () => ended.mock.calls.length > 0);
  } finally {
    server.thaw();
  }
});

test('a lock that was waited for in vain ends no connection of a Pool, and a standby does', async () => {
  const schema = await schemaOf();
  const pool = server.pool({ max: 1 });
  const limiter = await limiterOf({ store: postgresStore(pool, { schema }), rate: '9/h', timeoutMs: 100 });
  const counts = async () => (await limiter.check('k')).source === 'postgres';
  await until('it is connected', counts);
  const [ended, released] = [jest.fn(), jest.fn()];
  pool.on('remove', ended).on('release', released);
  await whileLocked(schema, async () => {
    expect(await counts()).toBe(false);
    await until('the lock was given up', () => released.mock.calls.length > 0);
  });
  expect(await counts()).toBe(true);
  expect(ended).not.toHaveBeenCalled();

  // Of this connection alone, as where another server is the primary by now.
  await pool.query('SET default_transaction_read_only = on');
  expect(await counts()).toBe(false);
  expect(limiter.stats().lastError).toMatch(/read-only/);
  await until('another one is asked', counts);
  expect(ended).toHaveBeenCalled();
});

test('an answer that came while the event loop was blocked is heard, however long that was', async () => {
  const schema = await schemaOf();
  const pool = server.pool({ max: 1 });
  const limiter = await limiterOf({ store: postgresStore(pool, { schema }), rate: '9/h', timeoutMs: 500 });
  await limiter.check('k');
  const ended = jest.fn();
  pool.once('remove', ended);
  // The server ends it by itself.
  const held = server.admin.query(
    `BEGIN; SELECT FROM ${schema}.spillway_counts FOR UPDATE; SELECT pg_sleep(0.2); COMMIT`,
  );
  const sleeps = `SELECT count(*)::int FROM pg_stat_activity WHERE wait_event = 'PgSleep'`;
  await until('it is held', async () => (await server.one(sleeps)) > 0, { everyMs: 1 });
  const waiting = limiter.check('k');
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  blockLoop(2_000);
  expect(await waiting).toMatchObject({ source: 'postgres', remaining: 7 });
  expect(ended).not.toHaveBeenCalled();
  await held;
});

test('calls that nobody waits for any more are not sent', async () => {
  const schema = await schemaOf();
  const real = server.pool();
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  const asked: string[][] = [];
  let back = 0;
  const query = async (text: string, values: string[] = []) => {
    asked.push(values);
    await gate;
    return real.query(text, values).finally(() => back++);
  };
  const limiter = await limiterOf({
    store: postgresStore({ query }, { schema }),
    rate: '9/h',
    timeoutMs: 50,
  });
  const checks = [];
  for (let i = 0; i < 8; i++) {
    checks.push(limiter.check(`k${i}`));
    await new Promise(setImmediate);
  }
  expect((await Promise.all(checks)).every(({ source }) => source === 'none')).toBe(true);
  // So many are under way; the others have waited for those.
  expect(asked).toHaveLength(4);
  open();
  await until('they are back', () => back === 4);
  await new Promise(setImmediate);
  expect(asked).toHaveLength(4);
});

test.each([
  ['a table that is missing', 'DROP TABLE $.spillway_counts CASCADE', /run migrate\(pool\)/],
  ['functions that are missing', 'DROP FUNCTION $.spillway_counts_v1', /run migrate\(pool\)/, 'fresh'],
  ['functions of a newer version', 'DROP FUNCTION $.spillway_counts_plain_v1', /run migrate\(pool\)/],
  ['a schema that is missing', 'DROP SCHEMA $ CASCADE', /run migrate\(pool\)/],
  [
    'grants that are missing',
    'REVOKE INSERT ON $.spillway_counts FROM app',
    /grant SELECT, INSERT, UPDATE and DELETE/,
    'fresh',
  ],
  ['a role that may only read', 'ALTER ROLE app SET default_transaction_read_only = on', /read-only/],
  ['a role with too many connections', 'ALTER ROLE app CONNECTION LIMIT 0', /too many connections/],
  ['a login that is refused', `ALTER ROLE app PASSWORD 'other'`, /refused the password/],
])('%s is said in plain words', async (_, change, said, key = 'k') => {
  const schema = await schemaOf();
  await server.admin.query(`ALTER ROLE app RESET ALL; ALTER ROLE app CONNECTION LIMIT -1;
    ALTER ROLE app PASSWORD '${PASSWORD}'; GRANT USAGE ON SCHEMA ${schema} TO app;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema}.spillway_counts TO app`);
  const login = { user: 'app' };
  const granted = await limiterOf({ store: postgresStore(server.pool(login), { schema }), rate: '5/h' });
  expect((await granted.check('k')).source).toBe('postgres');
  await server.admin.query(change.replaceAll('$', schema));
  const limiter = await limiterOf({
    store: postgresStore(server.pool(login), { schema }),
    rate: '5/h',
    failureMode: 'closed',
  });
  expect(await limiter.check(key)).toMatchObject({ allowed: false, reason: 'unavailable' });
  const { lastError } = limiter.stats();
  expect(lastError).toMatch(said);
  expect(await limiter.health()).toMatchObject({ healthy: false, lastError: expect.stringMatching(said) });
  expect(lastError).not.toMatch(/app|other|outage_|127/);
});

test('a full disk is said, and a code that nobody knows', async () => {
  const asked: string[] = [];
  const store = (code: string) =>
    limiterOf({
      store: postgresStore({ query: (text) => (asked.push(text), Promise.reject(failing(code))) }),
      rate: '5/h',
    });
  const full = await store('53100');
  expect(await full.check('k')).toMatchObject({ allowed: true, reason: 'unavailable' });
  expect(full.stats().lastError).toBe('The disk of PostgreSQL is full.');
  const other = await store('XX000');
  await other.check('k');
  expect(other.stats().lastError).toBe('PostgreSQL refused the statement (SQLSTATE XX000).');
  expect(asked).toHaveLength(2);
});

describe('what is repeated', () => {
  /** A pool that fails so often, and then answers. */
  async function flaky(code: string, often: number) {
    const schema = await schemaOf();
    const real = server.pool();
    let asked = 0;
    const pool: Queryable = {
      query(text, values) {
        if (asked++ < often) return Promise.reject(failing(code));
        return real.query(text, values);
      },
    };
    const limiter = await limiterOf({
      store: postgresStore(pool, { schema, sweep: false }),
      rate: '5/h',
      timeoutMs: 2_000,
    });
    return { limiter, asked: () => asked };
  }

  test.each(['40001', '40P01', '23505'])('%s: nothing was done', async (code) => {
    const { limiter, asked } = await flaky(code, 2);
    expect(await limiter.check('k')).toMatchObject({ remaining: 4, source: 'postgres' });
    expect(asked()).toBe(3);
  });

  test('not for ever', async () => {
    const { limiter, asked } = await flaky('40001', 1_000);
    expect(await limiter.check('k')).toMatchObject({ reason: 'unavailable' });
    expect(asked()).toBe(5);
    expect(limiter.stats().lastError).toMatch(/READ COMMITTED/);
  });

  test.each(['', 'ECONNRESET', '57P01', '08006'])('not a connection that is lost: %p', async (code) => {
    const { limiter, asked } = await flaky(code, 1);
    expect(await limiter.check('k')).toMatchObject({ reason: 'unavailable' });
    expect(asked()).toBe(1);
    expect(limiter.stats().lastError).not.toMatch(/secret/);
  });
});

test('a connection that is lost after the commit is not asked again', async () => {
  const schema = await schemaOf();
  const real = server.pool();
  let lost = true;
  const pool: Queryable = {
    async query(text, values) {
      const answer = await real.query(text, values);
      if (lost) throw failing('', 'Connection terminated unexpectedly');
      return answer;
    },
  };
  const limiter = await limiterOf({ store: postgresStore(pool, { schema }), rate: '5/h' });
  expect(await limiter.check('k')).toMatchObject({ reason: 'unavailable' });
  lost = false;
  expect((await limiter.peek('k')).remaining).toBe(4);
});

test('a key that the database cannot hold fails its own check only', async () => {
  await server.admin.query(`CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'`);
  const pool = server.pool({ database: 'latin' });
  const { migrate } = await import('spillway/postgres');
  await migrate(pool);
  const limiter = await limiterOf({ store: postgresStore(pool), rate: '5/h', timeoutMs: 5_000 });
  const [one, two, three] = await Promise.all(['a', '漢', 'b'].map((id) => limiter.check(id)));
  expect([one!.source, two!.source, three!.source]).toEqual(['postgres', 'none', 'postgres']);
  expect(limiter.stats().lastError).toMatch(/encoding has to be UTF8/);
});

test('idle connections that end end no process', async () => {
  const schema = await schemaOf();
  const login = {
    host: '127.0.0.1',
    port: server.port,
    user: 'owner',
    password: PASSWORD,
    database: 'postgres',
  };
  const script = `
    const { Pool } = require('pg');
    const { createRateLimiter } = require('spillway');
    const { postgresStore } = require('spillway/postgres');
    const pool = new Pool({ ...given.login, application_name: 'victim' });
    const limiter = createRateLimiter({ store: postgresStore(pool, { schema: given.schema }), rate: '5/h', timeoutMs: 5_000 });
    (async () => {
      report((await limiter.check('k')).source);
      const removed = new Promise((resolve) => pool.once('remove', resolve));
      const other = new Pool(given.login);
      await other.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'");
      await removed;
      report((await limiter.check('k')).remaining);
      await Promise.all([limiter.close(), pool.end(), other.end()]);
    })();`;
  expect(await reportsOf(script, { given: { login, schema } })).toEqual(['postgres', 3]);
});

test('options are checked', () => {
  const pool = server.admin;
  expect(() => postgresStore(undefined as never)).toThrow('a Pool of pg');
  expect(() => postgresStore({} as never)).toThrow('a Pool of pg');
  expect(() => postgresStore(pool, { table: 'a"b' })).toThrow('table must be 1 to 48');
  expect(() => postgresStore(pool, { schema: '' })).toThrow('schema must be 1 to 48');
  expect(() => postgresStore(pool, { tables: 'x' } as never)).toThrow('Did you mean table?');
  expect(() => postgresStore(pool, { sweep: true as never })).toThrow('sweep must be an object');
  expect(() => postgresStore(pool, { sweep: { blocks: 0 } })).toThrow(
    'sweep.blocks must be an integer from 1',
  );
  expect(() => postgresStore(pool, { sweep: { every: 1 } as never })).toThrow('sweep.every');
  expect(() => postgresStore(pool, { name: 'Redis' })).toThrow('name of a custom store');
});

test('wrong options of a migration are refused', async () => {
  const { migrate } = await import('spillway/postgres');
  await expect(migrate(undefined as never)).rejects.toThrow('a Pool of pg');
  await expect(migrate(server.admin, { unlogged: 1 as never })).rejects.toThrow(
    'unlogged must be true or false',
  );
  await expect(migrate(server.admin, { table: 'x y' })).rejects.toThrow('table must be');
});
