import type { NativeRule, NativeStore } from './native';
import type { RuleSet } from './rule';

/** Numbers that are handed on from here on. */
const MOST = 1_000;
/** How many of the oldest are looked at before one more number is taken. */
const TRIES = 4;

/**
 * The numbers of sets that come and go in one store. The core keeps a number for good, so beyond `MOST` a newcomer takes
 * that of the oldest set that has no call on its way, and that one is registered anew where it comes again.
 */
export class PassingSets {
  /** The oldest in front. */
  private readonly holders = new Set<RuleSet>();

  constructor(private readonly native: NativeStore) {}

  /** Gives a set its number. Throws as `addRules` does. */
  register(set: RuleSet, rules: NativeRule[]): void {
    set.number = this.takeOver(rules) ?? this.native.addRules(rules);
    this.holders.add(set);
  }

  private takeOver(rules: NativeRule[]): number | undefined {
    if (this.holders.size < MOST) return undefined;
    for (const oldest of [...this.oldest()]) {
      const { number } = oldest;
      this.holders.delete(oldest);
      if (this.native.replaceRules(number, rules)) {
        oldest.number = -1;
        return number;
      }
      this.holders.add(oldest);
    }
    return undefined;
  }

  private *oldest(): Generator<RuleSet, void, undefined> {
    let seen = 0;
    for (const set of this.holders) {
      if (seen++ === TRIES) return;
      yield set;
    }
  }
}
