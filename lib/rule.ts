import type { NativeRule } from './native';
import type { OnError } from './types';

/** One rule of a rule set. */
export interface Rule {
  readonly id: string;
  readonly algorithm: NativeRule['algorithm'];
  readonly limit: number;
  readonly windowMs: number;
}

/** What a plan stands for: the rules a check has to satisfy. Today one; the first one leads the decision. */
export interface RuleSet {
  /** The store's number for it, from the moment the store is open. */
  index: number;
  readonly rules: readonly [Rule, ...Rule[]];
  readonly onError: OnError;
}
