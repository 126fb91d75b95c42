/**
 * `spillway/memory`: the drop-in functions, synchronous, on the table inside this process. Counts are this
 * process's own, and shared with what else in it uses the in-process store under the same prefix and bound.
 */
import { Configured } from './configured';
import type { DropInOptions } from '../drop-in';
import { withRateLimit } from './http';
import { Limiter } from '../limiter/limiter';
import { withDefaults, type PlanName } from './plans';
import type { RateObject } from '../rules/rate';
import { requireResponse } from '../http/response';
import { refuseSurplus } from '../base/surplus';
import { refuseUnknown } from '../base/validate';
import { memoryStore, type MemoryStoreOptions } from '../stores/option';
import { BLOCKED } from '../stores/listing';
import { ResultKind } from '../decision/result-kind';
import type { RateLimitResult, RateLimitStatus } from '../decision/types';
import type { RateLimitEntry } from '../stores/types';

export { createRateLimitExceededResponse, createRateLimitHeaders } from './http';
export { RATE_LIMITS } from './plans';
export { RateLimitError } from '../base/errors';
export type { RateLimitErrorCode } from '../base/errors';
export type { PlanName } from './plans';
export type { Rate, RateObject, RateText, Unlimited } from '../rules/rate';
export type { RateLimitResult, RateLimitStatus } from '../decision/types';
export type { RateLimitEntry } from '../stores/types';

/** Options of the synchronous drop-in functions. */
export interface MemoryOptions
  extends
    Pick<DropInOptions, 'plans' | 'prefix' | 'logger' | 'onDecision' | 'onDenied'>,
    MemoryStoreOptions {}

const OPTIONS = ['plans', 'prefix', 'maxKeys', 'logger', 'onDecision', 'onDenied'] as const;

const own = new Configured<MemoryOptions>((options) => {
  refuseUnknown(options, OPTIONS, '');
  const { maxKeys, plans, ...rest } = options;
  return new Limiter({ ...rest, store: memoryStore({ maxKeys }), plans: withDefaults(plans) });
}, {});

/**
 * Configures the functions of this module. Counts stay where `prefix` and `maxKeys` do.
 * @throws RateLimitError `ERR_INVALID_OPTION`; what was configured before then stays
 */
export function configureRateLimit(options: MemoryOptions): void {
  if (arguments.length > 1) refuseSurplus('configureRateLimit', 1, arguments);
  own.configure(options);
}

/**
 * Counts one request of an organization under its plan, where the window has room for it. A denied request consumes
 * nothing.
 * @param limit what is admitted instead of the plan's rate, counted apart from it
 * @throws RateLimitError `ERR_UNKNOWN_PLAN`, `ERR_INVALID_KEY`, `ERR_INVALID_OPTION`
 */
export function checkRateLimit(organizationId: string, plan: PlanName, limit?: RateObject): RateLimitResult {
  if (arguments.length > 3) refuseSurplus('checkRateLimit', 3, arguments);
  return own.current.now(organizationId, plan, ResultKind.Result, limit);
}

/** Where an organization stands under its plan. Counts nothing. Same errors as `checkRateLimit`. */
export function getRateLimitStatus(
  organizationId: string,
  plan: PlanName,
  limit?: RateObject,
): RateLimitStatus {
  if (arguments.length > 3) refuseSurplus('getRateLimitStatus', 3, arguments);
  return own.current.now(organizationId, plan, ResultKind.Status, limit);
}

/** Counts one request and answers the response with the rate limit's headers or, over the limit, the 429. */
export function applyRateLimit<T extends Response>(
  response: T,
  organizationId: string,
  plan: PlanName,
  limit?: RateObject,
): T {
  if (arguments.length > 4) refuseSurplus('applyRateLimit', 4, arguments);
  requireResponse(response);
  return withRateLimit(response, checkRateLimit(organizationId, plan, limit));
}

/** Forgets what was counted for an organization. @throws RateLimitError `ERR_INVALID_KEY` */
export function resetRateLimit(organizationId: string): void {
  if (arguments.length > 1) refuseSurplus('resetRateLimit', 1, arguments);
  own.current.resetNow(organizationId);
}

/** Everything that is counted under plans, by names such as `ratelimit:org-123`. */
export function getAllRateLimits(): Map<string, RateLimitEntry> {
  const all = new Map<string, RateLimitEntry>();
  for (const page of own.current.plainCountsNow()) {
    for (const { key, count, resetTime, blocked } of page) {
      all.set(key, { count: blocked ? BLOCKED : count, resetTime });
    }
  }
  return all;
}

/** Always false: there is no Redis here. Present so that an import can be changed without other edits. */
export function isRedisHealthy(): boolean {
  return false;
}

/** Lets go of the table; it is freed when nobody else in the process counts in it. A later call starts afresh. */
export function closeRedisConnection(): void {
  void own.close();
}
