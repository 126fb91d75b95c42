import { readSingleHeader, readTrusted, type ClientIpOptions } from '../http/client-ip';
import { invalidOption, shown } from '../base/errors';
import type { Limiter } from '../limiter/limiter';
import type { LimiterBase, PlanLimiter, RateLimiter, RequestLimiter } from '../limiter/types';
import { readUnits } from '../limiter/options';
import { RATE_LIMITS, type PlanName } from '../drop-in/plans';
import { compileRules } from '../rules/compile';
import type { RateLimitRequest } from '../rules/identity';
import type { RequestRule } from '../rules/request-rule';
import { refuseUnknown, requireObject } from '../base/validate';

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

/** What `identify` may answer in all. */
export type AnswerOf<L> = CallerOf<L> | Response;

/**
 * Refuses an answer of `identify` with a field that no caller has: TypeScript passes over what a function returns too
 * much, and a misspelled id would be one that is missing.
 */
export type Known<Answer> = [UnknownOf<Answer>] extends [never]
  ? unknown
  : { identify: { 'identify answers an unknown field': UnknownOf<Answer> } };
type UnknownOf<Answer> = Answer extends string | Response ? never : Exclude<keyof Answer, keyof Caller>;

/** What every place where a request arrives may say. `Args` is what its handler is called with. */
export interface LimitOptions<
  L extends LimiterOfNext | DropIn,
  Args extends readonly unknown[],
  Answer extends AnswerOf<L> = AnswerOf<L>,
> {
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
  identify?: (...args: Args) => Answer | Promise<Answer>;
  /** Units that each request charges, 1 or more; a caller's own `cost` wins. Default 1. */
  cost?: number;
  /**
   * The proxies in front of this process, as `clientIp` takes them. Without it a request has no address, unless
   * `identify` gives one.
   */
  trustedProxies?: ClientIpOptions['trustedProxies'];
  /**
   * In place of `trustedProxies`: the header in which the proxy tells a single address, such as `cf-connecting-ip` or
   * `x-real-ip`. The proxy must overwrite what a request brings, or anybody can forge it.
   */
  ipHeader?: ClientIpOptions['header'];
}

const OPTIONS = ['limiter', 'rules', 'identify', 'cost', 'trustedProxies', 'ipHeader'];

/**
 * Checks options by name and value, before the first request comes.
 * @param more functions that this place takes besides
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function refuseOptions(options: object, more: readonly string[] = []): void {
  requireObject(options, 'The options');
  refuseUnknown(options, [...OPTIONS, ...more], '');
  const given = options as LimitOptions<DropIn, never> & Record<string, unknown>;
  const { limiter, rules, identify, cost, trustedProxies, ipHeader } = given;
  if (cost !== undefined) readUnits(cost, 'cost');
  for (const name of ['identify', ...more]) refuseNoFunction(given[name], name);
  if (trustedProxies !== undefined) readTrusted(trustedProxies);
  readSingleHeader(ipHeader, trustedProxies, 'ipHeader');
  if (limiter !== undefined && rules !== undefined) {
    throw invalidOption('Give either limiter or rules: a limiter has rules of its own.');
  }
  if (limiter !== undefined) requireLimiter(limiter, 'checkRequest');
  if (rules !== undefined) refuseRules(rules);
  if (identify !== undefined || rules !== undefined) return;
  if (limiter === undefined || (limiter as Partial<Limiter>).hasPlansOnly === true) {
    throw invalidOption(
      'identify is missing: only plans limit here, so it has to tell whose they are, such as identify: (request) => ({ organization, plan }).',
    );
  }
}

/** Refuses what no request could be handed to. @throws RateLimitError `ERR_INVALID_OPTION` */
export function requireHandler(handler: unknown): void {
  if (typeof handler === 'function') return;
  throw invalidOption(
    `The first argument must be the handler, a function, not ${shown(handler)}; the options come second.`,
  );
}

/** Refuses what is no limiter, as far as it is used. @throws RateLimitError `ERR_INVALID_OPTION` */
export function requireLimiter(limiter: unknown, method: 'checkRequest' | 'health'): void {
  if (typeof limiter === 'object' && limiter !== null) {
    if (typeof (limiter as Partial<LimiterOfNext>)[method] === 'function') return;
  }
  throw invalidOption(
    `limiter must be what createRateLimiter answers, not ${shown(limiter)}; left out, it is the one behind checkRateLimit.`,
  );
}

function refuseNoFunction(value: unknown, name: string): void {
  if (value === undefined || typeof value === 'function') return;
  throw invalidOption(`${name} must be a function, not ${shown(value)}.`);
}

/** Lists that are known to be good: some places give theirs with each request. */
const good = new WeakSet<readonly RequestRule[]>();

/** The drop-in compiles them at the first request, beside its plans, whose names are always these. */
function refuseRules(rules: readonly RequestRule[]): void {
  if (typeof rules === 'object' && rules !== null && good.has(rules)) return;
  compileRules({ plans: RATE_LIMITS, rules });
  good.add(rules);
}

/** What `identify` may tell. */
const CALLER: readonly (keyof Caller)[] = [
  'method',
  'path',
  'ip',
  'user',
  'organization',
  'apiKey',
  'plan',
  'cost',
  'failureMode',
];

/** Reads what `identify` answered. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readAnswer(answer: unknown): Caller | string | Response {
  if (typeof answer === 'string' || answer instanceof Response) return answer;
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    throw invalidOption(
      `identify must answer who is asking, such as { organization, plan }, or a Response, not ${shown(answer)}.`,
    );
  }
  refuseUnknown(answer, CALLER, '', "field in identify's answer:");
  return answer;
}
