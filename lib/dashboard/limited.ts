import { RateLimitError } from '../base/errors';
import type { FleetView } from '../fleet/view';
import type { Described } from '../limiter/describe';
import { kindOf, scopeOf } from '../rules/identity';
import { fleetOf } from '../monitoring/figures';
import type { MonitoredLimiter } from '../monitoring/options';
import type { ListedKey } from '../stores/types';
import type { DeniedSubject } from '../telemetry/counters';
import type { LimitedSubject, Looked, State } from './types';
import { isAtLimit, Walk } from './walk';

/** Of the most denied, so many are asked for where they stand. */
const MOST_ASKED = 50;
/** One answer serves all who ask within that time. */
const FRESH_MS = 1_000;
const HOURS = 2;
/** Longer than what a look through everything found is shown. */
const TOUCHED_MS = 600_000;

export interface AllLimited {
  readonly items: readonly LimitedSubject[];
  readonly looked: Looked;
}

/** Who is limited now, of every kind: whom the store knows to be, and whom this process or its fleet denied. */
export class LimitedNow {
  private readonly walk: Walk;
  private last: { readonly atMs: number; readonly answer: Promise<AllLimited> } | undefined;
  /** What the store said last of those who are asked for. */
  private stood: ReadonlyMap<string, ListedKey[]> = new Map();
  /** Who was changed by hand lately, and when: what a look through everything found before says nothing of them. */
  private readonly touched = new Map<string, number>();

  constructor(private readonly limiter: MonitoredLimiter) {
    this.walk = new Walk(limiter);
  }

  look(): Promise<AllLimited> {
    const nowMs = performance.now();
    if (this.last === undefined || nowMs - this.last.atMs >= FRESH_MS) {
      this.last = { atMs: nowMs, answer: this.ask() };
    }
    return this.last.answer;
  }

  /** A change by hand is to be seen at once. */
  touch(subject: string): void {
    this.last = undefined;
    this.touched.set(subject, performance.now());
  }

  private async ask(): Promise<AllLimited> {
    const denied = this.limiter.topDenied(200);
    const nowMs = performance.now();
    for (const [subject, atMs] of this.touched) {
      if (nowMs - atMs > TOUCHED_MS) this.touched.delete(subject);
    }
    const [{ items, looked }, fleet] = await Promise.all([this.walk.look(), this.fleet()]);
    const all = new Map<string, ListedKey>();
    for (const item of items) if (!this.touched.has(item.subject)) all.set(nameOf(item), item);
    const most = [...denied, ...(fleet?.deniedSubjects ?? [])].map(({ subject }) => subject);
    const names = [...new Set([...this.touched.keys(), ...most])].slice(0, MOST_ASKED);
    // Fresher than the look through everything, also where it has not come to them yet.
    for (const item of await this.standing(names)) all.set(nameOf(item), item);
    const isStill = (item: ListedKey) =>
      item.blocked || isAtLimit(item) || denialsOf(item, denied) !== undefined;
    const limits = limitsOf(this.limiter.describe());
    const known = onceBlocked(
      [...all.values()].filter(isStill).map((item) => limitedOf(item, denied, fleet, limits)),
    );
    const gone = denied.filter((one) => !known.some(({ subject, rule }) => isOf(one, subject, rule)));
    return { items: [...known, ...gone.map(deniedOnce)].sort(byUrgency), looked };
  }

  private async fleet(): Promise<FleetView | null> {
    try {
      return await fleetOf(this.limiter, HOURS);
    } catch (error) {
      if (error instanceof RateLimitError) return null;
      throw error;
    }
  }

  /** Where subjects stand under each rule; while the store does not answer, where they stood. */
  private async standing(subjects: readonly string[]): Promise<ListedKey[]> {
    const before = this.stood;
    const found = await Promise.all(
      subjects.map(async (subject): Promise<[string, ListedKey[]]> => {
        try {
          return [subject, await this.limiter.status(subject)];
        } catch (error) {
          if (error instanceof RateLimitError) return [subject, before.get(subject) ?? []];
          throw error;
        }
      }),
    );
    this.stood = new Map(found);
    return found.flatMap(([, items]) => items);
  }
}

const nameOf = ({ rule, subject }: ListedKey) => `${rule}\n${subject}`;

/** Plans that share a count stand as one rule, with commas. */
export const isOf = (one: DeniedSubject, subject: string, rule: string) =>
  one.subject === subject && rule.split(',').includes(one.rule);

function denialsOf(
  { subject, rule }: ListedKey,
  denied: readonly DeniedSubject[],
): DeniedSubject | undefined {
  return denied.find((one) => isOf(one, subject, rule));
}

/** What each rule admits at most, by its id. */
export function limitsOf({ plans, rate, rules }: Described): ReadonlyMap<string, number> {
  const all = [...Object.values(plans).flat(), ...(rate ?? []), ...rules];
  return new Map(all.flatMap(({ id, burst }) => (burst === undefined ? [] : [[id, burst]])));
}

/** A block holds under every rule: one line is enough. */
function onceBlocked(items: readonly LimitedSubject[]): LimitedSubject[] {
  const blocked = new Map<string, LimitedSubject>();
  const others = items.filter((item) => {
    if (item.state !== 'blocked') return true;
    const before = blocked.get(item.subject);
    const rule = before === undefined ? item.rule : `${before.rule},${item.rule}`;
    blocked.set(item.subject, { ...item, rule, count: 0, limit: null });
    return false;
  });
  return [...others, ...blocked.values()];
}

function limitedOf(
  item: ListedKey,
  denied: readonly DeniedSubject[],
  fleet: FleetView | null,
  limits: ReadonlyMap<string, number>,
): LimitedSubject {
  const { subject, key, scope: kind, rule, count, resetTime, blocked } = item;
  const own = denialsOf(item, denied);
  // Where plans share the count, the plan that denied it is known.
  const limit = item.limit ?? (own === undefined ? undefined : limits.get(own.rule)) ?? null;
  const all = fleet?.deniedSubjects.find((one) => one.subject === subject);
  const isLimited = limit === null ? own !== undefined : count >= limit;
  const state: State = blocked ? 'blocked' : isLimited ? 'limited' : 'denied';
  const until = state === 'denied' ? null : resetTime;
  const about = { subject, key, kind, rule, state, count, limit, until };
  // Of the fleet only where it knows more: it tells subjects apart, and not by which rule.
  if (all !== undefined && all.denied > (own?.count ?? 0)) {
    const since = own?.firstDeniedAt ?? all.byHour[0]?.startMs ?? null;
    const lastDenied = own?.lastDeniedAt ?? null;
    return { ...about, denied: all.denied, deniedBy: 'fleet', since, lastDenied };
  }
  if (own === undefined) return { ...about, denied: null, deniedBy: null, since: null, lastDenied: null };
  const { count: many, firstDeniedAt: since, lastDeniedAt: lastDenied } = own;
  return { ...about, denied: many, deniedBy: 'process', since, lastDenied };
}

/** Whom the store counts no more, or does not answer for. */
function deniedOnce(one: DeniedSubject): LimitedSubject {
  const { subject, rule, count: denied, firstDeniedAt: since, lastDeniedAt: lastDenied } = one;
  const kind = kindOf(subject);
  const key = kind === undefined || kind === 'missing' ? subject : subject.slice(kind.length + 1);
  const about = { subject, key, kind: scopeOf(subject), rule, state: 'denied' as const };
  return { ...about, count: 0, limit: null, until: null, denied, deniedBy: 'process', since, lastDenied };
}

const URGENCY: Record<State, number> = { limited: 0, blocked: 1, denied: 2 };

/** Those at their limit who are denied most in front; then who was blocked by somebody; then who has room again. */
function byUrgency(a: LimitedSubject, b: LimitedSubject): number {
  return (
    URGENCY[a.state] - URGENCY[b.state] ||
    (b.denied ?? -1) - (a.denied ?? -1) ||
    (b.until ?? 0) - (a.until ?? 0) ||
    (a.subject < b.subject ? -1 : 1)
  );
}
