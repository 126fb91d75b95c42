import type { ClientIpOptions } from '../client-ip';
import { invalidOption } from '../errors';
import type { LimiterBase, PlanLimiter, RateLimiter, RequestLimiter } from '../limiter-types';
import type { PlanName } from '../plans';
import type { RateLimitRequest } from '../rules/identity';
import type { RequestRule } from '../rules/request-rule';
import { isIntegerIn, refuseUnknown, requireObject } from '../validate';

/** Any limiter of `createRateLimiter`. */
export type LimiterOfNext = LimiterBase & Pick<RequestLimiter, 'checkRequest'>;

/** In place of a limiter: the one behind `checkRateLimit`, with its plans and its connection. */
export type DropIn = undefined;

/** The plans that a limiter knows. */
export type PlanOf<L> = [L] extends [DropIn] ? PlanName : L extends PlanLimiter<infer Plan> ? Plan : never;

/**
 * Who is asking, as the server knows after it has verified it. A plan is charged to the organization, or to what else
 * the limiter's `planBy` says; rules are charged to what their `by` says.
 */
export type Caller<Plan extends string = string> = Partial<Omit<RateLimitRequest, 'plan' | 'headers'>> & {
  plan?: Plan;
};

/** What `identify` may answer for a limiter: of one with a single rate also a key, as `check` takes it. */
export type CallerOf<L> = Caller<PlanOf<L>> | (L extends RateLimiter ? string : never);

/** What every place where a request arrives may say. `Args` is what its handler is called with. */
export interface LimitOptions<L extends LimiterOfNext | DropIn, Args extends readonly unknown[]> {
  /** Default: the limiter behind `checkRateLimit`, as the environment or `configureRateLimit` made it. */
  limiter?: L;
  /**
   * Without `limiter`: rules of this place besides the caller's plan, charged in the same round trip, all or nothing.
   * Their counts stand beside those of `checkRateLimit`. Places that use one id share one count.
   */
  rules?: [L] extends [DropIn] ? readonly RequestRule[] : undefined;
  /**
   * Tells who is asking. A `Response`, such as a 401, is answered in place of everything, and nothing is counted.
   * What it throws is thrown.
   */
  identify?: (...args: Args) => CallerOf<L> | Response | Promise<CallerOf<L> | Response>;
  /** Units that each request charges, 1 or more; a caller's own `cost` wins. Default 1. */
  cost?: number;
  /**
   * The proxies in front of this process, as `clientIp` takes them. Without it a request has no address, unless
   * `identify` gives one.
   */
  trustedProxies?: ClientIpOptions['trustedProxies'];
}

const OPTIONS = ['limiter', 'rules', 'identify', 'cost', 'trustedProxies'];

/** Checks options by name and value. @throws RateLimitError `ERR_INVALID_OPTION` */
export function refuseOptions(options: object, more: readonly string[] = []): void {
  requireObject(options, 'The options');
  refuseUnknown(options, [...OPTIONS, ...more], '');
  const { limiter, rules, cost } = options as LimitOptions<DropIn, never>;
  if (cost !== undefined && !isIntegerIn(cost, 1, Number.MAX_SAFE_INTEGER)) {
    throw invalidOption('cost must be an integer from 1 to 2^53-1.');
  }
  if (limiter !== undefined && rules !== undefined) {
    throw invalidOption('Give either limiter or rules: a limiter has rules of its own.');
  }
}
