/** MariaDB that is killed, paused, read-only, full, not migrated or not granted: what a user sees of it. */
import type { Socket } from 'node:net';
import type { PoolConnection } from 'mysql2/promise';
import { createRateLimiter, type RateLimiterOptions } from 'spillway';
import { migrate, mysqlStore } from 'spillway/mysql';
import { counted, MysqlServer, PASSWORD, watched } from './support/mysql';
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { Relay } from './support/relay';
import { blockLoop, inTime, timed, until } from './support/wait';

const own = owner();
let server: MysqlServer;
beforeAll(async () => {
  server = await MysqlServer.start();
}, 60_000);
afterAll(() => server.close());

const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
const limiterOf = (options: RateLimiterOptions) => own(createRateLimiter({ logger: false, ...options }));
/** As the driver rejects with what the database says. */
const said = (errno: number) =>
  Object.assign(new Error('secret'), {
    errno,
    code: 'ER_SECRET',
    sqlState: errno === 1213 ? '40001' : 'HY000',
  });
const lost = (code: string) => Object.assign(new Error('secret'), { code, errno: -104, fatal: true });

let databases = 0;
const databaseOf = () => server.database(`outage_${databases++}`);

test('killed: the failure mode answers in time, the breaker opens, and it counts again by itself', async () => {
  const database = await databaseOf();
  const store = mysqlStore(server.pool(), { database, breaker: { openMs: 200, maxOpenMs: 200 } });
  const open = await limiterOf({ store, rate: '3/h' });
  const closed = await limiterOf({ store, rate: '3/h', prefix: 'closed:', failureMode: 'closed' });
  expect(await open.check('k')).toMatchObject({ allowed: true, remaining: 2, source: 'mysql' });
  expect((await closed.check('k')).source).toBe('mysql');
  await server.kill();
  for (let i = 0; i < 6; i++) {
    const { value, ms } = await timed(open.check('k'));
    expect(value).toMatchObject({ allowed: true, reason: 'unavailable', source: 'none' });
    expect(ms).toBeLessThan(inTime(250));
    expect(await closed.check('k')).toMatchObject({ allowed: false, reason: 'unavailable' });
  }
  expect(open.stats()).toMatchObject({ store: 'mysql', breaker: { state: 'open' } });
  expect(open.stats().lastError).toMatch(
    /^The connection to MySQL failed( \([A-Z_]+\))?; nothing was charged/,
  );
  expect((await open.health()).healthy).toBe(false);
  await server.start();
  await until('it counts again', async () => (await open.check('other')).source === 'mysql');
  // A crash loses the last second at most, by the settings of these tests; InnoDB itself came back.
  expect((await open.peek('k')).remaining).toBeGreaterThanOrEqual(2);
  expect((await open.health()).healthy).toBe(true);
}, 60_000);

test('paused: the failure mode answers in time, connections are given up, and nothing is charged late', async () => {
  const database = await databaseOf();
  const pool = watched(server.pool({ connectionLimit: 2 }), () => {});
  const limiter = await limiterOf({ store: mysqlStore(pool, { database }), rate: '100/h' });
  await limiter.check('k');
  server.freeze();
  try {
    // Its threads stop one after the other.
    await until('it stands still', async () => (await limiter.check('other')).source === 'none');
    const waiting = await Promise.all(times(5, () => timed(limiter.check('k'))));
    for (const { value, ms } of waiting) {
      expect(value).toMatchObject({ allowed: true, reason: 'unavailable' });
      expect(ms).toBeLessThan(inTime(250));
    }
    expect(limiter.stats().lastError).toBe('no answer in time');
    expect(pool.open()).toBeGreaterThan(0);
    await until('no connection is waited for', () => pool.open() === 0);
  } finally {
    server.thaw();
  }
  await until('it counts again', async () => (await limiter.check('later')).source === 'mysql');
  expect((await limiter.peek('k')).remaining).toBe(99);
}, 30_000);

test('what waited for longer than its deadline in the database charges nothing, and waits no longer', async () => {
  const database = await databaseOf();
  const pool = counted(server.pool());
  const limiter = await limiterOf({ store: mysqlStore(pool, { database }), rate: '10/h', timeoutMs: 200 });
  await limiter.check('k');
  const holder = await server.admin.getConnection();
  try {
    await holder.query('BEGIN');
    await holder.query(`SELECT * FROM ${database}.spillway_counts FOR UPDATE`);
    expect(await limiter.check('k')).toMatchObject({ reason: 'unavailable' });
    const ms = await until('the lock was given up', () => pool.failures.length > 0);
    expect(ms).toBeLessThan(inTime(200));
    expect(pool.failures).toEqual([1969]);
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
  }
  expect((await limiter.peek('k')).remaining).toBe(9);
});

// Each holds for the connection alone, and for as long as it lasts.
test.each([
  ['a server that has become a replica', /read-only/, 'SET SESSION TRANSACTION READ ONLY', '', 'SELECT 1'],
  [
    'a right to the database that came later',
    /grant SELECT, INSERT/,
    '',
    "REVOKE INSERT ON $.spillway_counts FROM app@'127.0.0.1'",
    "GRANT INSERT ON $.* TO app@'127.0.0.1'",
  ],
])('%s is met by a connection of its own', async (_, words, ofConnection, ofServer, mended) => {
  const database = await databaseOf();
  const pool = server.pool({ connectionLimit: 1, database });
  const limiter = await limiterOf({ store: mysqlStore(pool), rate: '10/h' });
  const run = (statement: string) =>
    statement === '' ? undefined : server.admin.query(statement.replaceAll('$', database));
  await run(ofServer);
  if (ofConnection !== '') await pool.query(ofConnection);
  expect(await limiter.check('k')).toMatchObject({ source: 'none' });
  expect(limiter.stats().lastError).toMatch(words);
  await run(mended);
  expect(await limiter.check('k')).toMatchObject({ source: 'mysql', remaining: 9 });
});

test.each([
  ['for a connection', 'SET TRANSACTION'],
  ['for a lock', '/*M!'],
  ['for the states', 'SELECT'],
])('what has waited too long %s charges nothing', async (_, before) => {
  const database = await databaseOf();
  let open: () => void = () => {};
  let waits = false;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const pool = watched(server.pool(), (sql) => (waits && sql.startsWith(before) ? gate : undefined));
  const store = mysqlStore(pool, { database });
  const limiter = await limiterOf({ store, rate: '10/h', timeoutMs: 100 });
  const patient = await limiterOf({ store, rate: '10/h', timeoutMs: 10_000 });
  await limiter.check('k');
  waits = true;
  const late = limiter.check('k');
  const inTimeStill = patient.check('k');
  expect(await late).toMatchObject({ reason: 'unavailable' });
  open();
  // They were one transaction: one of them was too late.
  expect(await inTimeStill).toMatchObject({ remaining: 8, source: 'mysql' });
  await until('it is given back', () => pool.open() === 0);
});

test('a transaction of calls that are all too late is not begun in earnest', async () => {
  const database = await databaseOf();
  const asked: string[] = [];
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  const pool = watched(server.pool(), (sql) => (asked.push(sql), gate));
  const limiter = await limiterOf({ store: mysqlStore(pool, { database }), rate: '9/h', timeoutMs: 50 });
  const checks = [];
  for (let i = 0; i < 8; i++) {
    checks.push(limiter.check(`k${i}`));
    await new Promise(setImmediate);
  }
  expect((await Promise.all(checks)).every(({ source }) => source === 'none')).toBe(true);
  open();
  await until('they are back', () => pool.open() === 0 && asked.includes('ROLLBACK'));
  // So many were under way; the others have waited for those, and are not sent.
  expect(asked.filter((sql) => sql === 'START TRANSACTION')).toHaveLength(4);
  expect(asked.some((sql) => sql.includes('INSERT'))).toBe(false);
});

const FULL = `CREATE TRIGGER $.full BEFORE INSERT ON $.spillway_counts FOR EACH ROW
  SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table app is full'`;

test.each([
  ['a table that is missing', 'DROP TABLE $.spillway_counts', /run migrate\(pool\)/],
  ['a database that is missing', 'DROP DATABASE $', /run migrate\(pool\)/],
  [
    'grants that are missing',
    "REVOKE INSERT ON $.spillway_counts FROM app@'127.0.0.1'",
    /grant SELECT, INSERT/,
  ],
  ['a server that is read-only', 'SET GLOBAL read_only = 1', /read-only/],
  ['a full table', FULL, /full/],
  ['a user with too many connections', "ALTER USER app@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1", /used up/],
  ['a server with too many connections', 'SET GLOBAL max_connections = 10', /too many connections/],
  ['a login that is refused', "ALTER USER app@'127.0.0.1' IDENTIFIED BY 'other'", /refused the login/],
  ['a user that is locked', "ALTER USER app@'127.0.0.1' ACCOUNT LOCK", /account is locked/],
  ['a password that has expired', "ALTER USER app@'127.0.0.1' PASSWORD EXPIRE", /password has expired/],
])('%s is said in plain words', async (_, change, words) => {
  const database = await databaseOf();
  const granted = await limiterOf({ store: mysqlStore(server.pool(), { database }), rate: '5/h' });
  expect((await granted.check('k')).source).toBe('mysql');
  const others = server.pool({ connectionLimit: 20 });
  const held: PoolConnection[] = [];
  if (change.includes('max_connections')) {
    for (let i = 0; i < 12; i++) held.push(await others.getConnection());
  }
  await server.admin.query(change.replaceAll('$', database));
  if (change.includes('MAX_USER')) held.push(await others.getConnection());
  try {
    const limiter = await limiterOf({
      store: mysqlStore(server.pool(), { database }),
      rate: '5/h',
      failureMode: 'closed',
    });
    expect(await limiter.check('k')).toMatchObject({ allowed: false, reason: 'unavailable' });
    const { lastError } = limiter.stats();
    expect(lastError).toMatch(words);
    expect(await limiter.health()).toMatchObject({ healthy: false, lastError: expect.stringMatching(words) });
    expect(lastError).not.toMatch(/app|other|outage_|127/);
  } finally {
    for (const one of held) one.release();
    await server.admin.query(`SET GLOBAL read_only = 0; SET GLOBAL max_connections = 200;
      ALTER USER app@'127.0.0.1' IDENTIFIED BY '${PASSWORD}' WITH MAX_USER_CONNECTIONS 0 ACCOUNT UNLOCK`);
  }
});

test('what nobody knows is told by its number', async () => {
  const database = await databaseOf();
  const pool = watched(server.pool(), (sql) => {
    if (sql === 'START TRANSACTION') throw said(4_321);
  });
  const limiter = await limiterOf({ store: mysqlStore(pool, { database }), rate: '5/h' });
  await limiter.check('k');
  expect(limiter.stats().lastError).toBe('MySQL refused the statement (error 4321).');
});

describe('what is repeated', () => {
  /** A store whose statements that begin so fail so often, and then are sent. */
  async function flaky(error: Error, often: number, begin = '/*M!') {
    const database = await databaseOf();
    const asked: string[] = [];
    let failures = 0;
    const pool = watched(server.pool({ connectionLimit: 1 }), (sql) => {
      asked.push(sql);
      if (sql.startsWith(begin) && failures++ < often) throw error;
    });
    const store = mysqlStore(pool, { database, sweep: false });
    const limiter = await limiterOf({ store, rate: '5/h', timeoutMs: 2_000 });
    return { limiter, pool, begun: () => asked.filter((sql) => sql === 'START TRANSACTION').length, asked };
  }

  test.each([1213, 1205, 1020])('%d: nothing was done', async (errno) => {
    const { limiter, begun, asked, pool } = await flaky(said(errno), 2);
    expect(await limiter.check('k')).toMatchObject({ remaining: 4, source: 'mysql' });
    expect(begun()).toBe(3);
    // A lock wait timeout leaves the transaction open.
    expect(asked.filter((sql) => sql === 'ROLLBACK')).toHaveLength(2);
    expect([pool.open(), pool.ended()]).toEqual([0, 0]);
  });

  test('not for ever', async () => {
    const { limiter, begun } = await flaky(said(1213), 1_000);
    expect(await limiter.check('k')).toMatchObject({ reason: 'unavailable' });
    expect(begun()).toBe(5);
    expect(limiter.stats().lastError).toMatch(/deadlock again and again/);
  });

  test('a commit that a cluster undid', async () => {
    const { limiter, begun } = await flaky(said(1213), 1, 'COMMIT');
    expect(await limiter.check('k')).toMatchObject({ remaining: 4, source: 'mysql' });
    expect(begun()).toBe(2);
  });

  test.each(['ECONNRESET', 'PROTOCOL_CONNECTION_LOST', ''])('not a lost connection: %p', async (code) => {
    const { limiter, begun, pool } = await flaky(lost(code), 1);
    expect(await limiter.check('k')).toMatchObject({ reason: 'unavailable' });
    expect(begun()).toBe(1);
    expect([pool.open(), pool.ended()]).toEqual([0, 1]);
    const { lastError } = limiter.stats();
    expect(lastError).toMatch(/nothing was charged/);
    expect(lastError).not.toMatch(/secret/i);
    expect((await limiter.peek('k')).remaining).toBe(5);
  });

  test.each([1053, 1317, 1927])('not a commit that may have been done: %d', async (errno) => {
    const { limiter, begun } = await flaky(said(errno), 1, 'COMMIT');
    expect(await limiter.check('k')).toMatchObject({ reason: 'unavailable' });
    expect(begun()).toBe(1);
    expect(limiter.stats().lastError).toMatch(/may have been charged/);
  });
});

/** Ends a connection when the answer to its commit comes. */
class CommitCutter extends Relay {
  commits = 0;

  static to(port: number): Promise<CommitCutter> {
    return new CommitCutter().listen(port);
  }

  protected pass(client: Socket, upstream: Socket): void {
    let committed = false;
    client.on('data', (sent) => {
      committed ||= sent.subarray(5).equals(Buffer.from('COMMIT'));
      upstream.write(sent);
    });
    upstream.on('data', (answer) => {
      if (!committed) return void client.write(answer);
      this.commits++;
      client.destroy();
    });
  }
}

test('a connection that is lost after the commit: charged once, said, and not asked again', async () => {
  const database = await databaseOf();
  const relay = await own(CommitCutter.to(server.port));
  const pool = server.pool({ port: relay.port });
  const limiter = await limiterOf({ store: mysqlStore(pool, { database }), rate: '5/h', timeoutMs: 5_000 });
  expect(await limiter.check('k')).toMatchObject({ reason: 'unavailable' });
  expect(relay.commits).toBe(1);
  expect(limiter.stats().lastError).toMatch(/lost while it committed; what was sent may have been charged/);
  expect((await limiter.peek('k')).remaining).toBe(4);
});

test('an answer that came while the event loop was blocked is heard, however long that was', async () => {
  const database = await databaseOf();
  let blocks = false;
  // As soon as it is written.
  const pool = watched(server.pool(), (sql) => {
    if (blocks && sql === 'COMMIT') setImmediate(blockLoop, 2_000);
  });
  const limiter = await limiterOf({ store: mysqlStore(pool, { database }), rate: '9/h', timeoutMs: 500 });
  await limiter.check('k');
  blocks = true;
  expect(await limiter.check('k')).toMatchObject({ source: 'mysql', remaining: 7 });
  expect(pool.ended()).toBe(0);
});

test('a connection that is killed before its commit charges nothing, and is not given back', async () => {
  const database = await databaseOf();
  let killed = 0;
  const pool = watched(server.pool({ connectionLimit: 1 }), async (sql, connection) => {
    if (!sql.includes('VALUES(state)') || killed++ > 0) return;
    await server.admin.query(`KILL CONNECTION ${(connection as PoolConnection).threadId}`);
  });
  const limiter = await limiterOf({ store: mysqlStore(pool, { database }), rate: '5/h', timeoutMs: 5_000 });
  expect(await limiter.check('k')).toMatchObject({ reason: 'unavailable' });
  expect(limiter.stats().lastError).toMatch(/nothing was charged/);
  expect(await limiter.check('k')).toMatchObject({ remaining: 4, source: 'mysql' });
});

test('a state that cannot be read fails its own check only, and is forgotten by a reset', async () => {
  const database = await databaseOf();
  const limiter = await limiterOf({ store: mysqlStore(server.pool(), { database }), rate: '5/h' });
  await limiter.check('b');
  await server.admin.query(`UPDATE ${database}.spillway_counts SET state = 'nonsense'`);
  const all = await Promise.all(['a', 'b', 'c'].map((id) => limiter.check(id)));
  expect(all.map(({ source }) => source)).toEqual(['mysql', 'none', 'mysql']);
  expect(all.map(({ remaining }) => remaining)).toMatchObject([4, expect.anything(), 4]);
  expect(await limiter.reset('b')).toBe(true);
  expect((await limiter.check('b')).remaining).toBe(4);
});

test('a transaction that somebody has left open is not committed with ours', async () => {
  const database = await databaseOf();
  const pool = server.pool({ connectionLimit: 1, user: 'root', password: '' });
  await pool.query(`CREATE TABLE ${database}.theirs (n int)`);
  await pool.query('BEGIN');
  await pool.query(`INSERT INTO ${database}.theirs VALUES (1)`);
  const limiter = await limiterOf({ store: mysqlStore(pool, { database }), rate: '5/h' });
  expect(await limiter.check('k')).toMatchObject({ reason: 'unavailable' });
  expect(limiter.stats().lastError).toMatch(/left open/);
  expect(await server.one(`SELECT COUNT(*) FROM ${database}.theirs`)).toBe(0);
  expect(await limiter.check('k')).toMatchObject({ remaining: 4, source: 'mysql' });
});

test('idle connections that end end no process', async () => {
  const database = await databaseOf();
  const script = `
    const { createPool } = require('mysql2/promise');
    const { createRateLimiter } = require('spillway');
    const { mysqlStore } = require('spillway/mysql');
    const pool = createPool(given.login);
    const limiter = createRateLimiter({
      store: mysqlStore(pool, { database: given.database }), rate: '5/h', timeoutMs: 5_000 });
    (async () => {
      report((await limiter.check('k')).source);
      const connection = await pool.getConnection();
      const ended = new Promise((resolve) => connection.connection.stream.once('close', resolve));
      const other = createPool(given.login);
      connection.release();
      await other.query('KILL CONNECTION ' + connection.threadId);
      await ended;
      report((await limiter.check('k')).remaining);
      await Promise.all([limiter.close(), pool.end(), other.end()]);
    })();`;
  expect(await reportsOf(script, { given: { login: server.login, database } })).toEqual(['mysql', 3]);
});

test('options are checked', async () => {
  const pool = server.admin;
  expect(() => mysqlStore(undefined as never)).toThrow('a Pool of mysql2');
  expect(() => mysqlStore({ query: () => {} } as never)).toThrow('a Pool of mysql2');
  expect(() => mysqlStore(pool, { table: 'a`b' })).toThrow('table must be 1 to 48');
  expect(() => mysqlStore(pool, { database: '' })).toThrow('database must be 1 to 48');
  expect(() => mysqlStore(pool, { tables: 'x' } as never)).toThrow('Did you mean table?');
  expect(() => mysqlStore(pool, { sweep: true as never })).toThrow('sweep must be an object');
  expect(() => mysqlStore(pool, { sweep: { rows: 0 } })).toThrow('sweep.rows must be an integer from 1');
  expect(() => mysqlStore(pool, { sweep: { every: 1 } as never })).toThrow('sweep.every');
  expect(() => mysqlStore(pool, { name: 'Redis' })).toThrow('name of a custom store');
  await expect(migrate(undefined as never)).rejects.toThrow('a Pool of mysql2');
  await expect(migrate(pool, { unlogged: true } as never)).rejects.toThrow('unlogged');
  await expect(migrate(pool, { table: 'x y' })).rejects.toThrow('table must be');
});
