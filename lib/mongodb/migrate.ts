import { invalidOption } from '../base/errors';
import { requireCollection } from './options';
import type { MongoCollection } from './types';

/**
 * Makes the index that removes ended documents, and the collection where it is missing. It may run at every start, in many
 * processes at once; its user needs createIndex and listCollections.
 * @throws RateLimitError `ERR_INVALID_OPTION`; rejects with what the database says
 */
export async function migrate(collection: MongoCollection): Promise<void> {
  requireCollection(collection);
  await collection.createIndex({ expiresAt: 1 }, { name: 'spillway_expires_at', expireAfterSeconds: 0 });
  const { capped, collation } = ((await collection.options()) ?? {}) as {
    capped?: boolean;
    collation?: { locale?: string };
  };
  if (capped === true) {
    throw invalidOption(
      'The collection is capped, so it drops counts that still hold: take one that is not.',
    );
  }
  if (collation !== undefined && collation.locale !== 'simple') {
    throw invalidOption('The collection has a collation, so ids that differ may meet: take one without.');
  }
}
