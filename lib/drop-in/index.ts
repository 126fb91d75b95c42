import { Configured } from './configured';
import { secret, variable } from '../base/environment';
import { RateLimitError } from '../base/errors';
import { withRateLimit } from './http';
import { warnOfOwnCounts } from '../limiter/create';
import { Limiter } from '../limiter/limiter';
import type { CommonOptions } from '../limiter/option-types';
import type { RequestRule } from '../rules/request-rule';
import { refuseUnknown } from '../base/validate';
import { withDefaults, type PlanName } from './plans';
import type { Rate, RateObject } from '../rules/rate';
import { parseRedisUrl } from '../stores/redis/url';
import { requireResponse } from '../http/response';
import { refuseSurplus } from '../base/surplus';
import { BLOCKED } from '../stores/listing';
import { ResultKind } from '../decision/result-kind';
import type { RateLimitResult, RateLimitStatus } from '../decision/types';
import type { RateLimitEntry } from '../stores/types';

/** Options of the drop-in functions. */
export interface DropInOptions extends CommonOptions {
  /** Rates in place of those of `RATE_LIMITS`; plans that are not named keep theirs. */
  plans?: { readonly [Plan in PlanName]?: Rate };
}

const OPTIONS = [
  'store',
  'redis',
  'plans',
  'prefix',
  'timeoutMs',
  'failureMode',
  'share',
  'logger',
  'onDecision',
  'onDenied',
] as const satisfies readonly (keyof DropInOptions)[];

const own = new Configured<DropInOptions>((options) => create(options), {});
/** Limiters with more rules, made from the same options, by those rules; the oldest in front. */
const extended = new Map<readonly RequestRule[], Limiter>();
/** Far more than an app has places. Where a list is written into a call, each call brings another one. */
const MOST_EXTENDED = 256;

/**
 * The limiter itself, for `spillway/next`; with rules, one that has the same plans and these rules besides.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function dropIn(rules?: readonly RequestRule[]): Limiter {
  if (rules === undefined) return own.current;
  return extended.get(rules) ?? extend(rules);
}

function extend(rules: readonly RequestRule[]): Limiter {
  const made = create(own.options, rules);
  const [oldest] = extended.keys();
  if (extended.size >= MOST_EXTENDED && oldest !== undefined) {
    // Opened before the other one is closed, so that the store, with its counts and with who waits, stays.
    made.backend.open();
    void extended.get(oldest)?.close();
    extended.delete(oldest);
  }
  extended.set(rules, made);
  return made;
}

function create(options: DropInOptions, rules?: readonly RequestRule[]): Limiter {
  refuseUnknown(options, OPTIONS, '');
  const { plans, ...rest } = options;
  const isSaid = options.redis !== undefined || options.store !== undefined;
  const { failure, ...found }: Found = isSaid ? {} : fromEnvironment();
  const made = new Limiter({ ...rest, ...found, plans: withDefaults(plans), rules }, failure);
  const { source, isForgotten } = made.backend;
  if (isForgotten || (source === 'memory' && options.store === undefined)) {
    warnOfOwnCounts(made.log, 'REDIS_URL is not set', 'REDIS_URL');
  }
  return made;
}

interface Found extends Pick<CommonOptions, 'redis'> {
  failure?: RateLimitError;
}

/**
 * A `REDIS_URL` that cannot be used is an outage, which `failureMode` decides and health shows: whoever deploys an app with
 * it wants to see that, not every route fail.
 */
function fromEnvironment(): Found {
  const url = variable('REDIS_URL');
  if (url === '') return {};
  try {
    parseRedisUrl(url, 'REDIS_URL');
  } catch (error) {
    if (error instanceof RateLimitError) return { failure: error };
    throw error;
  }
  return { redis: { url, password: secret('REDIS_PASSWORD') } };
}

/**
 * Configures the functions of this module in one place, instead of the environment: without `redis` here, `REDIS_URL`
 * and `REDIS_PASSWORD` still hold. May be called again; calls that wait keep their answers where the connection
 * options stay equal, and so do the counts of the in-process store.
 * @throws RateLimitError `ERR_INVALID_OPTION`; what was configured before then stays
 */
export function configureRateLimit(options: DropInOptions): void {
  if (arguments.length > 1) refuseSurplus('configureRateLimit', 1, arguments);
  own.configure(options);
  closeExtended();
}

function closeExtended(): void {
  for (const one of extended.values()) void one.close();
  extended.clear();
}

/**
 * Counts one request of an organization under its plan, where the window has room for it. A denied request consumes
 * nothing. While Redis is away the policy answers (by default: admitted) within the deadline.
 * @param limit what is admitted instead of the plan's rate, counted apart from it: under the key that one rate of this
 *   window has
 * @throws RateLimitError (as a rejection) `ERR_UNKNOWN_PLAN`, `ERR_INVALID_KEY`, `ERR_INVALID_OPTION`
 */
export function checkRateLimit(
  organizationId: string,
  plan: PlanName,
  limit?: RateObject,
): Promise<RateLimitResult> {
  try {
    if (arguments.length > 3) refuseSurplus('checkRateLimit', 3, arguments);
    return own.current.checkAs(organizationId, plan, ResultKind.Result, limit);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Where an organization stands under its plan. Counts nothing. Same errors as `checkRateLimit`. */
export function getRateLimitStatus(
  organizationId: string,
  plan: PlanName,
  limit?: RateObject,
): Promise<RateLimitStatus> {
  try {
    if (arguments.length > 3) refuseSurplus('getRateLimitStatus', 3, arguments);
    return own.current.checkAs(organizationId, plan, ResultKind.Status, limit);
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * Counts one request and answers the response with the rate limit's headers or, over the limit, the 429 in its
 * place. Same errors as `checkRateLimit`.
 */
export async function applyRateLimit<T extends Response>(
  response: T,
  organizationId: string,
  plan: PlanName,
  limit?: RateObject,
): Promise<T> {
  if (arguments.length > 4) refuseSurplus('applyRateLimit', 4, arguments);
  requireResponse(response);
  return withRateLimit(response, await checkRateLimit(organizationId, plan, limit));
}

/**
 * Forgets what was counted for an organization, also under limits that calls of this process brought along (the last
 * 1,000 of them).
 * @throws RateLimitError (as a rejection) `ERR_INVALID_KEY`, `ERR_INVALID_OPTION`, `ERR_UNAVAILABLE`
 */
export async function resetRateLimit(organizationId: string): Promise<void> {
  if (arguments.length > 1) refuseSurplus('resetRateLimit', 1, arguments);
  await own.current.reset(organizationId);
}

/**
 * Everything that is counted under plans, by the name it has in Redis, such as `ratelimit:org-123`. For large numbers of keys
 * prefer `createRateLimiter().list()`, which does not hold them all.
 * @throws RateLimitError (as a rejection) `ERR_UNAVAILABLE`
 */
export async function getAllRateLimits(): Promise<Map<string, RateLimitEntry>> {
  const all = new Map<string, RateLimitEntry>();
  for await (const page of own.current.plainCounts()) {
    for (const { key, count, resetTime, blocked } of page) {
      all.set(key, { count: blocked ? BLOCKED : count, resetTime });
    }
  }
  return all;
}

/**
 * True after a real reply of Redis; false once the connection closed, a reply is overdue, or where no Redis is
 * configured. Asking starts the connection, except during `next build`, and keeps the answer fresh.
 */
export function isRedisHealthy(): boolean {
  return own.current.backend.isHealthy();
}

/** Closes the connection; what still waits is decided by the policy. A later call connects again. */
export async function closeRedisConnection(): Promise<void> {
  closeExtended();
  await own.close();
}
