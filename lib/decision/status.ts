import { closedError, RateLimitError, sentence } from '../base/errors';

/** How a call ended, in whichever store. */
export const Status = {
  Answered: 0,
  /** The deadline passed first. It may have been charged. */
  TimedOut: 1,
  /** The connection was lost after the command was written. It may have been charged. */
  Disconnected: 2,
  /** The queue or the output buffer was full; nothing was sent. */
  QueueFull: 3,
  /** The server refused it with an error reply. */
  Refused: 4,
  /** The store was closed first. */
  Closed: 5,
  /** The key holds what is not ours, and was left alone. It says nothing of the store: other keys are counted. */
  Foreign: 6,
  /** The store is not asked for the moment, because it failed; nothing was sent. */
  BreakerOpen: 7,
  /** There is no store, because it could not be opened; the core has no such status. */
  Unopened: 8,
} as const;

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
    case Status.BreakerOpen:
      return 'it is not asked for the moment, because it did not answer before (circuit breaker open)';
    default:
      return 'the connection was closed';
  }
}

/** The error for a call that no policy can answer. */
export function unavailable(status: number, timeoutMs: number, lastError: string): RateLimitError {
  if (status === Status.Closed) return closedError();
  const why = statusText(status, timeoutMs) + (lastError === '' ? '' : `; last failure: ${lastError}`);
  return new RateLimitError(
    'ERR_UNAVAILABLE',
    `The store is unavailable: ${sentence(why)} Try again when it counts: health() of a limiter tells, and isRedisHealthy().`,
  );
}
