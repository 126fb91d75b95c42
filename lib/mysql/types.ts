import type { BreakerOptions } from '../stores/breaker-options';

/** One statement, as a connection of `mysql2` takes it. */
export interface MysqlStatement {
  sql: string;
  rowsAsArray: boolean;
  typeCast: (field: { buffer(): Buffer | null }) => Buffer | null;
}

/** A connection of a pool, while it is ours. */
export interface MysqlConnection {
  query(statement: MysqlStatement): Promise<readonly unknown[]>;
  release(): void;
  destroy(): void;
}

/** A Pool of `mysql2/promise`. */
export interface MysqlPromisePool {
  getConnection(): Promise<MysqlConnection>;
}

/** What the store asks: a Pool of `mysql2`, with promises or with callbacks. */
export type MysqlPool = MysqlPromisePool | { promise(): MysqlPromisePool };

/** Where the counts lie. */
export interface MysqlPlace {
  /** 1 to 48 of a-z 0-9 and `_`; default `spillway_counts`. */
  table?: string;
  /** Default: that of the connection. */
  database?: string;
}

/** What `migrate` may be told. */
export type MigrateOptions = MysqlPlace;

/** How ended rows leave. */
export interface SweepOptions {
  /** After so many charges of this process, 1 to 1,000,000; default 1,000. */
  everyCharges?: number;
  /** How many rows are read then, 1 to 100,000; default 3,000. */
  rows?: number;
}

/** What `mysqlStore` may be told. */
export interface MysqlStoreOptions extends MysqlPlace {
  /** As decisions, health and messages name it; default `mysql`. */
  name?: string;
  /** When the database is no longer asked. */
  breaker?: BreakerOptions;
  /** false: not by this process. */
  sweep?: SweepOptions | false;
}
