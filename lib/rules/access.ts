import { canonicalAddress, isWithin, parseRange, type Range } from '../address';
import { invalidOption, shown } from '../errors';
import { validateKey } from '../key';
import { UNLIMITED, type Rate } from '../rate';
import { refuseUnknown, requireObject } from '../validate';
import { compilePlan, type CompiledPlan, type Plan, type RuleDefaults } from './plan';
import { readQuota } from './quota';
import { withQuota, type CompiledRule } from './rule';

/**
 * Limits of one subject in place of those that all have. A rate or a list of rules alone is its `plan`.
 * Counts go on under an override, because the keys stay.
 */
export type Override = Plan | RuleOverrides;

export interface RuleOverrides {
  /** The rules in place of those of whatever plan the subject has. */
  plan?: Plan;
  /** By rule id, the rate in place of that of a rule for requests, or with the `burst` of its token bucket. */
  rules?: { readonly [rule: string]: Rate | { readonly rate: Rate; readonly burst?: number } };
}

/**
 * Subjects that are treated apart, by the text under which they are counted: `org-123`, `user:5`, `ip:1.2.3.4`, or
 * `apiKey:` and its hash (`subjectOf` writes them). `ip:` may also be a network such as `ip:10.0.0.0/8`.
 */
export interface AccessEntries {
  /** Never limited. */
  allow?: readonly string[];
  /** Always denied; wins over `allow`. */
  deny?: readonly string[];
  /** Own limits. */
  overrides?: { readonly [subject: string]: Override };
}

interface CompiledOverride {
  readonly given: Override;
  readonly plan: CompiledPlan | undefined;
  /** By rule id; undefined: unlimited. */
  readonly rules: ReadonlyMap<string, CompiledRule | undefined>;
}

/** What overrides are checked against. */
export interface AccessContext {
  readonly defaults: RuleDefaults;
  readonly ipv6Subnet: number;
  /** The rules for requests that an override may name; undefined: an unlimited one. */
  readonly rules: ReadonlyMap<string, CompiledRule | undefined>;
  /** The rule of a limiter with one rate, which then is what `plan` replaces. */
  readonly rate?: CompiledRule;
}

type Verdict = 'allow' | 'deny';

/**
 * The allow list, the deny list and the overrides of a limiter. They may be changed at any time, one by one or all at
 * once from a file or a table, and hold from the next check on in this process.
 */
export class AccessList {
  private verdicts = new Map<string, Verdict>();
  private ranges = new Map<string, { readonly range: Range; readonly verdict: Verdict }>();
  private overrides = new Map<string, CompiledOverride>();

  /** @throws RateLimitError `ERR_INVALID_OPTION` */
  constructor(
    private readonly context: AccessContext,
    entries: AccessEntries = {},
  ) {
    this.replace(entries);
  }

  /** Never limits a subject, until `remove`. @throws RateLimitError `ERR_INVALID_OPTION` */
  allow(subject: string): void {
    this.setVerdict(subject, 'allow', 'allow');
  }

  /** Always denies a subject, until `remove`. @throws RateLimitError `ERR_INVALID_OPTION` */
  deny(subject: string): void {
    this.setVerdict(subject, 'deny', 'deny');
  }

  /** Gives a subject limits of its own, until `remove`. @throws RateLimitError `ERR_INVALID_OPTION` */
  override(subject: string, override: Override): void {
    this.setOverride(subject, override, 'override');
  }

  /** Treats a subject as all others again. True where it had been listed. */
  remove(subject: string): boolean {
    const { name } = this.read(subject, 'remove');
    const found = [this.verdicts.delete(name), this.ranges.delete(name), this.overrides.delete(name)];
    return found.includes(true);
  }

  /**
   * Puts these entries in place of all there are; where one is invalid, all stay as they were.
   * @throws RateLimitError `ERR_INVALID_OPTION`
   */
  replace(entries: AccessEntries): void {
    requireObject(entries, 'The access list');
    refuseUnknown(entries, ['allow', 'deny', 'overrides'], '');
    const { allow = [], deny = [], overrides = {} } = entries;
    const { verdicts, ranges, overrides: before } = this;
    this.verdicts = new Map();
    this.ranges = new Map();
    this.overrides = new Map();
    try {
      for (const [list, subjects] of Object.entries({ allow, deny })) {
        if (!Array.isArray(subjects)) throw invalidOption(`${list} must be a list, not ${shown(subjects)}.`);
        // Deny comes last, and so wins.
        subjects.forEach((subject, i) =>
          this.setVerdict(subject as string, list as Verdict, `${list}[${i}]`),
        );
      }
      requireObject(overrides, 'overrides');
      for (const [subject, override] of Object.entries(overrides)) {
        this.setOverride(subject, override, `overrides[${shown(subject)}]`);
      }
    } catch (error) {
      Object.assign(this, { verdicts, ranges, overrides: before });
      throw error;
    }
  }

  /** All entries, as `replace` takes them. */
  entries(): Required<AccessEntries> {
    const all = [
      ...this.verdicts,
      ...[...this.ranges].map(([name, { verdict }]) => [name, verdict] as const),
    ];
    return {
      allow: all.filter(([, verdict]) => verdict === 'allow').map(([name]) => name),
      deny: all.filter(([, verdict]) => verdict === 'deny').map(([name]) => name),
      overrides: Object.fromEntries([...this.overrides].map(([name, { given }]) => [name, given])),
    };
  }

  /** Whether nobody is allowed or denied by name, so that no subject needs to be looked up. */
  get isOpen(): boolean {
    return this.verdicts.size === 0 && this.ranges.size === 0;
  }

  /** What holds for a request that all of these are, and for whom. One that is denied decides. */
  verdictOf(subjects: readonly string[]): { verdict: Verdict; subject: string } | undefined {
    let allowed: string | undefined;
    for (const subject of subjects) {
      const verdict = this.verdicts.get(subject);
      const ranged = subject.startsWith('ip:') ? this.rangeVerdict(subject) : undefined;
      if (verdict === 'deny' || ranged === 'deny') return { verdict: 'deny', subject };
      if (verdict === 'allow' || ranged === 'allow') allowed ??= subject;
    }
    return allowed === undefined ? undefined : { verdict: 'allow', subject: allowed };
  }

  /** The rules of a subject with a plan. */
  planOf(subject: string, plan: CompiledPlan): CompiledPlan {
    return this.overrides.get(subject)?.plan ?? plan;
  }

  /** The rule as it holds for a subject; undefined where it is unlimited. */
  ruleOf(subject: string, rule: CompiledRule): CompiledRule | undefined {
    const rules = this.overrides.get(subject)?.rules;
    return rules?.has(rule.id) ? rules.get(rule.id) : rule;
  }

  private rangeVerdict(subject: string): Verdict | undefined {
    if (this.ranges.size === 0) return undefined;
    const given = parseRange(subject.slice('ip:'.length));
    let found: Verdict | undefined;
    for (const { range, verdict } of this.ranges.values()) {
      if (given === null || given[1] < range[1] || !isWithin(given[0], range)) continue;
      if (verdict === 'deny') return 'deny';
      found = verdict;
    }
    return found;
  }

  private setVerdict(subject: string, verdict: Verdict, where: string): void {
    const { name, range } = this.read(subject, where);
    if (range === undefined) this.verdicts.set(name, verdict);
    else this.ranges.set(name, { range, verdict });
  }

  private setOverride(subject: string, given: Override, where: string): void {
    const { name, range } = this.read(subject, where);
    if (range !== undefined) {
      throw invalidOption(`${where}: a network has no limits of its own; name an address, or use a rule.`);
    }
    this.overrides.set(name, this.compile(given, where));
  }

  private compile(given: Override, where: string): CompiledOverride {
    if (!isRuleOverrides(given)) return { given, plan: this.planFrom(given, where), rules: new Map() };
    refuseUnknown(given, ['plan', 'rules'], `${where}.`);
    const { plan, rules = {} } = given;
    requireObject(rules, `${where}.rules`);
    return {
      given,
      plan: plan === undefined ? undefined : this.planFrom(plan, `${where}.plan`),
      rules: new Map(
        Object.entries(rules).map(([id, rate]) => [id, this.overridden(id, rate, `${where}.rules.${id}`)]),
      ),
    };
  }

  private planFrom(plan: Plan, where: string): CompiledPlan {
    const { defaults, rate, rules } = this.context;
    if (rate === undefined) {
      const compiled = compilePlan('override', plan, defaults, where);
      const twin = compiled.find(({ key }) => rules.has(key));
      if (twin === undefined) return compiled;
      throw invalidOption(
        `${where}: ${shown(twin.id)} is the id of one of the rules; a plan's needs its own.`,
      );
    }
    const quota = readQuota({ rate: plan }, { algorithm: rate.quota.algorithm }, where, where);
    return quota === UNLIMITED ? [] : [withQuota(rate, quota)];
  }

  private overridden(id: string, given: unknown, where: string): CompiledRule | undefined {
    const { rules } = this.context;
    if (!rules.has(id)) {
      throw invalidOption(
        `${where}: there is no rule ${shown(id)}. Known are: ${[...rules.keys()].join(', ')}.`,
      );
    }
    const rule = rules.get(id);
    // What is counted under the key can be read by its own algorithm only.
    const algorithm = rule?.quota.algorithm ?? 'fixed-window';
    const isRate = typeof given !== 'object' || given === null || !Object.hasOwn(given, 'rate');
    if (!isRate) refuseUnknown(given, ['rate', 'burst'], `${where}.`);
    const quota = isRate
      ? readQuota({ rate: given }, { algorithm }, where, where)
      : readQuota(given, { algorithm }, where);
    if (rule === undefined && quota !== UNLIMITED) {
      throw invalidOption(
        `${where}: the rule ${shown(id)} is unlimited, so nobody's share of it can be set.`,
      );
    }
    return rule === undefined || quota === UNLIMITED ? undefined : withQuota(rule, quota);
  }

  /** A subject in the form in which it is counted. */
  private read(subject: unknown, where: string): { name: string; range?: Range } {
    try {
      validateKey(subject);
    } catch (error) {
      throw invalidOption(`${where}: ${error instanceof Error ? error.message : String(error)}`);
    }
    const name = subject as string;
    if (!name.startsWith('ip:')) return { name };
    const text = name.slice('ip:'.length);
    const range = parseRange(text);
    if (range === null) {
      throw invalidOption(`${where}: ${shown(text)} is no address and no network such as 10.0.0.0/8.`);
    }
    const isV4 = range[0].kind() === 'ipv4';
    if (isV4 ? range[1] < 32 : range[1] < this.context.ipv6Subnet) return { name, range };
    return { name: `ip:${canonicalAddress(text, this.context.ipv6Subnet)}` };
  }
}

function isRuleOverrides(given: Override): given is RuleOverrides {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return false;
  return Object.hasOwn(given, 'plan') || Object.hasOwn(given, 'rules');
}
