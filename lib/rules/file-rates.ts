/** A file has names where code has `namedRate(...)`. What is malformed stays as it is, for whoever checks it. */
import { isRateName, namedRate } from './named-rates';
import type { RuleOptions } from './compile';

type Fields = { readonly [name: string]: unknown };

/** The same options with the rates that the environment has for their names. @throws RateLimitError `ERR_INVALID_OPTION` */
export function withNamedRates(given: Fields): RuleOptions {
  const { rate, plans, rules, access } = given;
  return {
    ...given,
    ...(rate !== undefined && { rate: rateOf(rate) }),
    ...(isFields(plans) && { plans: eachOf(plans, planOf) }),
    ...(Array.isArray(rules) && { rules: rules.map(ruleOf) }),
    ...(isFields(access) && { access: accessOf(access) }),
  } as RuleOptions;
}

function rateOf(rate: unknown): unknown {
  return isRateName(rate) ? namedRate(rate) : rate;
}

/** A rate, or a rule around one. */
function ruleOf(rule: unknown): unknown {
  return isFields(rule) && Object.hasOwn(rule, 'rate')
    ? { ...rule, rate: rateOf(rule['rate']) }
    : rateOf(rule);
}

function planOf(plan: unknown): unknown {
  return Array.isArray(plan) ? plan.map(ruleOf) : ruleOf(plan);
}

function accessOf(access: Fields): Fields {
  const { overrides } = access;
  return isFields(overrides) ? { ...access, overrides: eachOf(overrides, overrideOf) } : access;
}

function overrideOf(override: unknown): unknown {
  if (!isFields(override) || Object.hasOwn(override, 'rate')) return planOf(override);
  const { plan, rules } = override;
  return {
    ...override,
    ...(plan !== undefined && { plan: planOf(plan) }),
    ...(isFields(rules) && { rules: eachOf(rules, ruleOf) }),
  };
}

function eachOf(fields: Fields, change: (value: unknown) => unknown): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, change(value)]));
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
