import { invalidOption, shown } from '../base/errors';
import { readLimit, type RateObject } from '../rules/rate';
import { RuleSet, type SetOwner } from '../decision/rule-set';
import { compileRate, type RuleDefaults } from '../rules/plan';

/** Limits that are remembered, the oldest leaving first. One that comes again is compiled again. */
const MOST = 1_000;

/**
 * Limits that calls bring along, as sets that a store can count: under the key that one rate of their window has. An
 * object that is written into the call costs a look-up.
 */
export class GivenLimits {
  private readonly sets = new Map<string, RuleSet>();

  constructor(
    private readonly owner: SetOwner,
    private readonly defaults: RuleDefaults,
  ) {}

  /** @throws RateLimitError `ERR_INVALID_OPTION` */
  of(limit: RateObject): RuleSet {
    return this.known(limit) ?? this.read(limit);
  }

  /** One set for each window: together, every key that these limits count under. */
  perWindow(): RuleSet[] {
    const byWindow = new Map<number, RuleSet>();
    for (const set of this.sets.values()) byWindow.set(set.rules[0]!.quota.windowMs, set);
    return [...byWindow.values()];
  }

  private known(limit: unknown): RuleSet | undefined {
    if (typeof limit !== 'object' || limit === null || Object.keys(limit).length !== 2) return undefined;
    const { requests, windowMs } = limit as Partial<RateObject>;
    if (typeof requests !== 'number' || typeof windowMs !== 'number') return undefined;
    return this.sets.get(nameOf(requests, windowMs));
  }

  private read(limit: unknown): RuleSet {
    if (typeof limit !== 'object' || limit === null || Array.isArray(limit)) {
      throw invalidOption(`limit must be an object { requests, windowMs }, not ${shown(limit)}.`);
    }
    const rate = readLimit(limit, 'limit');
    const name = nameOf(rate.requests, rate.windowMs);
    let set = this.sets.get(name);
    if (set === undefined) {
      const [oldest] = this.sets.keys();
      if (this.sets.size >= MOST && oldest !== undefined) {
        this.sets.get(oldest)!.release();
        this.sets.delete(oldest);
      }
      set = new RuleSet(compileRate(rate, this.defaults), this.owner, undefined, true);
      this.sets.set(name, set);
    }
    return set;
  }
}

function nameOf(requests: number, windowMs: number): string {
  return `${requests}/${windowMs}`;
}
