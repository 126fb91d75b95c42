/** What the page is told. Times are milliseconds since the epoch. */
import type { Described } from '../limiter/describe';
import type { LimiterStats } from '../limiter/types';
import type { FleetView } from '../fleet/view';
import type { SharedOverride } from '../fleet/document';
import type { Change } from '../rules/change';
import type { Override } from '../rules/override';
import type { Health, ListedKey } from '../stores/types';
import type { Link } from './options';
import type { DeniedSubject } from '../telemetry/counters';

export interface Overview {
  readonly now: number;
  /** Null where the store did not answer the question itself; `stats` says why. */
  readonly health: Health | null;
  readonly stats: LimiterStats;
  /** Null where there is none, or while the store is away. */
  readonly fleet: FleetView | null;
  /** Whether the limiter counts for its fleet: `analytics: true`. */
  readonly hasFleet: boolean;
  readonly config: Described;
  /** Whether limits can be raised: the limiter has `sharedRules`. */
  readonly canRaise: boolean;
  readonly links: readonly Link[];
}

/**
 * `blocked` by somebody; `limited`: at its limit now; `denied`: was, and has room again, or the store does not say.
 */
export type State = 'blocked' | 'limited' | 'denied';

/** A subject under one rule. */
export interface LimitedSubject {
  readonly subject: string;
  readonly key: string;
  readonly kind: string;
  readonly rule: string;
  readonly state: State;
  readonly count: number;
  /** Null: that of its plan. */
  readonly limit: number | null;
  /** When it has room again, or the block ends; null: it has room. */
  readonly until: number | null;
  /** Denials that were counted, by this process, or by the fleet in the last hours; null: nobody counted. */
  readonly denied: number | null;
  readonly deniedBy: 'process' | 'fleet' | null;
  /** The first and the last of them; of a fleet by the hour. */
  readonly since: number | null;
  readonly lastDenied: number | null;
}

export interface Limited {
  readonly now: number;
  readonly items: readonly LimitedSubject[];
  /** Of all that match. */
  readonly total: number;
  readonly looked: Looked;
}

/** How far the look through everything that is counted has come. */
export interface Looked {
  readonly counted: number;
  readonly atLimit: number;
  readonly blocked: number;
  /** Counted for plans of several limits: only the plan tells whether they are at theirs. */
  readonly ofSeveralPlans: number;
  readonly done: boolean;
  /** Why it ended early; null: it did not. */
  readonly error: string | null;
  /** When the figures were complete; null: not yet. */
  readonly at: number | null;
}

export interface Found {
  readonly items: readonly ListedKey[];
  readonly cursor: string;
}

export interface SubjectPage {
  readonly now: number;
  readonly subject: string;
  readonly items: readonly ListedKey[];
  readonly denials: readonly DeniedSubject[];
  readonly byHour: readonly { readonly startMs: number; readonly denied: number }[] | null;
  /** Of the fleet. */
  readonly override: SharedOverride | null;
  /** Of this process's own lists. */
  readonly listed: 'allow' | 'deny' | null;
  readonly ownOverride: Override | null;
  readonly changes: readonly Change[];
}
