import { invalidOption, shown } from '../base/errors';
import { GivenLimits } from './given-limits';
import { describe, type Described } from './describe';
import type { Counters } from './list';
import type { HeaderFormat } from '../http/headers/emit';
import { ResultKind } from '../decision/result-kind';
import { MAX_RULES } from '../rules/rule';
import type { Settled } from '../decision/unavailable';
import type { RateObject } from '../rules/rate';
import { keyPart, type CheckCounters, type LocalDecision, type RuleSet } from '../decision/rule-set';
import { RuleSets } from './rule-sets';
import type { AccessList } from '../rules/access';
import { withPlans, withRules, withSomePlans, type CompiledRules } from '../rules/compile';
import { listedName, type RateLimitRequest } from '../rules/identity';
import { namesOf, type SubjectId } from '../rules/named';
import { parsePath } from '../rules/path';
import { readingsOf } from '../rules/pattern';
import { applying } from '../rules/applying';
import { selectRules, unknownPlan } from '../rules/select';
import type { CompiledPlan } from '../rules/plan';
import type { SharedSet } from '../rules/shared-set';
import type { CompiledRule } from '../rules/rule';
import type { Log } from '../telemetry/logger';
import { isWatched, type Observers } from '../telemetry/observe';
import type { Meanwhile } from '../telemetry/store-state';
import { subjectsOf, type Subjects } from '../decision/subjects';
import type { Windows } from './windows';

/** What a call comes to before any store is asked: rules to charge and whom they count, or an answer. */
export type Resolution =
  | { readonly set: RuleSet; readonly subjects: Subjects }
  | { readonly set: undefined; readonly reason: Settled; readonly rule: string };

/** The rules of one limiter as sets that a store can count. */
export class RuleResolver {
  readonly access: AccessList;
  private readonly sets: RuleSets;
  private readonly rate: RuleSet | undefined;
  private readonly given: GivenLimits;
  private plans = new Map<unknown, RuleSet>();
  /** The rules of all plans and for requests. */
  private every: readonly CompiledRule[] = [];
  /** Of these, one for each key that a subject may have. */
  private all: readonly CompiledRule[] = [];
  /** As they hold. */
  private rules: CompiledRules;
  private shared: SharedSet = { plans: {}, overrides: {} };

  /** @param own as the options say, `setPlans` and `setRules` */
  constructor(
    private own: CompiledRules,
    private readonly log: Log,
    private readonly observers?: Observers,
    headers?: HeaderFormat,
    decideLocally?: LocalDecision,
    counters?: CheckCounters,
  ) {
    this.rules = own;
    this.access = own.access;
    this.sets = new RuleSets(observers, headers, decideLocally, counters);
    this.given = new GivenLimits(this.sets, own.defaults);
    this.rate = own.rate === undefined ? undefined : this.sets.of(own.rate);
    this.use(own);
  }

  /** Puts other plans in place. @throws RateLimitError `ERR_INVALID_OPTION`; then all stay as they were */
  setPlans(plans: unknown): void {
    const own = withPlans(this.own, plans);
    this.use(withSomePlans(own, this.shared.plans));
    this.own = own;
  }

  /** Puts other rules for requests in place. Throws as `setPlans`. */
  setRules(rules: unknown): void {
    const own = withRules(this.own, rules);
    this.use(withSomePlans(own, this.shared.plans));
    this.own = own;
  }

  /** Whether `useShared` would take it. Throws as `setPlans`. */
  checkShared({ plans, overrides }: SharedSet): void {
    withSomePlans(this.own, plans);
    this.access.readShared(overrides);
  }

  /** Puts what the fleet shares in place of what it shared before. Throws as `setPlans`. */
  useShared(shared: SharedSet): void {
    const rules = withSomePlans(this.own, shared.plans);
    this.access.useShared(this.access.readShared(shared.overrides));
    this.shared = shared;
    this.use(rules);
  }

  get hasRate(): boolean {
    return this.rate !== undefined;
  }

  hasPlan(name: unknown): boolean {
    return typeof name === 'string' && this.rules.plans.has(name);
  }

  get hasPlansOnly(): boolean {
    return this.rate === undefined && this.rules.entries.length === 0;
  }

  describe(prefix: string): Described {
    return describe(this.rules, prefix);
  }

  /** What is counted, by the form of its keys. */
  counters(): Counters[] {
    const byPart = new Map<string, CompiledRule[]>();
    for (const rule of this.every) byPart.set(keyPart(rule), [...(byPart.get(keyPart(rule)) ?? []), rule]);
    return [...byPart.values()].map((rules) => ({
      set: this.sets.of([rules[0]!]),
      ids: [...new Set(rules.map(({ id }) => id))],
      limit: rules.every(({ quota }) => quota.burst === rules[0]!.quota.burst)
        ? rules[0]!.quota.burst
        : undefined,
    }));
  }

  /** What one rule counts, or all. @throws RateLimitError `ERR_INVALID_OPTION` for a rule that there is not */
  countersOf(rule: string | undefined): Counters[] {
    const all = this.counters();
    if (rule === undefined) return all;
    const found = all.filter(({ ids }) => ids.includes(rule));
    if (found.length > 0) return found;
    throw invalidOption(
      `There is no rule ${shown(rule)}. Known are: ${all.flatMap(({ ids }) => ids).join(', ')}.`,
    );
  }

  /** What plans count under the bare names of subjects; undefined where they count nothing there. */
  get plainCounts(): RuleSet | undefined {
    return this.counters().find(({ set }) => keyPart(set.rules[0]!) === '')?.set;
  }

  /** Whether a set is one of these. */
  owns(set: RuleSet): boolean {
    return set.owner === this.sets;
  }

  /** The rules of a plan, or of the one rate where it is undefined. @throws RateLimitError `ERR_UNKNOWN_PLAN` */
  setOf(plan: unknown): RuleSet {
    const set = this.plans.get(plan);
    if (set !== undefined) return set;
    throw unknownPlan(this.rules, plan, 'This limiter has rules for requests only: use checkRequest');
  }

  /** A limit that a call brings along, in place of its plan's. @throws RateLimitError `ERR_INVALID_OPTION` */
  limitOf(limit: RateObject): RuleSet {
    return this.given.of(limit);
  }

  /** The rules of a plan as they hold for one key, which is a valid one. */
  setFor(key: string, set: RuleSet): Resolution {
    const verdict = this.access.verdictOfKey(key);
    if (verdict === 'deny') return { set: undefined, reason: 'denied', rule: '' };
    if (verdict === 'allow') return { set: undefined, reason: 'bypass', rule: '' };
    return { set: this.sets.of(this.access.planOfKey(key, set.rules)), subjects: key };
  }

  /** What a request comes to; with a key, which only a limiter with one rate takes. Errors as of `selectRules`. */
  select(request: RateLimitRequest, key?: string): Resolution {
    if (key !== undefined) this.setOf(undefined);
    const selection = selectRules(this.rules, request, key, this.sayNoAddress);
    switch (selection.kind) {
      case 'bypass':
        return { set: undefined, reason: 'bypass', rule: '' };
      case 'deny':
        return selection.why === 'denied'
          ? { set: undefined, reason: 'denied', rule: '' }
          : { set: undefined, reason: 'unidentified', rule: selection.what };
      case 'charge': {
        const { charges } = selection;
        const watched = isWatched(ResultKind.Decision, this.observers) ? request : undefined;
        return { set: this.sets.of(charges.map(({ rule }) => rule)), subjects: subjectsOf(charges, watched) };
      }
    }
  }

  private readonly sayNoAddress = () => {
    this.log.once(
      'no address',
      'A request came without an address, and would have been counted by it: what "missing" says is done (by default, it is denied). Give checkRequest an ip; spillway/next finds it where trustedProxies or ipHeader is set, see clientIp.',
    );
  };

  /** Whether a rule is for requests of this method and path, whoever asks; true where there are none at all. */
  matches({ method, path }: Pick<RateLimitRequest, 'method' | 'path'>): boolean {
    if (this.rules.entries.length === 0) return true;
    return applying(this.rules.entries, method, readingsOf(parsePath(path))).length > 0;
  }

  /** The names under which a subject may be counted. @throws RateLimitError `ERR_INVALID_KEY` */
  namesOf(subject: SubjectId): string[] {
    return namesOf(subject, this.rules);
  }

  /** Sets that together have every key under which a name may be counted, each once: that of a subject, or a key. */
  everySet(name: string, rule?: string): RuleSet[] {
    if (rule !== undefined) return this.countersOf(rule).map(({ set }) => set);
    const ofOverride = [...this.access.planOf(listedName(name), []), ...this.access.planOfKey(name, [])];
    const rules = ofOverride.length === 0 ? this.all : distinct([...this.all, ...ofOverride]);
    const sets: RuleSet[] = [];
    for (let i = 0; i < rules.length; i += MAX_RULES) {
      sets.push(this.sets.of(rules.slice(i, i + MAX_RULES)));
    }
    return [...sets, ...this.given.perWindow()];
  }

  /** What `failureMode` says of these rules, where they agree. */
  get meanwhile(): Meanwhile {
    const [first = 'open', ...others] = this.all
      .filter(({ shadow }) => !shadow)
      .map(({ failureMode }) => failureMode);
    return others.every((one) => one === first) ? first : 'mixed';
  }

  /** The windows of all plans and rules, by what stands behind the subject in their keys. */
  windows(): Windows {
    const windows = new Map<string, Set<number>>();
    for (const rule of this.every) {
      const part = keyPart(rule);
      windows.set(part, (windows.get(part) ?? new Set()).add(rule.quota.windowMs));
    }
    return windows;
  }

  private use(rules: CompiledRules): void {
    this.rules = rules;
    const plans = new Map<unknown, RuleSet>();
    const add = (name: string | undefined, plan: CompiledPlan) => plans.set(name, this.sets.of(plan));
    if (rules.rate !== undefined) add(undefined, rules.rate);
    for (const [name, plan] of rules.plans) add(name, plan);
    this.plans = plans;
    const ofRequests = rules.entries.flatMap(({ of }) => of.rule ?? []);
    this.every = [...[...plans.values()].flatMap((set) => set.rules), ...ofRequests];
    this.all = distinct(this.every);
  }
}

/** The first rule of each key. */
function distinct(rules: readonly CompiledRule[]): CompiledRule[] {
  const byKey = new Map<string, CompiledRule>();
  for (const rule of rules) {
    const part = keyPart(rule);
    if (!byKey.has(part)) byKey.set(part, rule);
  }
  return [...byKey.values()];
}
