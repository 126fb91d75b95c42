import type { BreakerOptions } from '../stores/breaker-options';

/** What a statement of either driver can do. */
export interface SqliteStatement {
  run(...values: (string | number)[]): unknown;
  get(...values: (string | number)[]): unknown;
  all(...values: (string | number)[]): unknown[];
}

/** What the store asks: a `Database` of better-sqlite3, a `DatabaseSync` of `node:sqlite`, or anything like them. */
export interface SqliteDatabase {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  close(): unknown;
}

/** How ended rows leave. */
export interface SqliteSweepOptions {
  /** After so many rows that this process wrote, 1 to 1,000,000; default 100. */
  everyWrites?: number;
  /** How many rows are looked at then, 1 to 10,000; default 300. */
  rows?: number;
}

/** What `sqliteStore` may be told. */
export interface SqliteStoreOptions {
  /** As decisions, health and messages name it; default `sqlite`. */
  name?: string;
  /** When the database is no longer asked. */
  breaker?: BreakerOptions;
  /**
   * Of a path: what a loss of power may do. `normal`, the default, may forget the last counts; `off` may destroy the file, and
   * waits for no disk.
   */
  synchronous?: 'normal' | 'off';
  /** false: not by this process. */
  sweep?: SqliteSweepOptions | false;
}
