/** `spillway`: rate limits that several processes share through Redis. Start with `checkRateLimit`. */
export {
  applyRateLimit,
  checkRateLimit,
  closeRedisConnection,
  configureRateLimit,
  getAllRateLimits,
  getRateLimitStatus,
  isRedisHealthy,
  resetRateLimit,
} from './drop-in';
export { RateLimitError } from './errors';
export { createRateLimitExceededResponse, createRateLimitHeaders } from './http';
export { createRateLimiter } from './limiter';
export { RATE_LIMITS } from './plans';

export type { DropInOptions } from './drop-in';
export type { RateLimitErrorCode } from './errors';
export type {
  CommonOptions,
  LimiterBase,
  PlanLimiter,
  PlanOptions,
  RateLimiter,
  RateLimiterOptions,
  RateOptions,
  RedisOptions,
} from './limiter-types';
export type { PlanName } from './plans';
export type { Rate, RateObject } from './rate';
export type {
  Algorithm,
  CheckOptions,
  Decision,
  Health,
  ListedKey,
  ListOptions,
  OnError,
  RateLimitEntry,
  RateLimitResult,
  RateLimitStatus,
  Reason,
  RuleResult,
  Source,
  Stats,
} from './types';
