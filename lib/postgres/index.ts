/** `spillway/postgres`: counts in PostgreSQL, for those who have no Redis. */
import { refuseUnknown, requireObject } from '../base/validate';
import { customStore, type StoreOption } from '../stores/option';
import { migrate } from './migrate';
import { readPlace } from './names';
import { readSweep, requireQueryable } from './options';
import { PostgresStore } from './store';
import type { PostgresStoreOptions, Queryable } from './types';

export { migrate } from './migrate';
export type { MigrateOptions, PostgresPlace, PostgresStoreOptions, Queryable, SweepOptions } from './types';
export type { BreakerOptions } from '../stores/breaker-options';
export type { StoreOption } from '../stores/option';

/** A Pool of pg that nobody listens to ends the process when an idle connection ends; the next statement makes another. */
const heard = new WeakSet<Queryable>();

/**
 * Counts in a table of PostgreSQL 14 or newer, for all processes together. `migrate` makes the table. The pool stays the
 * application's: it is not ended.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function postgresStore(pool: Queryable, options: PostgresStoreOptions = {}): StoreOption {
  requireQueryable(pool);
  requireObject(options, 'The options of postgresStore');
  refuseUnknown(options, ['table', 'schema', 'name', 'breaker', 'sweep'], '');
  const { table, schema, name = 'postgres', breaker, sweep } = options;
  if (!heard.has(pool)) {
    heard.add(pool);
    pool.on?.('error', () => {});
  }
  const store = new PostgresStore(name, pool, readPlace(options), readSweep(sweep));
  store.migrate = () => migrate(pool, { table, schema });
  return customStore(store, { breaker });
}
