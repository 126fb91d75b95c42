import { IPV6_SUBNET } from '../http/address';
import { invalidOption, shown } from '../base/errors';
import type { Rate } from './rate';
import type { FailureMode } from './failure-mode';
import { readInteger, refuseUnknown } from '../base/validate';
import { readFailureMode } from './failure-mode';
import { AccessList, type AccessEntries } from './access';
import { readBypass, type Bypass, type CompiledBypass } from './bypass';
import { readIdentities, type Identity } from './identity';
import {
  compilePlans,
  compileRate,
  replacePlans,
  type CompiledPlan,
  type Plan,
  type RuleDefaults,
} from './plan';
import { readQuotaDefaults, type QuotaOptions } from './quota';
import { compileRequestRules, readMissing, type Entry, type Missing, type RequestRule } from './request-rule';
import { readNearLimit, type CompiledRule } from './rule';
import { refuseMixedSubjects } from './one-subject';
import { refuseTooMany } from './rule-limit';

/** The options of a limiter that say what is limited. */
export interface RuleOptions extends Partial<Pick<QuotaOptions, 'algorithm' | 'burst'>> {
  /** What each plan admits. */
  plans?: { readonly [plan: string]: Plan };
  /** One rate for every key, instead of plans. */
  rate?: Rate;
  /** The rules for requests. */
  rules?: readonly RequestRule[];
  /** Requests that no rule and no plan counts. */
  bypass?: Bypass;
  failureMode?: FailureMode;
  /** The part of a limit from which decisions say `nearLimit`; default 0.8. */
  nearLimit?: number;
  /** What happens where a request has no identity that a rule counts; default `deny`. */
  missing?: Missing;
  /**
   * Whom a plan, or the one rate, counts in `checkRequest`. Default: the organization, else the user, the API key, the
   * address.
   */
  planBy?: Identity | readonly Identity[];
  /** How many leading bits of an IPv6 address count as one client: 1 to 128, default 64. */
  ipv6Subnet?: number;
  /** Subjects that are treated apart. */
  access?: AccessEntries;
}

/** The names of these options. */
export const RULE_OPTIONS = [
  'plans',
  'rate',
  'rules',
  'bypass',
  'algorithm',
  'burst',
  'failureMode',
  'nearLimit',
  'missing',
  'planBy',
  'ipv6Subnet',
  'access',
] as const satisfies readonly (keyof RuleOptions)[];

/** What is limited, validated and complete. */
export interface CompiledRules {
  readonly plans: ReadonlyMap<string, CompiledPlan>;
  /** The rules of `check` without a plan: one, or none where the rate is unlimited; undefined without `rate`. */
  readonly rate: CompiledPlan | undefined;
  /** The rules for requests, in the order in which they are looked at. */
  readonly entries: readonly Entry[];
  readonly bypass: CompiledBypass;
  readonly access: AccessList;
  readonly missing: Missing;
  readonly planBy: readonly Identity[];
  readonly ipv6Subnet: number;
  readonly defaults: RuleDefaults;
  /** Each subject has a store of its own, so all rules of a request have to count the same. */
  readonly oneSubject: boolean;
}

/**
 * Checks what is limited by name and value.
 * @throws RateLimitError `ERR_INVALID_OPTION`, with the place of the mistake such as `rules[2].rate`
 */
export function compileRules(options: RuleOptions, oneSubject = false): CompiledRules {
  refuseUnknown(options, RULE_OPTIONS, '');
  const { plans, rate } = options;
  if (plans !== undefined && rate !== undefined) {
    throw invalidOption("Give either plans, such as { FREE: '100/h' }, or one rate, such as '10/s'.");
  }
  if (plans === undefined && rate === undefined && options.rules === undefined) {
    throw invalidOption("Give plans, such as { FREE: '100/h' }, or one rate, such as '10/s', or rules.");
  }
  const defaults: RuleDefaults = {
    ...readQuotaDefaults(options),
    failureMode: readFailureMode(options.failureMode),
    nearLimit: readNearLimit(options.nearLimit, 'nearLimit', 0.8),
  };
  const missing = readMissing(options.missing, 'missing', 'deny');
  const entries = compileRequestRules(options.rules, { ...defaults, missing });
  if (plans === undefined && rate === undefined && entries.length === 0) {
    throw invalidOption('rules is empty, and there are neither plans nor a rate: nothing would be limited.');
  }
  const ofRate = rate === undefined ? undefined : compileRate(rate, defaults);
  const ipv6Subnet = readInteger(options.ipv6Subnet, 'ipv6Subnet', IPV6_SUBNET, 1, 128);
  const rules = rulesById(entries);
  const base = {
    plans: new Map<string, CompiledPlan>(),
    rate: ofRate,
    entries,
    bypass: readBypass(options.bypass, 'bypass'),
    access: new AccessList({ defaults, ipv6Subnet, rules, rate: ofRate?.[0] }, options.access),
    missing,
    planBy: readIdentities(options.planBy, 'planBy', ['organization', 'user', 'apiKey', 'ip']),
    ipv6Subnet,
    defaults,
    oneSubject,
  };
  if (plans === undefined) {
    refuseTogether(base);
    return base;
  }
  return withPlans(base, plans);
}

/**
 * The same with other plans. Counts go on: keys hold no plan's name.
 * @throws RateLimitError `ERR_INVALID_OPTION`; what was compiled before stays as it is
 */
export function withPlans(rules: CompiledRules, plans: unknown): CompiledRules {
  if (rules.rate !== undefined) throw invalidOption('A limiter with one rate has no plans.');
  const compiled = { ...rules, plans: compilePlans(plans, rules.defaults) };
  refuseSharedIds(compiled);
  refuseTogether(compiled);
  return compiled;
}

/**
 * The same with other rules for some of the plans; a limiter without plans is not meant by them.
 * @throws RateLimitError `ERR_INVALID_OPTION`; what was compiled before stays as it is
 */
export function withSomePlans(
  rules: CompiledRules,
  others: { readonly [plan: string]: unknown },
): CompiledRules {
  if (rules.plans.size === 0 || Object.keys(others).length === 0) return rules;
  const compiled = { ...rules, plans: replacePlans(rules.plans, others, rules.defaults) };
  refuseSharedIds(compiled);
  refuseTogether(compiled);
  return compiled;
}

/**
 * The same with other rules for requests. Counts go on where ids stay.
 * @throws RateLimitError `ERR_INVALID_OPTION`, also where an override names a rule that leaves; then all stays as it is
 */
export function withRules(rules: CompiledRules, given: unknown): CompiledRules {
  const { plans, rate, defaults, missing, access } = rules;
  const entries = compileRequestRules(given, { ...defaults, missing });
  if (plans.size === 0 && rate === undefined && entries.length === 0) {
    throw invalidOption('rules is empty, and there are neither plans nor a rate: nothing would be limited.');
  }
  const compiled = { ...rules, entries };
  refuseSharedIds(compiled);
  refuseTogether(compiled);
  access.useRules(rulesById(entries));
  return compiled;
}

function rulesById(entries: readonly Entry[]): Map<string, CompiledRule | undefined> {
  return new Map(entries.map(({ of }) => [of.id, of.rule]));
}

/** Refuses rules that cannot be charged together. */
function refuseTogether(rules: CompiledRules): void {
  refuseTooMany(rules);
  if (rules.oneSubject) refuseMixedSubjects(rules);
}

function refuseSharedIds({ entries, plans }: CompiledRules): void {
  const taken = new Set(entries.map(({ of }) => of.id));
  for (const [plan, ofPlan] of plans) {
    for (const { id, counter } of ofPlan) {
      if (!taken.has(id) && !taken.has(counter)) continue;
      throw invalidOption(
        `plans.${plan}: ${shown(id)} is also the id of one of the rules; each needs its own.`,
      );
    }
  }
}
