import { closedError, RateLimitError, sentence } from './errors';
import { Status } from './native';
import type { Store } from './store';

/** How a call ended that was not answered, in words; without its deadline where calls with several are meant. */
export function statusText(status: number, timeoutMs?: number): string {
  switch (status) {
    case Status.TimedOut:
      return timeoutMs === undefined ? 'no answer in time' : `no answer within ${timeoutMs} ms`;
    case Status.Disconnected:
      return 'no connection lasted until the answer';
    case Status.QueueFull:
      return 'too many calls are waiting';
    case Status.Refused:
      return 'the server answered with an error';
    case Status.Foreign:
      return 'the key holds what spillway did not write';
    default:
      return 'the connection was closed';
  }
}

/** The error for a call that no policy can answer. */
export function unavailable(store: Store, status: number, timeoutMs: number): RateLimitError {
  if (status === Status.Closed) return closedError();
  const last = store.native.stats().lastError;
  const why = statusText(status, timeoutMs) + (last === '' ? '' : `; last failure: ${last}`);
  return new RateLimitError(
    'ERR_UNAVAILABLE',
    `The store is unavailable: ${sentence(why)} Try again when it counts: health() of a limiter tells, and isRedisHealthy().`,
  );
}
