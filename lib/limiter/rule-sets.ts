import type { HeaderFormat } from '../http/headers/emit';
import { RuleSet } from '../decision/rule-set';
import type { CompiledRule } from '../rules/rule';
import type { CheckCounters, DecisionObservers, LocalDecision } from '../decision/rule-set';

interface Node {
  set?: RuleSet;
  readonly next: WeakMap<CompiledRule, Node>;
}

const node = (): Node => ({ next: new WeakMap() });

/**
 * The sets of one limiter, found by the identity of their rules. It holds them as long as the rules are held: those
 * of a plan or an override that was replaced leave with it.
 */
export class RuleSets {
  private readonly root = node();

  /** @param headers how decisions of these sets are told to clients */
  constructor(
    readonly observers?: DecisionObservers,
    readonly headers: HeaderFormat = 'legacy',
    readonly decideLocally?: LocalDecision,
    readonly counters?: CheckCounters,
  ) {}

  of(rules: readonly CompiledRule[]): RuleSet {
    let at = this.root;
    for (const rule of rules) {
      let next = at.next.get(rule);
      if (next === undefined) at.next.set(rule, (next = node()));
      at = next;
    }
    return (at.set ??= new RuleSet([...rules], this));
  }
}
