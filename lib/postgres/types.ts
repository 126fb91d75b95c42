import type { BreakerOptions } from '../stores/breaker-options';

/** What the store asks: a Pool of `pg`, or anything like it. Values are texts; a call without values may hold several statements. */
export interface Queryable {
  query(text: string, values?: string[]): Promise<{ rows: readonly unknown[] }>;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

/** Where the counts lie. */
export interface PostgresPlace {
  /** 1 to 48 of a-z 0-9 and `_`; default `spillway_counts`. */
  table?: string;
  /** Default: the first of the connection's search path. */
  schema?: string;
}

/** What `migrate` may be told. */
export interface MigrateOptions extends PostgresPlace {
  /**
   * Whether a crash of the server forgets all counts, which then cost no write-ahead log and lie on no replica. Default: true
   * for a new table; one that is there stays as it is.
   */
  unlogged?: boolean;
}

/** How ended rows leave. */
export interface SweepOptions {
  /** After so many charges of this process, 1 to 1,000,000; default 1,000. */
  everyCharges?: number;
  /** How many blocks of the table are read then, 1 to 10,000; default 64. */
  blocks?: number;
}

/** What `postgresStore` may be told. */
export interface PostgresStoreOptions extends PostgresPlace {
  /** As decisions, health and messages name it; default `postgres`. */
  name?: string;
  /** When the database is no longer asked. */
  breaker?: BreakerOptions;
  /** false: not by this process. */
  sweep?: SweepOptions | false;
}
