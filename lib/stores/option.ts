import { invalidOption, shown, type RateLimitError } from '../base/errors';
import { readInteger, refuseUnknown, requireObject } from '../base/validate';
import { readBreaker, type BreakerOptions, type BreakerSettings } from './breaker-options';
import { requireCustomStore } from './custom/validate';
import type { CustomStore } from './custom/types';
import { readFailover, type FailoverOptions, type FailoverSettings } from './failover/options';
import { readRedis, type RedisOptions, type RedisTarget } from './redis/options';

/** Which store is meant, validated. It may hold secrets: not to be kept in a field that a dump shows. */
export type StoreTarget =
  /** `forgotten`: a Redis was meant, and not said where. */
  | { readonly kind: 'memory'; readonly maxKeys: number; readonly forgotten?: boolean }
  | { readonly kind: 'redis'; readonly redis: RedisTarget }
  | { readonly kind: 'custom'; readonly custom: CustomStore; readonly breaker: BreakerSettings }
  | {
      readonly kind: 'failover';
      readonly members: readonly StoreTarget[];
      readonly settings: FailoverSettings;
    }
  /** Redis is meant and cannot be used: an outage. */
  | { readonly kind: 'failed'; readonly failure: RateLimitError };

// A bundler evaluates modules several times; all copies read the options of each other.
const TARGET: unique symbol = Symbol.for('spillway.store');

/** A store, as the option `store` takes it: what `redisStore`, `memoryStore`, `customStore` and `failoverStore` give. */
export interface StoreOption {
  /** @internal */
  readonly [TARGET]: () => StoreTarget;
}

const option = (target: StoreTarget): StoreOption => Object.freeze({ [TARGET]: () => target });

const MAX_KEYS = 100_000_000;
export const MOST_KEYS = 1_000_000;

/** What the in-process store may be told. */
export interface MemoryStoreOptions {
  /**
   * The most keys it holds, 1 to 100,000,000; default 1,000,000. Beyond it expired keys leave first, then those that end
   * soonest.
   */
  maxKeys?: number;
}

/**
 * Counts in Redis, for all processes together: `store: redisStore(url)` is what `redis: url` says in short.
 * @param redis empty, as an environment variable that is not set: the in-process store, of which is warned in production
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function redisStore(redis: string | RedisOptions | undefined): StoreOption {
  const target = redisTarget(redis);
  return option(target.kind === 'memory' ? { ...target, forgotten: true } : target);
}

/**
 * Counts in this process alone: for one process, or for tests.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function memoryStore(options: MemoryStoreOptions = {}): StoreOption {
  requireObject(options, 'The options of memoryStore');
  refuseUnknown(options, ['maxKeys'], '');
  return option(memoryTarget(options.maxKeys));
}

/** What a store of one's own may be told. */
export interface CustomStoreOptions {
  /** When it is no longer asked. Of limiters that share the store, the first one's holds. */
  breaker?: BreakerOptions;
}

/**
 * Counts in a store of your own. Limiters that are given the same object share it.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function customStore(store: CustomStore, options: CustomStoreOptions = {}): StoreOption {
  requireCustomStore(store);
  requireObject(options, 'The options of customStore');
  refuseUnknown(options, ['breaker'], '');
  return option({ kind: 'custom', custom: store, breaker: readBreaker(options.breaker, 'breaker') });
}

/** The most stores that stand in for each other. */
const MOST_STORES = 8;

/**
 * Several stores that stand in for each other: a call is counted in one of those that are healthy. The count starts anew in
 * a store that takes over, and with it the limit.
 * @param stores 1 to 8, the one that counts when all are well in front; one that is listed twice is one
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function failoverStore(stores: readonly StoreOption[], options: FailoverOptions = {}): StoreOption {
  if (!Array.isArray(stores) || stores.length < 1 || stores.length > MOST_STORES) {
    const what = Array.isArray(stores) ? `${stores.length} stores` : shown(stores);
    throw invalidOption(
      `failoverStore takes a list of 1 to ${MOST_STORES} stores, such as [redisStore(url), memoryStore()], not ${what}.`,
    );
  }
  const members = stores.map((one, i) => {
    const target = readTarget(one, `stores[${i}]`);
    if (target.kind !== 'failover') return target;
    throw invalidOption(
      `stores[${i}] is what failoverStore gives. Put its stores into this list: they are asked in its order.`,
    );
  });
  return option({ kind: 'failover', members, settings: readFailover(options) });
}

export function memoryTarget(maxKeys?: unknown): StoreTarget {
  return { kind: 'memory', maxKeys: readInteger(maxKeys, 'maxKeys', MOST_KEYS, 1, MAX_KEYS) };
}

function redisTarget(value: unknown): StoreTarget {
  const redis = readRedis(value);
  return redis === undefined ? memoryTarget() : { kind: 'redis', redis };
}

/** Reads the options `store` and `redis`. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readStore(store: unknown, redis: unknown): StoreTarget {
  if (store === undefined) return redisTarget(redis);
  if (redis !== undefined) {
    throw invalidOption('Give store or redis, not both: redis: url is short for store: redisStore(url).');
  }
  return readTarget(store, 'store');
}

function readTarget(store: unknown, where: string): StoreTarget {
  const given = (store ?? {}) as Partial<StoreOption> & { apply?: unknown };
  const target = given[TARGET];
  if (typeof target === 'function') return target();
  const hint =
    typeof given.apply === 'function' ? 'an object with apply: write customStore(…) around it' : shown(store);
  throw invalidOption(
    `${where} must be what redisStore(url), memoryStore(), customStore(store) or failoverStore(stores) gives, not ${hint}.`,
  );
}
