/** What is told of a limiter, by whichever of the faces: names, units, and where each figure stands in `stats()`. */
import { invalidOption, shown } from '../base/errors';
import type { LimiterStats } from '../limiter/types';

/** What both faces need of a limiter. */
export interface Measured {
  stats(): LimiterStats;
}

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface Metric {
  /** As Prometheus has it. */
  readonly name: string;
  /** As OpenTelemetry has it, with its unit in UCUM. */
  readonly dotted: string;
  readonly unit: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** Labels are rules, stores and words of a fixed list: nobody who asks can make another. */
  readonly read: (stats: LimiterStats) => Sample[];
}

const BREAKER_STATES = ['closed', 'open', 'half-open'] as const;

const ofStore =
  (pick: (stats: LimiterStats) => number): Metric['read'] =>
  (stats) => [{ labels: { store: stats.store }, value: pick(stats) }];

const RULES: readonly Metric[] = [
  {
    name: 'spillway_decisions_total',
    dotted: 'spillway.decisions',
    unit: '{decision}',
    type: 'counter',
    help: 'Checks by what their decisions say.',
    read: ({ decisions }) =>
      Object.entries(decisions).map(([reason, value]) => ({ labels: { reason }, value })),
  },
  {
    name: 'spillway_rule_checks_total',
    dotted: 'spillway.rule.checks',
    unit: '{check}',
    type: 'counter',
    help: 'Checks by rule, who decided (source) and what this rule alone said (outcome).',
    read: ({ rules }) =>
      rules.flatMap(({ rule, source, admitted, denied, wouldDeny }) =>
        Object.entries({ admitted, denied, would_deny: wouldDeny }).map(([outcome, value]) => ({
          labels: { rule, source, outcome },
          value,
        })),
      ),
  },
  {
    name: 'spillway_rule_near_limit_total',
    dotted: 'spillway.rule.near_limit',
    unit: '{check}',
    type: 'counter',
    help: 'Checks that found or took a rule at its nearLimit, by default 80 %.',
    read: ({ rules }) =>
      rules.map(({ rule, source, nearLimit }) => ({ labels: { rule, source }, value: nearLimit })),
  },
  {
    name: 'spillway_rule_without_store_total',
    dotted: 'spillway.rule.without_store',
    unit: '{check}',
    type: 'counter',
    help: 'Checks meant for a store (source) that failureMode decided without it, by reason.',
    read: ({ rules }) =>
      rules
        .filter(({ source }) => source !== 'none')
        .flatMap(({ rule, source, withoutStore }) =>
          Object.entries(withoutStore).map(([reason, value]) => ({
            labels: { rule, source, reason },
            value,
          })),
        ),
  },
  {
    name: 'spillway_rule_last_denied_timestamp_seconds',
    dotted: 'spillway.rule.last_denied',
    unit: 's',
    type: 'gauge',
    help: 'When a rule denied last, in seconds since the epoch.',
    read: ({ rules }) =>
      rules
        .filter(({ lastDeniedAt }) => lastDeniedAt !== null)
        .map(({ rule, source, lastDeniedAt }) => ({
          labels: { rule, source },
          value: lastDeniedAt! / 1_000,
        })),
  },
];

const STORES: readonly Metric[] = [
  {
    name: 'spillway_store_commands_total',
    dotted: 'spillway.store.commands',
    unit: '{command}',
    type: 'counter',
    help: 'Redis commands written.',
    read: ofStore(({ commands }) => commands),
  },
  {
    name: 'spillway_store_round_trips_total',
    dotted: 'spillway.store.round_trips',
    unit: '{round_trip}',
    type: 'counter',
    help: 'Redis: writes, many commands in one. A store of your own: its calls.',
    read: ofStore(({ roundTrips }) => roundTrips),
  },
  {
    name: 'spillway_store_reconnects_total',
    dotted: 'spillway.store.reconnects',
    unit: '{reconnect}',
    type: 'counter',
    help: 'Connections lost and dials failed.',
    read: ofStore(({ reconnects }) => reconnects),
  },
  {
    name: 'spillway_store_timeouts_total',
    dotted: 'spillway.store.timeouts',
    unit: '{call}',
    type: 'counter',
    help: 'Calls that the deadline ended.',
    read: ofStore(({ timeouts }) => timeouts),
  },
  {
    name: 'spillway_store_foreign_keys_total',
    dotted: 'spillway.store.foreign_keys',
    unit: '{call}',
    type: 'counter',
    help: 'Calls that met a key that holds what spillway did not write.',
    read: ofStore(({ foreign }) => foreign),
  },
  {
    name: 'spillway_store_pending_calls',
    dotted: 'spillway.store.pending_calls',
    unit: '{call}',
    type: 'gauge',
    help: 'Calls that wait for their answer.',
    read: ofStore(({ pending }) => pending),
  },
  {
    name: 'spillway_store_keys',
    dotted: 'spillway.store.keys',
    unit: '{key}',
    type: 'gauge',
    help: 'Keys held in this process; 0 where another store holds them.',
    read: ofStore(({ keys }) => keys),
  },
  {
    name: 'spillway_store_connected',
    dotted: 'spillway.store.connected',
    unit: '1',
    type: 'gauge',
    help: '1 while the store is connected, else 0.',
    read: ofStore(({ connected }) => (connected ? 1 : 0)),
  },
  {
    name: 'spillway_store_breaker_state',
    dotted: 'spillway.store.breaker_state',
    unit: '1',
    type: 'gauge',
    help: '1 for the state in which the circuit breaker of the store is, else 0.',
    read: ({ store, breaker }) =>
      BREAKER_STATES.map((state) => ({ labels: { store, state }, value: breaker.state === state ? 1 : 0 })),
  },
  {
    name: 'spillway_failover_in_use',
    dotted: 'spillway.failover.in_use',
    unit: '1',
    type: 'gauge',
    help: '1 for each store of a failover that calls go to, else 0; place is its place in the list.',
    read: ({ stores = [] }) =>
      stores.map(({ store, inUse }, i) => ({ labels: { store, place: `${i}` }, value: inUse ? 1 : 0 })),
  },
];

export const METRICS: readonly Metric[] = [...RULES, ...STORES];

/** @throws RateLimitError `ERR_INVALID_OPTION` for what is no limiter */
export function requireLimiter(limiter: unknown, what: string): void {
  if (typeof (limiter as Partial<Measured> | null | undefined)?.stats === 'function') return;
  throw invalidOption(`${what} takes a limiter, as createRateLimiter makes it, not ${shown(limiter)}.`);
}

/** How a limiter is told from others of this process. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readName(value: unknown): string {
  if (value === undefined) return 'default';
  if (typeof value === 'string' && /^[\w.:/-]{1,64}$/.test(value)) return value;
  throw invalidOption(`name must be 1 to 64 of the characters A-Z a-z 0-9 _ . : / -, not ${shown(value)}.`);
}
