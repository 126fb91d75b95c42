import { Limiter } from './limiter';
import type { GivenOptions, RateLimiterOptions } from './option-types';
import { refuseSurplus } from '../base/surplus';
import type { Log } from '../telemetry/logger';
import type { Rate } from '../rules/rate';
import type { LimiterFor } from './types';

/**
 * A rate limiter: with `plans` it has `check(key, plan)`, with one `rate` `check(key)`, and in any case `checkRequest`
 * for its `rules`. Plan names are taken from the options, so a misspelled plan does not compile. Creating one connects
 * nothing; the first call does. Limiters with equal connection options share one connection, also when a bundler
 * evaluates the module several times.
 *
 * `RATELIMIT_ENABLE=false` in the environment, read here, admits everything and connects nothing.
 * @throws RateLimitError `ERR_INVALID_OPTION` for any option that is misspelled or out of range
 */
export function createRateLimiter<Plan extends string = never, One extends Rate = never>(
  options: GivenOptions<Plan, One>,
): LimiterFor<NoInfer<Plan>, NoInfer<One>> {
  if (arguments.length > 1) refuseSurplus('createRateLimiter', 1, arguments);
  const made = new Limiter(options as RateLimiterOptions);
  if ('redis' in options && made.backend.source === 'memory') {
    warnOfOwnCounts(made.log, 'The option redis is given, and empty', 'the variable that it comes from');
  }
  if (made.backend.isForgotten) {
    warnOfOwnCounts(made.log, 'redisStore was given nothing', 'the variable that it comes from');
  }
  return made as unknown as LimiterFor<Plan, One>;
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
