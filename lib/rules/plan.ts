import { invalidOption, shown } from '../base/errors';
import { MAX_RULES } from './rule';
import { UNLIMITED, type Rate, type Unlimited } from './rate';
import type { Algorithm } from './algorithm';
import { refuseUnknown, requireObject } from '../base/validate';
import { readQuota, windowText, type Quota, type QuotaDefaults, type QuotaOptions } from './quota';
import { makeRule, readId, type CompiledRule, type RuleTraits, type TraitDefaults } from './rule';

/** One rule of a plan, where a rate alone does not say enough. */
export interface PlanRule extends QuotaOptions, RuleTraits {
  /**
   * The rule's name. Without one, the first rule is called as the plan, others `<plan>:<window>`. Rules of one name
   * in several plans share their count, so it goes on when the plan changes.
   */
  id?: string;
}

/**
 * What a plan admits: a rate, a rule, or 1 to 8 of them which all have to admit a request:
 * `['10000/h', { rate: '200/m', algorithm: 'token-bucket', burst: 500 }]`.
 */
export type Plan = Rate | PlanRule | readonly (Exclude<Rate, Unlimited> | PlanRule)[];

export interface RuleDefaults extends QuotaDefaults, TraitDefaults {}

/** The rules of a plan; none where it is unlimited. */
export type CompiledPlan = readonly CompiledRule[];

const FIELDS = ['id', 'rate', 'algorithm', 'burst', 'failureMode', 'shadow', 'nearLimit'];

/** Reads plans by name. @throws RateLimitError `ERR_INVALID_OPTION` */
export function compilePlans(
  plans: unknown,
  defaults: RuleDefaults,
  where = 'plans',
): Map<string, CompiledPlan> {
  requireObject(plans, where);
  const compiled = new Map<string, CompiledPlan>();
  for (const [name, plan] of Object.entries(plans)) {
    if (name === '') throw invalidOption(`${where}: a plan needs a name.`);
    compiled.set(name, compilePlan(name, plan, defaults, `${where}.${name}`));
  }
  if (compiled.size === 0) {
    throw invalidOption(`${where} is empty; name at least one, such as { FREE: '100/h' }.`);
  }
  refuseMixedKeys(compiled, where);
  return compiled;
}

/**
 * Plans of which some have other rules. Those that there are not are refused: no check could name them.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function replacePlans(
  plans: ReadonlyMap<string, CompiledPlan>,
  others: { readonly [plan: string]: unknown },
  defaults: RuleDefaults,
): Map<string, CompiledPlan> {
  const replaced = new Map(plans);
  for (const [name, plan] of Object.entries(others)) {
    if (!plans.has(name)) {
      throw invalidOption(`There is no plan ${shown(name)}. Known are: ${[...plans.keys()].join(', ')}.`);
    }
    replaced.set(name, compilePlan(name, plan, defaults, `plans.${name}`));
  }
  refuseMixedKeys(replaced, 'plans');
  return replaced;
}

/** Rules of one name share their count, which only one algorithm can read. */
function refuseMixedKeys(plans: ReadonlyMap<string, CompiledPlan>, where: string): void {
  const seen = new Map<string, { algorithm: Algorithm; plan: string }>();
  for (const [plan, rules] of plans) {
    for (const { id, counter, quota } of rules) {
      const other = seen.get(counter) ?? { algorithm: quota.algorithm, plan };
      if (other.algorithm !== quota.algorithm) {
        throw invalidOption(
          `${where}.${plan}: the rule ${shown(id)} has another algorithm than the one of that id in ${where}.${other.plan}.`,
        );
      }
      seen.set(counter, other);
    }
  }
}

/**
 * Reads one plan. Its first enforced fixed window is counted under the subject alone; every other rule under a key
 * that names algorithm and window, not the plan: a subject that changes its plan keeps what it has used.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function compilePlan(
  name: string,
  plan: unknown,
  defaults: RuleDefaults,
  where: string,
): CompiledPlan {
  const given: unknown[] = Array.isArray(plan) ? plan : [plan];
  if (given.length === 0 || given.length > MAX_RULES) {
    throw invalidOption(`${where} must have 1 to ${MAX_RULES} rules, not ${given.length}.`);
  }
  const rules: CompiledRule[] = [];
  const places = new Map<string, string>();
  let bare: CompiledRule | undefined;
  given.forEach((one, i) => {
    const at = Array.isArray(plan) ? `${where}[${i}]` : where;
    const quota = readPlanQuota(one, defaults, at);
    if (quota === UNLIMITED) {
      if (given.length === 1) return;
      throw invalidOption(`${at}: unlimited must be a plan's only rule; beside other rules it says nothing.`);
    }
    const fields = isRule(one) ? (one as Record<string, unknown>) : {};
    const named = fields['id'] === undefined ? undefined : readId(fields['id'], `${at}.id`);
    const label = labelOf(quota);
    const id = named ?? (i === 0 ? name : `${name}:${label}`);
    const isBare = bare === undefined && quota.algorithm === 'fixed-window' && fields['shadow'] !== true;
    const rule = makeRule(id, isBare ? '' : (named ?? `@${label}`), quota, fields, defaults, at);
    const twin = places.get(`id ${rule.id}`) ?? places.get(`counter ${rule.counter}`);
    if (twin !== undefined) {
      throw invalidOption(`${at} would share its count with ${twin}; give it an id of its own.`);
    }
    places.set(`id ${rule.id}`, at).set(`counter ${rule.counter}`, at);
    if (isBare) bare = rule;
    rules.push(rule);
  });
  return rules;
}

/**
 * Reads the rules of a limiter with one rate. Its key names algorithm and window, so that limiters of different windows
 * never meet in one, whichever was made first and in whichever process; those of one window share their count.
 */
export function compileRate(rate: unknown, defaults: RuleDefaults): CompiledPlan {
  const quota = readQuota({ rate }, defaults, '', 'rate');
  return quota === UNLIMITED ? [] : [makeRule('rate', `@rate-${labelOf(quota)}`, quota, {}, defaults, '')];
}

function readPlanQuota(given: unknown, defaults: RuleDefaults, where: string): Quota | typeof UNLIMITED {
  if (isRule(given)) {
    refuseUnknown(given, FIELDS, `${where}.`);
    return readQuota(given, defaults, where);
  }
  if (Array.isArray(given)) throw invalidOption(`${where} must be a rate or a rule, not ${shown(given)}.`);
  return readQuota({ rate: given }, defaults, where, where);
}

/** Whether it is a rule around a rate, and not a rate in numbers or an attempt at one. */
function isRule(given: unknown): given is object {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return false;
  return Object.hasOwn(given, 'rate') || !('requests' in given || 'windowMs' in given);
}

/** How rules are told apart that have no id: `1m`, `token-bucket-1m`. */
function labelOf({ algorithm, windowMs }: Quota): string {
  const window = windowText(windowMs);
  return algorithm === 'fixed-window' ? window : `${algorithm}-${window}`;
}
