import type { Rate } from './rate';
import type { CheckOptions, Decision, Health, ListedKey, ListOptions, OnError, Stats } from './types';

/** Where Redis is. What a `url` says wins over the fields beside it. */
export interface RedisOptions {
  /** `redis://[user[:password]@]host[:port][/db]`; credentials percent-encoded, IPv6 hosts in brackets. */
  url?: string;
  /** Host name or address, instead of `url`. */
  host?: string;
  /** 1 to 65535; default 6379. */
  port?: number;
  username?: string;
  password?: string;
  /** Database number; default 0. */
  db?: number;
}

/** Options that every limiter has. */
export interface CommonOptions {
  /** A `redis://` URL or an address. Absent or empty: the store inside this process, for one process or for tests. */
  redis?: string | RedisOptions;
  /** Written in front of every key in Redis; 1 to 256 characters. Default `ratelimit:`. */
  prefix?: string;
  /** The deadline of one call in milliseconds, waiting for a connection included: 1 to 2^31-1. Default 250. */
  timeoutMs?: number;
  /** The deadline of making a connection in milliseconds, 1 to 2^31-1. Default 5,000. */
  connectTimeoutMs?: number;
  /** Who is admitted while Redis does not answer: everybody (`open`, the default) or nobody (`closed`). */
  onError?: OnError;
  /**
   * In-process store: the most keys it holds, 1 to 100,000,000; default 1,000,000. Beyond it expired keys leave
   * first, then those that end soonest.
   */
  maxKeys?: number;
}

/** A limiter whose checks name a plan. */
export interface PlanOptions<Plan extends string> extends CommonOptions {
  /** The rate of each plan. Only these names are plans: any other is an error, never unlimited. */
  plans: { readonly [Name in Plan]: Rate };
  rate?: undefined;
}

/** A limiter with one rate for every key. */
export interface RateOptions extends CommonOptions {
  rate: Rate;
  plans?: undefined;
}

export type RateLimiterOptions = PlanOptions<string> | RateOptions;

/** What all limiters do. Every promise rejects with a `RateLimitError`, never with anything else. */
export interface LimiterBase {
  /**
   * Forgets what was counted for a key; its next check starts a new window.
   * @returns true when something had been counted
   * @throws RateLimitError `ERR_INVALID_KEY`, `ERR_CLOSED`, `ERR_UNAVAILABLE` (nothing is known to be forgotten)
   */
  reset(key: string): Promise<boolean>;
  /**
   * Goes through everything that is counted under the prefix, on a connection of its own, page by page and in no
   * order. Keys that come or go meanwhile may be missed. Memory stays bounded however many keys there are; Redis
   * may repeat a key while its table shrinks, and repetitions among the last 50,000 keys are left out.
   * @throws RateLimitError `ERR_INVALID_OPTION`, `ERR_CLOSED`, `ERR_UNAVAILABLE`
   */
  list(options?: ListOptions): AsyncIterableIterator<ListedKey>;
  /**
   * Runs a real check on a probe key, which no key of yours can be and no listing shows.
   * @throws RateLimitError `ERR_CLOSED`; Redis being away is `healthy: false`
   */
  health(): Promise<Health>;
  /** Counters of the store. Asks nothing of Redis and connects nothing. */
  stats(): Stats;
  /**
   * Gives the connection back; the last limiter that shares it closes it. What still waits is then decided by
   * `onError`; later calls reject with `ERR_CLOSED`. Closing twice is closing once.
   */
  close(): Promise<void>;
}

/** A limiter with plans: `createRateLimiter({ plans })`. */
export interface PlanLimiter<Plan extends string> extends LimiterBase {
  /**
   * Charges `cost` units of the plan's limit to a key, or nothing when they do not fit. While Redis is away the
   * policy `onError` answers within the deadline; the promise does not reject for that.
   * @throws RateLimitError `ERR_UNKNOWN_PLAN`, `ERR_INVALID_KEY`, `ERR_INVALID_OPTION`, `ERR_CLOSED`
   */
  check(key: string, plan: Plan, options?: CheckOptions): Promise<Decision>;
  /** What `check` would decide now at a cost of 1, without charging anything. Same errors as `check`. */
  peek(key: string, plan: Plan): Promise<Decision>;
}

/** A limiter with one rate: `createRateLimiter({ rate })`. */
export interface RateLimiter extends LimiterBase {
  /**
   * Charges `cost` units of the limit to a key, or nothing when they do not fit. While Redis is away the policy
   * `onError` answers within the deadline; the promise does not reject for that.
   * @throws RateLimitError `ERR_INVALID_KEY`, `ERR_INVALID_OPTION`, `ERR_CLOSED`
   */
  check(key: string, options?: CheckOptions): Promise<Decision>;
  /** What `check` would decide now at a cost of 1, without charging anything. Same errors as `check`. */
  peek(key: string): Promise<Decision>;
}
