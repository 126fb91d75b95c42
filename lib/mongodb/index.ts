/** `spillway/mongodb`: counts in MongoDB, a document for each key, written where it is still what was read. */
import { refuseUnknown, requireObject } from '../base/validate';
import { casStore } from '../stores/cas/option';
import type { StoreOption } from '../stores/option';
import { readWriteConcern, requireCollection } from './options';
import { MongoSource } from './source';
import type { MongoCollection, MongoStoreOptions } from './types';

export { migrate } from './migrate';
export type { MongoCollection, MongoStoreOptions } from './types';
export type { BreakerOptions } from '../stores/breaker-options';
export type { StoreOption } from '../stores/option';

/**
 * Counts in a collection of MongoDB that has nothing else in it, for all processes together. `migrate` lets ended documents
 * leave. The client stays the application's: it is not closed.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function mongoStore(collection: MongoCollection, options: MongoStoreOptions = {}): StoreOption {
  requireCollection(collection);
  requireObject(options, 'The options of mongoStore');
  refuseUnknown(options, ['name', 'breaker', 'writeConcern'], '');
  const { name = 'mongodb', breaker, writeConcern } = options;
  return casStore(new MongoSource(name, collection, readWriteConcern(writeConcern)), { breaker });
}
