/** `spillway/mysql`: counts in MySQL or MariaDB, for those who have no Redis. */
import { refuseUnknown, requireObject } from '../base/validate';
import { customStore, type StoreOption } from '../stores/option';
import { migrate } from './migrate';
import { readPlace } from './names';
import { readPool, readSweep } from './options';
import { MysqlStore } from './store';
import type { MysqlPool, MysqlStoreOptions } from './types';

export { migrate } from './migrate';
export type {
  MigrateOptions,
  MysqlConnection,
  MysqlPlace,
  MysqlPool,
  MysqlPromisePool,
  MysqlStoreOptions,
  SweepOptions,
} from './types';
export type { BreakerOptions } from '../stores/breaker-options';
export type { StoreOption } from '../stores/option';

/**
 * Counts in a table of MySQL 8 or MariaDB 10.6 or newer, for all processes together. `migrate` makes the table. The pool
 * stays the application's: it is not ended, and its connections are given back as they were.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function mysqlStore(pool: MysqlPool, options: MysqlStoreOptions = {}): StoreOption {
  const asked = readPool(pool);
  requireObject(options, 'The options of mysqlStore');
  refuseUnknown(options, ['table', 'database', 'name', 'breaker', 'sweep'], '');
  const { table, database, name = 'mysql', breaker, sweep } = options;
  const store = new MysqlStore(name, asked, readPlace(options), readSweep(sweep));
  store.migrate = () => migrate(pool, { table, database });
  return customStore(store, { breaker });
}
