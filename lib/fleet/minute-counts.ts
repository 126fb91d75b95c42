import type { Decision } from '../decision/types';
import type { RateLimitRequest } from '../rules/identity';

/** What became of a call: `undecided` is what the failure mode answered, because the store did not. */
export type Outcome = 'admitted' | 'denied' | 'undecided';

/** What one process counted in one minute, and has not told yet. */
export interface Minute {
  readonly minute: number;
  /** By `nameOf`. */
  readonly sums: Map<string, number>;
}

/** Where whoever counts decisions is asked for them. */
export interface MinuteCounts {
  /** All minutes since the last call, oldest first. */
  take(): Minute[];
  /** They could not be told: they are counted on. */
  giveBack(minutes: readonly Minute[]): void;
}

/** Most names of endpoints and of denied subjects in a minute of a process; what is more is counted as `other`. */
const MOST_NAMES = 200;
/** Of an outage, the last of which are kept. */
const MOST_MINUTES = 60;
const LONGEST_NAME = 200;

const MINUTE_MS = 60_000;
export const OTHER = 'other';

/** A sum's name: of all (`t`), a rule (`r`), an endpoint (`e`), or a denied subject (`s`). */
export function nameOf(of: 't' | 'r' | 'e' | 's', outcome: Outcome, name = ''): string {
  return `${of}${outcome[0]!}:${name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name}`;
}

/** Counts the decisions of this process that observers are told of. */
export class ObservedCounts implements MinuteCounts {
  private minutes: (Minute & { readonly names: Map<string, number> })[] = [];

  record(decision: Decision, request: RateLimitRequest | undefined, outcome: Outcome): void {
    const at = this.at(Math.floor(Date.now() / MINUTE_MS));
    const count = (name: string, many = 1) => at.sums.set(name, (at.sums.get(name) ?? 0) + many);
    const bounded = (of: 'e' | 's', name: string) => {
      const full = nameOf(of, outcome, name);
      const many = at.names.get(of) ?? 0;
      if (at.sums.has(full)) count(full);
      else if (many >= MOST_NAMES) count(nameOf(of, outcome, OTHER));
      else {
        at.names.set(of, many + 1);
        count(full);
      }
    };
    count(nameOf('t', outcome));
    for (const { rule, allowed } of decision.rules) {
      count(nameOf('r', outcome === 'denied' && allowed ? 'admitted' : outcome, rule));
    }
    if (request !== undefined) bounded('e', `${request.method} ${request.path}`);
    const subject = decision.rules[0]?.subject;
    if (outcome === 'denied' && subject !== undefined) bounded('s', subject);
  }

  take(): Minute[] {
    const { minutes } = this;
    this.minutes = [];
    return minutes;
  }

  giveBack(minutes: readonly Minute[]): void {
    for (const { minute, sums } of minutes) {
      const at = this.at(minute);
      for (const [name, many] of sums) at.sums.set(name, (at.sums.get(name) ?? 0) + many);
    }
    this.minutes.sort((a, b) => a.minute - b.minute);
    this.minutes.splice(0, this.minutes.length - MOST_MINUTES);
  }

  private at(minute: number) {
    const last = this.minutes.at(-1);
    if (last?.minute === minute) return last;
    const found = this.minutes.find((one) => one.minute === minute);
    if (found !== undefined) return found;
    const made = { minute, sums: new Map<string, number>(), names: new Map<string, number>() };
    this.minutes.push(made);
    return made;
  }
}
