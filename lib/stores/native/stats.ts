import { breakerState, type BreakerState } from '../../telemetry/breaker-state';
import type { Histogram } from '../../telemetry/histogram';
import type { Stats } from '../types';
import type { NativeStats } from './native';

/** As people are told of them. */
export const NAMES = { redis: 'Redis', memory: 'The store in this process' } as const;

export function breakerOf(stats: NativeStats): BreakerState {
  const { breakerState: state, breakerFailures, nextAttemptInMs, breakerAddress } = stats;
  return breakerState(state, breakerFailures, nextAttemptInMs, breakerAddress);
}

/** What the core counts, and how long checks took. */
export function statsOf(store: 'redis' | 'memory', stats: NativeStats, latency: Histogram): Stats {
  const { keys, pending, connected, reconnects, timeouts, commands, roundTrips, foreign } = stats;
  return {
    store,
    keys,
    pending,
    connected,
    reconnects,
    timeouts,
    commands,
    roundTrips,
    latency: latency.read(),
    lastError: stats.lastError || null,
    foreign,
    serverVersion: stats.serverVersion || null,
    breaker: breakerOf(stats),
  };
}
