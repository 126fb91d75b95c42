import { invalidOption, shown } from '../base/errors';
import type { MongoCollection, MongoStoreOptions } from './types';

const METHODS = ['findOne', 'find', 'insertOne', 'updateOne', 'deleteOne', 'createIndex', 'options'] as const;

/** Refuses what cannot be asked. @throws RateLimitError `ERR_INVALID_OPTION` */
export function requireCollection(collection: unknown): asserts collection is MongoCollection {
  const given = (collection ?? {}) as Partial<Record<(typeof METHODS)[number], unknown>>;
  if (METHODS.every((method) => typeof given[method] === 'function')) return;
  throw invalidOption(
    `The first argument must be a Collection of mongodb, as client.db().collection('limits') gives it, not ${shown(collection)}.`,
  );
}

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function readWriteConcern(given: unknown): NonNullable<MongoStoreOptions['writeConcern']> {
  if (given === undefined || given === 'majority') return 'majority';
  if (given === 1) return 1;
  throw invalidOption(`writeConcern must be 'majority' or 1, not ${shown(given)}.`);
}
