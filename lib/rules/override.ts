import { invalidOption, shown } from '../base/errors';
import { UNLIMITED, type Rate } from './rate';
import { refuseUnknown, requireObject } from '../base/validate';
import { compilePlan, type CompiledPlan, type Plan, type RuleDefaults } from './plan';
import { multiplied, readQuota } from './quota';
import { withQuota, type CompiledRule } from './rule';

/**
 * Limits of one subject in place of those that all have. A rate or a list of rules alone is its `plan`.
 * Counts go on under an override, because the keys stay.
 */
export type Override = Plan | RuleOverrides | MultipliedLimits;

/** Each limit of whatever plan and rules the subject has, so many times: `{ multiply: 2 }`. */
export interface MultipliedLimits {
  /** Above 0, up to 1,000. Limits are rounded, to 1 at least; one of 0 stays 0. */
  readonly multiply: number;
}

export interface RuleOverrides {
  /** The rules in place of those of whatever plan the subject has. */
  plan?: Plan;
  /** By rule id, the rate in place of that of a rule for requests, or with the `burst` of its token bucket. */
  rules?: { readonly [rule: string]: Rate | { readonly rate: Rate; readonly burst?: number } };
}

/** An override, validated and complete. */
export interface CompiledOverride {
  readonly given: Override;
  readonly plan: CompiledPlan | undefined;
  /** By rule id; undefined: unlimited. */
  readonly rules: ReadonlyMap<string, CompiledRule | undefined>;
  /** What any other rule becomes. */
  readonly scaled?: (rule: CompiledRule) => CompiledRule;
}

const MOST_TIMES = 1_000;

/** What overrides are checked against. */
export interface AccessContext {
  readonly defaults: RuleDefaults;
  readonly ipv6Subnet: number;
  /** The rules for requests that an override may name; undefined: an unlimited one. */
  readonly rules: ReadonlyMap<string, CompiledRule | undefined>;
  /** The rule of a limiter with one rate, which then is what `plan` replaces. */
  readonly rate?: CompiledRule;
}

/** Reads one override. @throws RateLimitError `ERR_INVALID_OPTION` */
export function compileOverride(given: Override, context: AccessContext, where: string): CompiledOverride {
  if (isMultiplied(given)) {
    refuseUnknown(given, ['multiply'], `${where}.`);
    return { given, plan: undefined, rules: new Map(), scaled: scaling(given.multiply, `${where}.multiply`) };
  }
  if (!isRuleOverrides(given)) return { given, plan: planFrom(given, context, where), rules: new Map() };
  refuseUnknown(given, ['plan', 'rules'], `${where}.`);
  const { plan, rules = {} } = given;
  requireObject(rules, `${where}.rules`);
  return {
    given,
    plan: plan === undefined ? undefined : planFrom(plan, context, `${where}.plan`),
    rules: new Map(
      Object.entries(rules).map(([id, rate]) => [id, overridden(id, rate, context, `${where}.rules.${id}`)]),
    ),
  };
}

function planFrom(plan: Plan, context: AccessContext, where: string): CompiledPlan {
  const { defaults, rate, rules } = context;
  if (rate === undefined) {
    const compiled = compilePlan('override', plan, defaults, where);
    const twin = compiled.find(({ counter }) => rules.has(counter));
    if (twin === undefined) return compiled;
    throw invalidOption(`${where}: ${shown(twin.id)} is the id of one of the rules; a plan's needs its own.`);
  }
  const quota = readQuota({ rate: plan }, { algorithm: rate.quota.algorithm }, where, where);
  return quota === UNLIMITED ? [] : [withQuota(rate, quota)];
}

function overridden(
  id: string,
  given: unknown,
  context: AccessContext,
  where: string,
): CompiledRule | undefined {
  const { rules } = context;
  if (!rules.has(id)) {
    const known = rules.size === 0 ? 'The limiter has none' : `Known are: ${[...rules.keys()].join(', ')}`;
    throw invalidOption(`${where}: there is no rule ${shown(id)}. ${known}.`);
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
    throw invalidOption(`${where}: the rule ${shown(id)} is unlimited, so nobody's share of it can be set.`);
  }
  return rule === undefined || quota === UNLIMITED ? undefined : withQuota(rule, quota);
}

function isRuleOverrides(given: Override): given is RuleOverrides {
  return hasField(given, 'plan') || hasField(given, 'rules');
}

function isMultiplied(given: Override): given is MultipliedLimits {
  return hasField(given, 'multiply');
}

function hasField(given: Override, name: string): boolean {
  return typeof given === 'object' && given !== null && !Array.isArray(given) && Object.hasOwn(given, name);
}

/** Each rule becomes the same one each time, so that sets of rules are found again. */
function scaling(multiply: unknown, where: string): (rule: CompiledRule) => CompiledRule {
  if (typeof multiply !== 'number' || !(multiply > 0 && multiply <= MOST_TIMES)) {
    throw invalidOption(`${where} must be a number above 0 and up to ${MOST_TIMES}, not ${shown(multiply)}.`);
  }
  const known = new WeakMap<CompiledRule, CompiledRule>();
  return (rule) => {
    let scaled = known.get(rule);
    if (scaled === undefined) known.set(rule, (scaled = withQuota(rule, multiplied(rule.quota, multiply))));
    return scaled;
  };
}
