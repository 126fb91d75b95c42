import { limiter } from './limits';
import { shared } from './shared';

/** `embedded`: no Redis is configured. `degraded`: there is one, and it does not answer. */
export type StoreState = 'embedded' | 'connected' | 'degraded';

export interface StoreHealth {
  state: StoreState;
  /** Since when, in milliseconds since the epoch; for an outage: since this process noticed it. */
  since: number;
  latencyMs: number | null;
  lastError: string | null;
  reconnects: number;
  timeouts: number;
  serverVersion: string | null;
}

const seen = shared('health', () => ({ state: undefined as StoreState | undefined, since: Date.now() }));

function enter(state: StoreState, since = Date.now()) {
  if (seen.state === state) return;
  seen.state = state;
  seen.since = since;
}

/** Tells of a decision that Redis did not make, so that an outage starts with its first request, not with a look. */
export const noteUnanswered = () => enter('degraded');

/** Runs a real check on a key that nobody has. Answers within the limiter's deadline, also while Redis is away. */
export async function readHealth(): Promise<StoreHealth> {
  const { store, healthy, connectedSince, ...rest } = await limiter.health();
  if (store === 'memory') enter('embedded');
  else if (healthy) enter('connected', connectedSince ?? undefined);
  else enter('degraded');
  const { latencyMs, lastError, reconnects, timeouts, serverVersion } = rest;
  const { state = 'embedded', since } = seen;
  return { state, since, latencyMs, lastError, reconnects, timeouts, serverVersion };
}
