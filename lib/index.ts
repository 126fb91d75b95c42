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
export { clientIp } from './client-ip';
export { RateLimitError } from './errors';
export { rateLimitHeaders } from './headers/emit';
export { createRateLimitExceededResponse, createRateLimitHeaders } from './http';
export { createRateLimiter } from './create';
export { namedRate, namedRates } from './named-rates';
export { RATE_LIMITS } from './plans';
export { loadRules } from './rules/file';
export { subjectOf } from './rules/identity';
export { TIERS } from './tiers';

export type { ClientIpOptions, HeaderSource } from './client-ip';
export type { DropInOptions } from './drop-in';
export type { RateLimitErrorCode } from './errors';
export type {
  CommonOptions,
  LayerOptions,
  PlanOptions,
  RateLimiterOptions,
  RateOptions,
  RequestOptions,
} from './limiter-options';
export type {
  ClusterRedisOptions,
  RedisLogin,
  RedisNode,
  RedisOptions,
  SentinelRedisOptions,
  SingleRedisOptions,
} from './redis-options';
export type { Pem, TlsOptions } from './tls-options';
export type { AnyLimiter, LimiterBase, PlanLimiter, RateLimiter, RequestLimiter } from './limiter-types';
export type { HeaderFormat, HeaderOptions } from './headers/emit';
export type { HeaderDecision, HeaderRule } from './headers/header-input';
export type { RateName } from './named-rates';
export type { PlanName } from './plans';
export type { Rate, RateObject } from './rate';
export type { AccessEntries, AccessList } from './rules/access';
export type { RuleOptions } from './rules/compile';
export type { RulesFile } from './rules/file';
export type { Identity, IdentityFunction, IdScope, RateLimitRequest, Scope } from './rules/identity';
export type { SubjectId } from './rules/named';
export type { Override, RuleOverrides } from './rules/override';
export type { Plan, PlanRule } from './rules/plan';
export type { Missing, RequestRule, Skip } from './rules/request-rule';
export type { DecisionMessage, StateMessage } from './telemetry/channels';
export type { Logger } from './telemetry/logger';
export type { ObserverOptions, OnDecision, OnNearLimit } from './telemetry/observe';
export type { TierName } from './tiers';
export type {
  AdmittedDecision,
  Algorithm,
  CheckOptions,
  Decision,
  DecisionFields,
  DeniedDecision,
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
