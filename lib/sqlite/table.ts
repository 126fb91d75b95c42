import { messageOf, unavailable } from './errors';
import type { SqliteDatabase, SqliteStatement } from './types';

/** Of the rows: what a later version alters gets the next number. */
const VERSION = 1;
/** The least of all keys, and none of a limiter: its row has the version. */
const VERSION_KEY = '';
const FOREVER = Number.MAX_SAFE_INTEGER;

const NAME = 'spillway_counts';
const MAKE = `CREATE TABLE IF NOT EXISTS ${NAME} (
  key TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL, ends_at INTEGER NOT NULL
) WITHOUT ROWID`;
const PUT = `INSERT INTO ${NAME} (key, state, ends_at) VALUES (?, ?, ?)
  ON CONFLICT (key) DO UPDATE SET state = excluded.state, ends_at = excluded.ends_at`;
const PAGE = `SELECT key FROM ${NAME} WHERE key > ?`;
const ORDER = 'ORDER BY key LIMIT ?';

/** The counts in an open database: a row for each key, with its state and the moment from which that means nothing. */
export class Table {
  private readonly statements = new Map<string, SqliteStatement>();

  /**
   * Makes the table where it is missing.
   * @param isOurs its settings are; else they are left, and a time to be busy for is put off for each transaction
   */
  constructor(
    private readonly database: SqliteDatabase,
    private readonly isOurs: boolean,
    settings: readonly string[],
  ) {
    for (const setting of settings) database.exec(setting);
    if (textOf(database.prepare('PRAGMA encoding').get()) !== 'UTF-8') {
      throw unavailable(
        'The encoding of the SQLite database has to be UTF-8: give the store a database of its own',
      );
    }
    this.requireVersion();
  }

  /** All of `act`, or nothing where it throws. Waits for nobody. */
  transaction<T>(begin: 'BEGIN' | 'BEGIN IMMEDIATE', act: () => T): T {
    if (this.isOurs) return this.within(begin, act);
    const waitMs = textOf(this.statement('PRAGMA busy_timeout').get());
    this.database.exec('PRAGMA busy_timeout = 0');
    try {
      return this.within(begin, act);
    } finally {
      this.database.exec(`PRAGMA busy_timeout = ${waitMs}`);
    }
  }

  read(key: string, nowMs: number): string | undefined {
    const row = this.statement(`SELECT state FROM ${NAME} WHERE key = ? AND ends_at > ?`).get(key, nowMs);
    return row === undefined ? undefined : textOf(row);
  }

  write(key: string, state: string | null, endsAtMs: number): void {
    if (state === null) this.statement(`DELETE FROM ${NAME} WHERE key = ?`).run(key);
    else this.statement(PUT).run(key, state, Math.min(endsAtMs, FOREVER));
  }

  /** In the order of their bytes. */
  keys(after: string, before: string, many: number): string[] {
    const rows =
      before === ''
        ? this.statement(`${PAGE} ${ORDER}`).all(after, many)
        : this.statement(`${PAGE} AND key < ? ${ORDER}`).all(after, before, many);
    return rows.map((row) => textOf(row));
  }

  /**
   * Forgets what has ended among so many rows behind a key.
   * @returns where to go on
   */
  sweep(after: string, rows: number, nowMs: number): string {
    const row = this.statement(`${PAGE} ORDER BY key LIMIT 1 OFFSET ?`).get(after, rows - 1);
    const ended = `DELETE FROM ${NAME} WHERE key > ? AND ends_at <= ?`;
    if (row === undefined) {
      this.statement(ended).run(after, nowMs);
      return VERSION_KEY;
    }
    const last = textOf(row);
    this.statement(`${ended} AND key <= ?`).run(after, nowMs, last);
    return last;
  }

  close(): void {
    try {
      this.database.close();
    } catch {
      // It is of no use any more, whatever it says.
    }
  }

  private requireVersion(): void {
    const version = this.transaction('BEGIN', () => this.version());
    if (version === VERSION) return;
    if (version !== undefined) {
      throw unavailable(
        `The counts in the SQLite database are of version ${version}, and this spillway knows version ${VERSION}: use one spillway for all processes, or another file`,
      );
    }
    this.transaction('BEGIN IMMEDIATE', () => {
      this.database.exec(MAKE);
      // Somebody else may have been here.
      if (this.version() === undefined) this.write(VERSION_KEY, `${VERSION}`, FOREVER);
    });
    this.requireVersion();
  }

  /** undefined: there is none yet. */
  private version(): number | undefined {
    try {
      const version = this.read(VERSION_KEY, 0);
      return version === undefined ? undefined : Number(version);
    } catch (error) {
      if (/no such table/.test(messageOf(error))) return undefined;
      throw error;
    }
  }

  private within<T>(begin: 'BEGIN' | 'BEGIN IMMEDIATE', act: () => T): T {
    this.statement(begin).run();
    try {
      const done = act();
      this.statement('COMMIT').run();
      return done;
    } catch (error) {
      try {
        this.statement('ROLLBACK').run();
      } catch {
        // SQLite has done it itself.
      }
      throw error;
    }
  }

  private statement(sql: string): SqliteStatement {
    let statement = this.statements.get(sql);
    if (statement === undefined) this.statements.set(sql, (statement = this.database.prepare(sql)));
    return statement;
  }
}

/** Of the one column. */
const textOf = (row: unknown): string => `${Object.values(row as Record<string, string | number>)[0]}`;
