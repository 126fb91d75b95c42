import type { BreakerOptions } from '../stores/breaker-options';

/** What the store asks: a `Collection` of the driver `mongodb`, of any schema, or anything like it. */
export interface MongoCollection {
  findOne(filter: object, options: object): Promise<unknown>;
  find(filter: object, options: object): { toArray(): Promise<unknown[]> };
  insertOne(document: object, options: object): Promise<{ acknowledged: boolean }>;
  updateOne(
    filter: object,
    update: object,
    options: object,
  ): Promise<{ acknowledged: boolean; matchedCount: number }>;
  deleteOne(filter: object, options: object): Promise<{ acknowledged: boolean; deletedCount: number }>;
  /** Asked by `migrate` only, as is `options`. */
  createIndex(keys: { expiresAt: 1 }, options: object): Promise<unknown>;
  options(): Promise<unknown>;
}

/** What `mongoStore` may be told. */
export interface MongoStoreOptions {
  /** As decisions, health and messages name it; default `mongodb`. */
  name?: string;
  /** When the database is no longer asked. */
  breaker?: BreakerOptions;
  /** Who has to have a charge before it counts as done; default `majority`. 1: the primary, whose failure may forget charges. */
  writeConcern?: 'majority' | 1;
}
