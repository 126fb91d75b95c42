import { closedError, RateLimitError, sentence } from './errors';
import { Ending } from './native';
import type { Store } from './store';

/** How a call ended that was not answered, in words; without its deadline where calls with several are meant. */
export function endingText(ending: number, timeoutMs?: number): string {
  switch (ending) {
    case Ending.TimedOut:
      return timeoutMs === undefined ? 'no answer in time' : `no answer within ${timeoutMs} ms`;
    case Ending.Disconnected:
      return 'no connection lasted until the answer';
    case Ending.QueueFull:
      return 'too many calls are waiting';
    case Ending.Refused:
      return 'the server answered with an error';
    case Ending.Foreign:
      return 'the key holds what spillway did not write';
    default:
      return 'the connection was closed';
  }
}

/** The error for a call that no policy can answer. */
export function unavailable(store: Store, ending: number, timeoutMs: number): RateLimitError {
  if (ending === Ending.Closed) return closedError();
  const last = store.native.stats().lastError;
  const why = endingText(ending, timeoutMs) + (last === '' ? '' : `; last failure: ${last}`);
  return new RateLimitError(
    'ERR_UNAVAILABLE',
    `The store is unavailable: ${sentence(why)} Try again when it counts: health() of a limiter tells, and isRedisHealthy().`,
  );
}
