/** Where a breaker stands. */
export interface BreakerState {
  /** `closed`: calls are made. `open`: none is. `half-open`: one is being tried. */
  state: 'closed' | 'open' | 'half-open';
  /** Failures in a row, of those that are counted. */
  failures: number;
  /** When the store is tried again, in milliseconds since the epoch; null where it is closed. */
  nextAttempt: number | null;
  /** Of Redis, the server that fares worst: `host:port`. Empty where it is closed. */
  address: string;
}

const STATES = ['closed', 'open', 'half-open'] as const;

/** As the core tells it. */
export function breakerState(
  state: number,
  failures: number,
  nextAttemptInMs: number,
  address: string,
): BreakerState {
  const nextAttempt = state === 0 ? null : Date.now() + nextAttemptInMs;
  return { state: STATES[state]!, failures, nextAttempt, address };
}

/** Of a store that has no breaker, because nothing can be away. */
export const ALWAYS_CLOSED: BreakerState = Object.freeze({
  state: 'closed',
  failures: 0,
  nextAttempt: null,
  address: '',
});
