import type { HeaderFormat } from '../http/headers/emit';
import type { SharedRules } from '../fleet/types';
import type { Rate } from '../rules/rate';
import type { StoreOption } from '../stores/option';
import type { RedisOptions } from '../stores/redis/options';
import type { RuleOptions } from '../rules/compile';
import type { Plan as PlanRules } from '../rules/plan';
import type { RequestRule } from '../rules/request-rule';
import type { Logger } from '../telemetry/logger';
import type { NearLimit, ObserverOptions, OnDecision, Sampled } from '../telemetry/observe';
import type { FailureMode } from '../rules/failure-mode';

/** Options that every limiter has, and the drop-in functions. */
export interface CommonOptions {
  /** Where it is counted: `redisStore(url)`, `memoryStore()`, `customStore(store)`. Default: the store inside this process. */
  store?: StoreOption;
  /** Short for `store: redisStore(…)`. Absent or empty: the store inside this process, for one process or for tests. */
  redis?: string | RedisOptions;
  /** Written in front of every key in Redis; 1 to 256 characters, no braces. Default `ratelimit:`. */
  prefix?: string;
  /** The deadline of one call in milliseconds, waiting for a connection included: 1 to 2^31-1. Default 250. */
  timeoutMs?: number;
  /**
   * Who is admitted while the store does not answer: everybody (`open`, the default), nobody (`closed`), or as many as each
   * process counts for itself (`memory`).
   */
  failureMode?: FailureMode;
  /**
   * Among how many processes a limit is divided while they count for themselves (`failureMode: 'memory'`): each admits its
   * share, rounded up. 1 to 1,000,000; default 1, the whole limit in each.
   */
  share?: number;
  /**
   * Whom spillway tells what whoever runs the application should know, such as a Redis that does not answer: one line
   * for each change. Default: the console, of which `RATELIMIT_LOG_LEVEL` (`debug`, `warn`, `error`, `none`) says how
   * much it is told. `false`: nobody.
   */
  logger?: Logger | false;
  /** Told of every check's decision after its answer is on its way; it can neither delay nor break one. */
  onDecision?: OnDecision | Sampled;
  /** As `onDecision`, of denials only: for an audit. */
  onDenied?: OnDecision | Sampled;
}

/** What every limiter may say besides its plans or its rate. */
export interface LayerOptions
  extends CommonOptions, ObserverOptions, Omit<RuleOptions, 'plans' | 'rate' | 'failureMode' | 'nearLimit'> {
  /**
   * The part of a limit from which decisions say `nearLimit`, default 0.8: a number, or `{ at, tell }` with a function that
   * is told when a rule gets there.
   */
  nearLimit?: number | NearLimit;
  /** Overrides and rates of plans that all processes share: what `sharedRules({ store })` gives. */
  sharedRules?: SharedRules;
  /**
   * Adds what this process counts to what its fleet counts, in the store, every 10 s: see `fleet()`. Kept for
   * `METRICS_RETENTION_DAYS` of the environment, default 7.
   */
  analytics?: boolean;
  /** Which headers `headers(decision)` gives; default `legacy`. */
  headers?: HeaderFormat;
}

/** A limiter whose checks name a plan. */
export interface PlanOptions<Plan extends string> extends LayerOptions {
  /** What each plan admits. Only these names are plans: any other is an error, never unlimited. */
  plans: { readonly [Name in Plan]: PlanRules };
  rate?: undefined;
}

/** A limiter with one rate for every key. */
export interface RateOptions extends LayerOptions {
  rate: Rate;
  plans?: undefined;
}

/** A limiter for requests only, which has neither plans nor a rate. */
export interface RequestOptions extends LayerOptions {
  rules: readonly RequestRule[];
  plans?: undefined;
  rate?: undefined;
}

export type RateLimiterOptions = PlanOptions<string> | RateOptions | RequestOptions;

/**
 * What `createRateLimiter` takes, as one shape and not one of several: so a mistake is told at the property that has it,
 * and not of the shape that was not meant.
 * @typeParam Plan the names of `plans`, `never` without them
 * @typeParam One the `rate`, `never` without it
 */
export type GivenOptions<Plan extends string, One extends Rate> = LayerOptions & {
  /** What each plan admits. Only these names are plans: any other is an error, never unlimited. */
  plans?: { readonly [Name in Plan]: PlanRules };
  /** One rate for every key, instead of plans. */
  rate?: One;
} & Complete<Plan, One>;

/** Plans and a rate exclude each other, and where there is neither there must be rules. */
type Complete<Plan extends string, One extends Rate> = string extends Plan
  ? unknown
  : [Plan] extends [never]
    ? [One] extends [never]
      ? { rules: readonly RequestRule[] }
      : unknown
    : { rate?: undefined };
