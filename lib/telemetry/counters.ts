import type { CheckCounters } from '../decision/rule-set';
import { Status } from '../decision/status';
import type { Reason, Source } from '../decision/types';
import { scopeOf, type Scope } from '../rules/identity';
import { TopDenied } from './top-denied';

/** Decisions by what they say, in the order of this. */
export const REASONS = [
  'ok',
  'limit',
  'blocked',
  'never-fits',
  'bypass',
  'unlimited',
  'denied',
  'unidentified',
  'unavailable',
  'disabled',
] as const satisfies readonly Reason[];

/** Why a check was decided without the store that it was meant for. */
export const WITHOUT_STORE = {
  timeout: Status.TimedOut,
  disconnected: Status.Disconnected,
  'queue-full': Status.QueueFull,
  refused: Status.Refused,
  closed: Status.Closed,
  'foreign-key': Status.Foreign,
  'breaker-open': Status.BreakerOpen,
  'not-opened': Status.Unopened,
} as const;

export type WithoutStore = keyof typeof WITHOUT_STORE;

/** The columns of a row; behind them one for each status of `WITHOUT_STORE`. */
export const Column = {
  Checked: 0,
  Admitted: 1,
  Denied: 2,
  WouldDeny: 3,
  Near: 4,
  FirstMs: 5,
  LastMs: 6,
} as const;
const STATUSES_AT = 6;
const COLUMNS = STATUSES_AT + 1 + Status.Unopened;

/** What was asked of one rule, of one store. Times in milliseconds since the epoch. */
export interface RuleCounts {
  /** Its id; `_other` for what comes when a thousand rules and stores are told apart. */
  rule: string;
  /** Who decided, as decisions name it. */
  source: Source;
  /** Checks that were decided: the sum of the next three. */
  checked: number;
  /** That had room under this rule; another may have denied them. */
  admitted: number;
  denied: number;
  /** That a rule which is only tried out would have denied. */
  wouldDeny: number;
  /** That found or took the rule at its `nearLimit`. */
  nearLimit: number;
  /** That were meant for this store and decided without it, by why. They are `checked` where they were decided. */
  withoutStore: Record<WithoutStore, number>;
  firstDeniedAt: number | null;
  lastDeniedAt: number | null;
}

/** How often a rule has denied a subject. */
export interface DeniedSubject {
  kind: Scope;
  /** As `reset` and `block` take it. */
  subject: string;
  rule: string;
  /** At least the true number, and at most `error` above it. */
  count: number;
  error: number;
  /** Since it is in the list. */
  firstDeniedAt: number;
  lastDeniedAt: number;
}

/** Rules and stores that are told apart: what comes later counts together. */
const MOST_ROWS = 1_000;

/** The counts of one limiter, in memory that does not grow with who asks. */
export class Counters implements CheckCounters {
  readonly decisions = new Float64Array(REASONS.length);
  private readonly rows = new Map<string, { rule: string; source: Source; row: Float64Array }>();
  private top: TopDenied | undefined;

  rowOf(rule: string, source: Source): Float64Array {
    const key = `${rule}\n${source}`;
    const known = this.rows.get(key);
    if (known !== undefined) return known.row;
    if (this.rows.size >= MOST_ROWS && rule !== '_other') return this.rowOf('_other', source);
    const row = new Float64Array(COLUMNS);
    this.rows.set(key, { rule, source, row });
    return row;
  }

  denied(rule: string, subject: string, nowMs: number): void {
    (this.top ??= new TopDenied()).add(rule, subject, nowMs);
  }

  settled(reason: Reason): void {
    this.decisions[REASONS.indexOf(reason)]!++;
  }

  readDecisions(): Record<Reason, number> {
    return Object.fromEntries(REASONS.map((reason, i) => [reason, this.decisions[i]!])) as Record<
      Reason,
      number
    >;
  }

  readRules(): RuleCounts[] {
    return [...this.rows.values()].map(({ rule, source, row }) => ({
      rule,
      source,
      checked: row[Column.Checked]!,
      admitted: row[Column.Admitted]!,
      denied: row[Column.Denied]!,
      wouldDeny: row[Column.WouldDeny]!,
      nearLimit: row[Column.Near]!,
      withoutStore: Object.fromEntries(
        Object.entries(WITHOUT_STORE).map(([reason, status]) => [reason, row[columnOf(status)]!]),
      ) as Record<WithoutStore, number>,
      firstDeniedAt: row[Column.FirstMs]! || null,
      lastDeniedAt: row[Column.LastMs]! || null,
    }));
  }

  /** Those who were denied most, in front. */
  topDenied(most: number): DeniedSubject[] {
    const listed = this.top?.list(most) ?? [];
    return listed.map((one) => ({ kind: scopeOf(one.subject), ...one }));
  }
}

/** Where checks are counted that ended with a status. */
export function columnOf(status: number): number {
  return STATUSES_AT + status;
}
