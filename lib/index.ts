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
export { clientIp } from './http/client-ip';
export { RateLimitError } from './base/errors';
export { rateLimitHeaders } from './http/headers/emit';
export { createRateLimitExceededResponse, createRateLimitHeaders } from './drop-in/http';
export { loadConfig } from './limiter/config-file';
export { createRateLimiter } from './limiter/create';
export { auditFile } from './telemetry/audit-file';
export { sharedRules } from './fleet/shared-rules';
export { namedRate, namedRates } from './rules/named-rates';
export { RATE_LIMITS } from './drop-in/plans';
export { loadRules } from './rules/file';
export { parseRate } from './rules/read-rate';
export { subjectOf } from './rules/identity';
export { TIERS } from './rules/tiers';
export { customStore, failoverStore, memoryStore, redisStore } from './stores/option';

export type { ClientIpOptions, HeaderName, HeaderSource } from './http/client-ip';
export type { DropInOptions } from './drop-in';
export type {
  BlockOp,
  CustomStore,
  Outcome,
  RefundOp,
  ScanOp,
  ScanPage,
  StoreItem,
  StoreOp,
  StoreRule,
} from './stores/custom/types';
export type { BreakerOptions } from './stores/breaker-options';
export type { FailoverOptions } from './stores/failover/options';
export type { CustomStoreOptions, MemoryStoreOptions, StoreOption } from './stores/option';
export type { ResetOptions } from './limiter/types';
export type { RateLimitErrorCode } from './base/errors';
export type {
  CommonOptions,
  LayerOptions,
  PlanOptions,
  RateLimiterOptions,
  RateOptions,
  RequestOptions,
} from './limiter/option-types';
export type {
  ClusterRedisOptions,
  RedisLogin,
  RedisNode,
  RedisOptions,
  SentinelRedisOptions,
  SingleRedisOptions,
} from './stores/redis/options';
export type { Pem, TlsOptions } from './stores/redis/tls-options';
export type {
  AnyLimiter,
  LimiterBase,
  LimiterStats,
  PlanLimiter,
  RateLimiter,
  RequestLimiter,
} from './limiter/types';
export type { Described, DescribedRequestRule, DescribedRule } from './limiter/describe';
export type { HeaderFormat, HeaderOptions } from './http/headers/emit';
export type { HeaderDecision, HeaderRule } from './http/headers/header-input';
export type { RateName } from './rules/named-rates';
export type { PlanName } from './drop-in/plans';
export type { Rate, RateObject, RateText, Unlimited } from './rules/rate';
export type { AccessEntries, AccessList } from './rules/access';
export type { RuleOptions } from './rules/compile';
export type { RulesFile } from './rules/file';
export type { Identity, IdentityFunction, IdScope, RateLimitRequest, Scope } from './rules/identity';
export type { SubjectId } from './rules/named';
export type { MultipliedLimits, Override, RuleOverrides } from './rules/override';
export type { Plan, PlanRule } from './rules/plan';
export type { Bypass, BypassFunction } from './rules/bypass';
export type { Missing, RequestRule } from './rules/request-rule';
export type { BreakerState } from './telemetry/breaker-state';
export type { DecisionMessage, StateMessage } from './telemetry/channels';
export type { DeniedSubject, RuleCounts, WithoutStore } from './telemetry/counters';
export type { Latency, LatencyBucket } from './telemetry/histogram';
export type { Logger } from './telemetry/logger';
export type {
  NearLimit,
  ObserverOptions,
  OnChange,
  OnDecision,
  OnNearLimit,
  Sampled,
} from './telemetry/observe';
export type { AuditFile, AuditFileOptions } from './telemetry/audit-file';
export type { TierName } from './rules/tiers';
export type {
  AdmittedDecision,
  CheckOptions,
  Decision,
  DecisionFields,
  DeniedDecision,
  RateLimitResult,
  RateLimitStatus,
  Reason,
  RuleResult,
  Source,
} from './decision/types';
export type { Change, Who } from './rules/change';
export type { RulesDocument, SharedOverride, SharedPlan } from './fleet/document';
export type { FleetOptions } from './fleet/analytics';
export type { Counts, FleetView } from './fleet/view';
export type { SetOverrideOptions, SharedRules, SharedRulesOptions } from './fleet/types';
export type {
  Health,
  HealthOptions,
  KeyPage,
  ListedKey,
  ListOptions,
  PageOptions,
  RateLimitEntry,
  ServerMemory,
  SharedRulesStatus,
  Stats,
  StoreStatus,
} from './stores/types';
export type { Algorithm } from './rules/algorithm';
export type { FailureMode } from './rules/failure-mode';
