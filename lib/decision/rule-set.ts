import type { RateLimitRequest } from '../rules/identity';
import type { Decision, Reason, Source } from './types';
import type { HeaderFormat } from '../http/headers/emit';
import type { CompiledRule } from '../rules/rule';
import type { Algorithm } from '../rules/algorithm';
import type { FailureMode } from '../rules/failure-mode';
import type { AnyResultKind, Built } from './result-kind';
import type { Subjects } from './subjects';

/**
 * What stands behind the subject in the key of a rule: `{<prefix><subject>}:<this>`; empty: `<prefix><subject>` alone.
 *
 * A fixed window has its rule's key. Any other algorithm is named behind it, as in `api@sliding-log`, so that a rule
 * whose algorithm is changed starts afresh instead of meeting state that it cannot read. Ids have no `@`, so no two
 * rules meet. Keys that a plan makes up, such as `@token-bucket-1m`, name it already.
 */
export function keyPart({ counter, quota }: { counter: string; quota: { algorithm: Algorithm } }): string {
  return quota.algorithm === 'fixed-window' || counter.startsWith('@')
    ? counter
    : `${counter}@${quota.algorithm}`;
}

/** Who is told of the decisions of one limiter. None of them can delay or break an answer. */
export interface DecisionObservers {
  /** Whether anybody is told of decisions; the diagnostics channel has its own say. */
  readonly watchDecisions: boolean;
  readonly watchNearLimit: boolean;
  /** Called when answers are on their way. */
  runOnDecision(decision: Decision, request: RateLimitRequest | undefined): void;
  /** Called where there are too many answers to be told of this one. */
  skipped(): void;
  /** Told of the rule at a place that a call took to its threshold; after the answer. */
  tellNear(place: number, decision: Decision): void;
}

/** Where the checks of one limiter are counted. Rows are numbers, of which telemetry knows the columns. */
export interface CheckCounters {
  /** By the place of their reason. */
  readonly decisions: Float64Array;
  rowOf(rule: string, source: Source): Float64Array;
  /** A rule has denied a subject. */
  denied(rule: string, subject: string, nowMs: number): void;
  /** A check was decided by no store. */
  settled(reason: Reason): void;
}

/** What the sets of one limiter share; by its identity a decision is told from those of others. */
export interface SetOwner {
  readonly headers: HeaderFormat;
  readonly observers?: DecisionObservers;
  readonly counters?: CheckCounters;
  /** Decides what no store answered, where the set's failure mode is `memory`; undefined where it cannot. */
  readonly decideLocally?: LocalDecision;
}

export type LocalDecision = (
  kind: AnyResultKind,
  set: RuleSet,
  subjects: Subjects,
  units: number,
) => Built[AnyResultKind] | undefined;

/** The rules that one check has to satisfy, all or none: up to 8, in the order of a decision's `rules`. */
export class RuleSet {
  /** The store's number for it; -1 until it is first used, and once it was given back. */
  number = -1;
  /** Where its rules are counted, for each source that has answered: a store and `none` take turns in an outage. */
  readonly counted: { readonly source: Source; readonly rows: readonly Float64Array[] }[] = [];
  private giveBack: (() => void) | undefined;
  /** What is answered where the store does not: `closed` where one rule says so, else `memory` where one does. */
  readonly failureMode: FailureMode;
  /** One rule that can deny: its record alone is the decision. */
  readonly isSimple: boolean;
  private readonly variants: { [M in FailureMode]?: RuleSet } = {};

  /** @param passing it came with a call, and its key names its window */
  constructor(
    readonly rules: readonly CompiledRule[],
    readonly owner?: SetOwner,
    private readonly given?: FailureMode,
    readonly passing = false,
    private readonly twinOf?: RuleSet,
  ) {
    this.isSimple = rules.length === 1 && !rules[0]!.shadow;
    const modes = rules.map((rule) => this.failureModeOf(rule));
    this.failureMode = modes.includes('closed') ? 'closed' : modes.includes('memory') ? 'memory' : 'open';
  }

  /** What one of the rules says where the store does not answer. A rule that is only tried out never denies. */
  failureModeOf(rule: CompiledRule): FailureMode {
    return rule.shadow ? 'open' : (this.given ?? rule.failureMode);
  }

  /** It has this number until `giveBack` is called, or nobody has the set any more. */
  take(number: number, giveBack: () => void): void {
    this.number = number;
    this.giveBack = giveBack;
  }

  /** Gives its number back. Calls on their way go on; with the next one it gets another. */
  release(): void {
    this.number = -1;
    this.giveBack?.();
    this.giveBack = undefined;
    for (const variant of Object.values(this.variants)) variant.release();
  }

  /**
   * The same rules for another store, or rules in their place. Where that gives no answer, no failure mode does: calls with a
   * twin end with the negative of their status, for who asked to go on from there.
   */
  twin(rules = this.rules): RuleSet {
    return new RuleSet(rules, this.owner, this.given, this.passing, this);
  }

  get isTwin(): boolean {
    return this.twinOf !== undefined;
  }

  /** The set that its limiter knows: this one, unless it is a twin. */
  get origin(): RuleSet {
    return this.twinOf ?? this;
  }

  /** The same rules with one answer for all of them. */
  under(failureMode: FailureMode): RuleSet {
    return (this.variants[failureMode] ??= new RuleSet(this.rules, this.owner, failureMode, this.passing));
  }
}
