import { Limiter } from './limiter';
import type { PlanOptions, RateLimiterOptions, RateOptions, RequestOptions } from './option-types';
import { refuseSurplus } from '../base/surplus';
import type { Log } from '../telemetry/logger';
import type { AnyLimiter, PlanLimiter, RateLimiter, RequestLimiter } from './types';

/**
 * A rate limiter with plans: `check(key, plan)`, and `checkRequest` for its rules. Plan names are taken from the
 * options, so a misspelled plan does not compile. Creating one connects nothing; the first call does. Limiters with
 * equal connection options share one connection, also when a bundler evaluates the module several times.
 *
 * `RATELIMIT_ENABLE=false` in the environment, read here, admits everything and connects nothing.
 * @throws RateLimitError `ERR_INVALID_OPTION` for any option that is misspelled or out of range
 */
export function createRateLimiter<Plan extends string>(options: PlanOptions<Plan>): PlanLimiter<Plan>;
/** A rate limiter with one rate for every key: `check(key)`. Otherwise as with plans. */
export function createRateLimiter(options: RateOptions): RateLimiter;
/** A rate limiter for requests: `checkRequest(request)`. Otherwise as with plans. */
export function createRateLimiter(options: RequestOptions): RequestLimiter;
/** A rate limiter whose options are known at run time, such as those of `loadRules`. Otherwise as with plans. */
export function createRateLimiter(options: RateLimiterOptions): AnyLimiter;
export function createRateLimiter(options: RateLimiterOptions): Limiter {
  if (arguments.length > 1) refuseSurplus('createRateLimiter', 1, arguments);
  const made = new Limiter(options);
  if ('redis' in options && made.backend.source === 'memory') {
    warnOfOwnCounts(made.log, 'The option redis is given, and empty', 'the variable that it comes from');
  }
  if (made.backend.isForgotten) {
    warnOfOwnCounts(made.log, 'redisStore was given nothing', 'the variable that it comes from');
  }
  return made;
}

/** In production whoever says where Redis is and says nothing has most likely forgotten it. */
export function warnOfOwnCounts(log: Log, why: string, what: string): void {
  const { NODE_ENV, NEXT_PHASE } = process.env;
  if (NODE_ENV !== 'production' || NEXT_PHASE === 'phase-production-build') return;
  log.once(
    'own counts',
    `${why}, so every process counts for itself and limits are per process. Set ${what} to share them.`,
  );
}
