/** `spillway/sqlite`: counts in a file of SQLite, for the processes of one machine. */
import { resolve } from 'node:path';
import { refuseUnknown, requireObject } from '../base/validate';
import { customStore, type StoreOption } from '../stores/option';
import { readSettings, readSource } from './options';
import { shared } from './shared';
import { SqliteStore } from './store';
import type { SqliteDatabase, SqliteStoreOptions } from './types';

export type { SqliteDatabase, SqliteStatement, SqliteStoreOptions, SqliteSweepOptions } from './types';
export type { BreakerOptions } from '../stores/breaker-options';
export type { StoreOption } from '../stores/option';

/**
 * Counts in a file of SQLite, for all processes of this machine together. Who means the same file gets the same store.
 * @param database a path, which is opened at the first call and closed with the limiter; or an open database, which stays
 *   the application's
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function sqliteStore(
  database: string | SqliteDatabase,
  options: SqliteStoreOptions = {},
): StoreOption {
  const source = readSource(database);
  requireObject(options, 'The options of sqliteStore');
  refuseUnknown(options, ['name', 'breaker', 'synchronous', 'sweep'], '');
  const { name = 'sqlite', breaker } = options;
  const settings = readSettings(options, source.isOurs);
  const make = () => new SqliteStore(name, source, settings);
  const isFile = typeof database === 'string' && database !== ':memory:';
  const store = isFile ? shared(JSON.stringify([resolve(database), name, settings]), make) : make();
  return customStore(store, { breaker });
}
