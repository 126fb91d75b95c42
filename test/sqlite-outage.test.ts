/** A database that is locked, full, read-only, damaged, gone, replaced or of another version: what a user sees of it. */
import { existsSync, mkdirSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import Better from 'better-sqlite3';
import { createRateLimiter, failoverStore, memoryStore, type RateLimiterOptions } from 'spillway';
import { sqliteStore, type SqliteDatabase } from 'spillway/sqlite';
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { files, lookAt, watched } from './support/sqlite';
import { inTime, timed, until } from './support/wait';

const own = owner();
const file = files();
const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
const limiterOf = (options: RateLimiterOptions) =>
  own(createRateLimiter({ logger: false, timeoutMs: 2_000, ...options }));
const open = (path = file(), options?: Better.Options) => own(new Better(path, options));
const failing = (code: string | number) =>
  Object.assign(
    new Error('secret'),
    typeof code === 'string' ? { code } : { code: 'ERR_SQLITE_ERROR', errcode: code },
  );

test('locked: the failure mode answers in time, the breaker opens, and nothing is charged afterwards', async () => {
  const path = file();
  const breaker = { openMs: 50, maxOpenMs: 50 };
  const limiter = await limiterOf({ store: sqliteStore(path, { breaker }), rate: '9/h', timeoutMs: 100 });
  const closed = await limiterOf({
    store: sqliteStore(path),
    rate: '9/h',
    timeoutMs: 100,
    failureMode: 'closed',
  });
  await until('it is open', async () => (await limiter.check('first')).source === 'sqlite');
  expect((await limiter.check('k')).remaining).toBe(8);
  const holder = lookAt(path);
  try {
    holder.exec('BEGIN IMMEDIATE');
    for (let i = 0; i < 5; i++) {
      const { value, ms } = await timed(limiter.check('k'));
      expect(value).toMatchObject({ allowed: true, reason: 'unavailable', source: 'none' });
      expect(ms).toBeLessThan(inTime(100));
    }
    expect(await closed.check('k')).toMatchObject({ allowed: false, reason: 'unavailable' });
    expect(limiter.stats()).toMatchObject({ store: 'sqlite', breaker: { state: 'open' } });
    expect((await limiter.health()).healthy).toBe(false);
  } finally {
    holder.exec('ROLLBACK');
  }
  await until('it counts again', async () => (await limiter.check('other')).source === 'sqlite');
  expect((await limiter.peek('k')).remaining).toBe(8);
  expect((await limiter.health()).healthy).toBe(true);
  holder.close();
});

test('a reader that holds up the end of a transaction is waited for, and nobody is charged twice', async () => {
  const database = await open();
  const path = database.name;
  database.pragma('journal_mode = DELETE');
  const limiter = await limiterOf({ store: sqliteStore(database), rate: '9/h' });
  await limiter.check('k');
  const reader = await own(lookAt(path));
  reader.exec('BEGIN; SELECT count(*) FROM spillway_counts');
  let settled = false;
  const waiting = limiter.check('k').finally(() => (settled = true));
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(settled).toBe(false);
  reader.exec('COMMIT');
  expect((await waiting).remaining).toBe(7);
});

test.each<[string, () => Promise<string | SqliteDatabase>, RegExp]>([
  [
    'a folder that is not there',
    () => Promise.resolve(`${file()}/none/x.db`),
    /cannot be opened: its folder has to be there/,
  ],
  [
    'a file that is none',
    () => {
      const path = file();
      writeFileSync(path, 'This is a note, and no database at all. '.repeat(200));
      return Promise.resolve(path);
    },
    /^The file is no SQLite database\.$/,
  ],
  [
    'a database that may only be read',
    async () => {
      const path = file();
      (await open(path)).exec('CREATE TABLE own (n)');
      return open(path, { readonly: true });
    },
    /read-only/,
  ],
  [
    'a database that may grow no more',
    async () => {
      const database = await open();
      database.exec('CREATE TABLE own (n)');
      database.pragma('max_page_count = 2');
      return database;
    },
    /disk of the SQLite database is full/,
  ],
  [
    'a damaged database',
    async () => {
      const path = file();
      const database = await open(path);
      database.exec('CREATE TABLE own (n); CREATE TABLE other (n)');
      database.close();
      truncateSync(path, 4_096);
      return path;
    },
    /damaged: stop all processes/,
  ],
  [
    'a database of another encoding',
    async () => {
      const database = await open();
      database.pragma(`encoding = 'UTF-16'`);
      database.exec('CREATE TABLE own (n)');
      return database;
    },
    /encoding of the SQLite database has to be UTF-8/,
  ],
  [
    'a newer version',
    async () => {
      const path = file();
      const limiter = await limiterOf({ store: sqliteStore(path), rate: '5/h' });
      await limiter.check('k');
      // Whoever means the same file has the same connection, until the last one closes.
      await limiter.close();
      (await own(lookAt(path))).exec(`UPDATE spillway_counts SET state = '2' WHERE key = ''`);
      return path;
    },
    /are of version 2, and this spillway knows version 1/,
  ],
  [
    'a database that is closed',
    async () => {
      const database = await open();
      database.close();
      return database;
    },
    /was closed: close the limiter before it/,
  ],
])('%s is said in plain words', async (_, make, said) => {
  const limiter = await limiterOf({ store: sqliteStore(await make()), rate: '5/h', failureMode: 'closed' });
  expect(await limiter.check('k')).toMatchObject({ allowed: false, reason: 'unavailable' });
  expect(limiter.stats().lastError).toMatch(said);
});

test.each([
  ['SQLITE_IOERR_FSYNC', /could not be read or written/],
  [10 | (4 << 8), /could not be read or written/],
  ['SQLITE_FULL', /disk of the SQLite database is full/],
  [13, /disk of the SQLite database is full/],
  ['SQLITE_CORRUPT_INDEX', /damaged/],
  [15, /has to lie on a disk of this machine/],
  [7, /out of memory/],
  ['SQLITE_SCHEMA', /^SQLite refused the call \(SQLITE_SCHEMA\)\.$/],
  ['', /^SQLite refused the call\.$/],
])('%p at the end of a transaction is not repeated', async (code, said) => {
  let fails = false;
  const { database, ran } = watched(await open(), (sql) => {
    if (fails && sql === 'COMMIT') throw failing(code);
  });
  const limiter = await limiterOf({ store: sqliteStore(database), rate: '5/h' });
  await limiter.check('k');
  fails = true;
  ran.length = 0;
  expect(await limiter.check('k')).toMatchObject({ reason: 'unavailable' });
  expect(ran.filter((sql) => sql === 'COMMIT')).toHaveLength(1);
  expect(limiter.stats().lastError).toMatch(said);
  fails = false;
  expect((await limiter.check('k')).source).toBe('sqlite');
});

test.each(['SQLITE_BUSY_SNAPSHOT', 'SQLITE_LOCKED', 5, 6])(
  '%p is repeated: nothing was done',
  async (code) => {
    let left = 12;
    const { database } = watched(await open(), (sql) => {
      if (sql === 'BEGIN IMMEDIATE' && left-- > 0) throw failing(code);
    });
    const limiter = await limiterOf({ store: sqliteStore(database), rate: '5/h' });
    expect(await limiter.check('k')).toMatchObject({ remaining: 4, source: 'sqlite' });
  },
);

test('each call has its own deadline while a lock is waited for', async () => {
  const path = file();
  const store = sqliteStore(path);
  const patient = await limiterOf({ store, rate: '9/h', timeoutMs: 15_000 });
  const hasty = await limiterOf({ store, rate: '9/h', timeoutMs: 60 });
  await patient.check('k');
  const holder = await own(lookAt(path));
  holder.exec('BEGIN IMMEDIATE');
  const [other, one] = [hasty.check('k'), patient.check('k')];
  expect((await other).source).toBe('none');
  holder.exec('ROLLBACK');
  // The one that was too late charged nothing.
  expect((await one).remaining).toBe(7);
});

test('a table that was dropped is made anew', async () => {
  const path = file();
  const limiter = await limiterOf({ store: sqliteStore(path), rate: '5/h' });
  await limiter.check('k');
  (await own(lookAt(path))).exec('DROP TABLE spillway_counts');
  expect((await limiter.check('k')).source).toBe('none');
  expect(limiter.stats().lastError).toMatch(/was dropped or altered/);
  expect(await limiter.check('k')).toMatchObject({ source: 'sqlite', remaining: 4 });
});

test('a row that is no state fails its own check only, and a reset mends it', async () => {
  const path = file();
  const limiter = await limiterOf({ store: sqliteStore(path), rate: '5/h' });
  await limiter.check('bad');
  (await own(lookAt(path))).exec(`UPDATE spillway_counts SET state = 'nonsense' WHERE key <> ''`);
  const decisions = await Promise.all(['a', 'bad', 'b'].map((id) => limiter.check(id)));
  expect(decisions.map(({ source }) => source)).toEqual(['sqlite', 'none', 'sqlite']);
  expect(limiter.stats().lastError).toMatch(/row of the counts is no state/);
  await limiter.reset('bad');
  expect(await limiter.check('bad')).toMatchObject({ source: 'sqlite', remaining: 4 });
});

test.each([
  ['deleted', (path: string) => ['', '-wal', '-shm'].forEach((end) => rmSync(path + end))],
  [
    'replaced',
    (path: string) => {
      new Better(`${path}.new`).exec('CREATE TABLE own (n)').close();
      renameSync(`${path}.new`, path);
      ['-wal', '-shm'].forEach((end) => rmSync(path + end));
    },
  ],
])('a file that was %s is counted in no longer', async (_, change) => {
  const path = file();
  const limiter = await limiterOf({ store: sqliteStore(path), rate: '9/h' });
  await limiter.check('k');
  change(path);
  await until('it is counted in the new one', async () => {
    await limiter.check('other');
    return existsSync(path) && statSync(path).size > 0 && (await limiter.peek('k')).remaining === 9;
  });
  const other = await limiterOf({ store: sqliteStore(path), rate: '9/h' });
  expect((await limiter.check('k')).remaining).toBe(8);
  expect((await other.check('k')).remaining).toBe(7);
});

test('what cannot be opened is used as soon as it can', async () => {
  const folder = file();
  const breaker = { openMs: 20, maxOpenMs: 20 };
  const limiter = await limiterOf({ store: sqliteStore(`${folder}/x.db`, { breaker }), rate: '5/h' });
  expect((await limiter.check('k')).source).toBe('none');
  mkdirSync(folder);
  await until('it counts', async () => (await limiter.check('k')).source === 'sqlite');
});

test('another store stands in for it, and it comes back', async () => {
  const path = file();
  const limiter = await limiterOf({
    store: failoverStore([sqliteStore(path), memoryStore()], { probe: { intervalMs: 50 } }),
    rate: '9/h',
  });
  expect((await limiter.check('k')).source).toBe('sqlite');
  const other = await own(lookAt(path));
  other.exec(
    `UPDATE spillway_counts SET state = '2' WHERE key = ''; ALTER TABLE spillway_counts RENAME TO away`,
  );
  for (let i = 0; i < 6; i++) expect((await limiter.check('k')).allowed).toBe(true);
  other.exec('ALTER TABLE away RENAME TO gone');
  await until('it comes back', async () => (await limiter.check('k')).source === 'sqlite');
});

test('10,000 that wait are answered when it closes, and none is charged afterwards', async () => {
  const path = file();
  const limiter = createRateLimiter({
    store: sqliteStore(path),
    rate: '100000/h',
    logger: false,
    timeoutMs: 15_000,
  });
  await limiter.check('k');
  const holder = await own(lookAt(path));
  holder.exec('BEGIN IMMEDIATE');
  const waiting = Promise.all(times(10_000, () => limiter.check('k')));
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  await limiter.close();
  expect((await waiting).every(({ source }) => source === 'none')).toBe(true);
  holder.exec('ROLLBACK');
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  const later = await limiterOf({ store: sqliteStore(path), rate: '100000/h' });
  expect((await later.peek('k')).remaining).toBe(99_999);
});

test('a path is opened at the first call, closed with the limiter, and opened again; a database stays open', async () => {
  const path = file();
  const store = sqliteStore(path);
  const first = createRateLimiter({ store, rate: '5/h', logger: false });
  expect(existsSync(path)).toBe(false);
  await first.check('k');
  expect(existsSync(`${path}-wal`)).toBe(true);
  await first.close();
  // The last connection takes it along.
  expect(existsSync(`${path}-wal`)).toBe(false);
  const second = await limiterOf({ store, rate: '5/h' });
  expect((await second.check('k')).remaining).toBe(3);
  const database = await open();
  const lent = createRateLimiter({ store: sqliteStore(database), rate: '5/h', logger: false });
  await lent.check('k');
  await lent.close();
  expect(database.open).toBe(true);
});

test('what a loss of power may do is said to SQLite', async () => {
  const { database, ran } = watched(await open());
  await (await limiterOf({ store: sqliteStore(database), rate: '5/h' })).check('k');
  // What is lent keeps its settings.
  expect(ran.filter((sql) => /journal_mode|synchronous/.test(sql))).toEqual([]);
  const script = `
    const Better = require('better-sqlite3');
    const { exec } = Better.prototype;
    Better.prototype.exec = function (sql) { if (/^PRAGMA/.test(sql)) report(sql); return exec.call(this, sql); };
    const { createRateLimiter } = require('spillway');
    const { sqliteStore } = require('spillway/sqlite');
    const limiter = createRateLimiter({ store: sqliteStore(given, { synchronous: 'off' }), rate: '5/h', timeoutMs: 5_000 });
    limiter.check('k').then(({ source }) => (report(source), limiter.close()));`;
  const said = await reportsOf(script, { given: file() });
  expect(said).toEqual(['PRAGMA journal_mode = WAL', 'PRAGMA synchronous = off', 'sqlite']);
});

describe('a driver that is missing', () => {
  const without = (error: string) => `
    const Module = require('node:module');
    const { _load } = Module;
    Module._load = (name, ...rest) => {
      if (name === 'node:sqlite') throw new Error('No such built-in module');
      if (name === 'better-sqlite3') ${error}
      return _load(name, ...rest);
    };
    const { createRateLimiter } = require('spillway');
    const { sqliteStore } = require('spillway/sqlite');`;

  test('is told at once, with what to install', async () => {
    const script = `${without(`throw new Error('Cannot find module');`)}
      try { sqliteStore('x.db'); } catch ({ name, code, message }) { report({ name, code, message }); }`;
    expect(await reportsOf(script)).toEqual([
      {
        name: 'RateLimitError',
        code: 'ERR_INVALID_OPTION',
        message: expect.stringContaining('npm install better-sqlite3') as string,
      },
    ]);
  });

  test('without its native part is an outage', async () => {
    const script = `${without(`return class { constructor() { throw new Error('Could not locate the bindings file. Tried: /secret'); } };`)}
      const limiter = createRateLimiter({ store: sqliteStore('x.db'), rate: '5/h', logger: false });
      limiter.check('k').then(({ source }) => (report(source), report(limiter.stats().lastError), limiter.close()));`;
    expect(await reportsOf(script)).toEqual(['none', expect.stringContaining('npm rebuild better-sqlite3')]);
  });
});

test('options are checked', async () => {
  const database = await open();
  expect(() => sqliteStore(undefined as never)).toThrow('the path of a file, a Database of better-sqlite3');
  expect(() => sqliteStore(' ')).toThrow('the path of a file');
  expect(() => sqliteStore({} as never)).toThrow('the path of a file');
  expect(() => sqliteStore('x.db', { synchronous: 'full' as never })).toThrow(`'normal' or 'off'`);
  expect(() => sqliteStore(database, { synchronous: 'off' })).toThrow('PRAGMA synchronous = off yourself');
  expect(() => sqliteStore('x.db', { sweep: true as never })).toThrow('sweep must be an object');
  expect(() => sqliteStore('x.db', { sweep: { rows: 0 } })).toThrow('sweep.rows must be an integer from 1');
  expect(() => sqliteStore('x.db', { sweep: { row: 1 } as never })).toThrow('Did you mean sweep.rows?');
  expect(() => sqliteStore('x.db', { names: 'x' } as never)).toThrow('Did you mean name?');
  expect(() => sqliteStore('x.db', { name: 'Redis' })).toThrow('name of a custom store');
});
