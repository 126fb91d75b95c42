import { RateLimitError } from '../base/errors';
import type { FleetView } from '../fleet/view';
import type { Health } from '../stores/types';
import type { MonitoredLimiter } from './options';

const HEALTH_MS = 1_000;

/** Health that is asked at most once a second, however many ask: nobody can keep a load balancer from its answer. */
export class SharedHealth {
  private last: { readonly atMs: number; readonly answer: Promise<Health> } | undefined;

  constructor(private readonly limiter: MonitoredLimiter) {}

  ask(): Promise<Health> {
    const nowMs = performance.now();
    if (this.last === undefined || nowMs - this.last.atMs >= HEALTH_MS) {
      this.last = { atMs: nowMs, answer: this.limiter.health() };
    }
    return this.last.answer;
  }
}

/** What the fleet counted; null where it is not counted. */
export async function fleetOf(limiter: MonitoredLimiter, hours: number): Promise<FleetView | null> {
  try {
    return await limiter.fleet({ hours });
  } catch (error) {
    const isOff =
      error instanceof RateLimitError && error.code !== 'ERR_UNAVAILABLE' && error.code !== 'ERR_CLOSED';
    if (isOff) return null;
    throw error;
  }
}
