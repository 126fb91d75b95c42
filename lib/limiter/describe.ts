import type { CompiledRules } from '../rules/compile';
import type { CompiledPlan } from '../rules/plan';
import type { CompiledRequestRule } from '../rules/request-rule';
import type { CompiledRule } from '../rules/rule';
import type { Algorithm } from '../rules/algorithm';
import type { FailureMode } from '../rules/failure-mode';

/** A rule as it holds: what its options and their defaults come to. */
export interface DescribedRule {
  id: string;
  algorithm: Algorithm;
  limit: number;
  windowMs: number;
  /** Capacity of a token bucket; else the limit. */
  burst: number;
  failureMode: FailureMode;
  shadow: boolean;
}

/** A rule for requests; `limit` and so on are left out where it is unlimited. */
export interface DescribedRequestRule extends Partial<DescribedRule> {
  id: string;
  match: string[];
  /** Whom it counts; a function of one's own is `custom`. */
  by: string[];
  group?: string;
}

/** What a limiter limits now, also after `setPlans`, `setRules` and by rules of the fleet; without any secret. */
export interface Described {
  prefix: string;
  /** By name; an unlimited one has no rules. */
  plans: Record<string, DescribedRule[]>;
  /** Of a limiter with one rate; null: it has none. */
  rate: DescribedRule[] | null;
  rules: DescribedRequestRule[];
  /** How many subjects are listed or have limits of their own in this process. */
  access: { allow: number; deny: number; overrides: number };
}

export function describe({ plans, rate, entries, access }: CompiledRules, prefix: string): Described {
  const { allow, deny, overrides } = access.entries();
  const rules = [...new Set(entries.map(({ of }) => of))];
  return {
    prefix,
    plans: Object.fromEntries([...plans].map(([name, plan]) => [name, ofPlan(plan)])),
    rate: rate === undefined ? null : ofPlan(rate),
    rules: rules.map((one) =>
      ofRequests(
        one,
        entries.filter(({ of }) => of === one).map(({ pattern }) => pattern.text),
      ),
    ),
    access: { allow: allow.length, deny: deny.length, overrides: Object.keys(overrides).length },
  };
}

const ofPlan = (plan: CompiledPlan) => plan.map(ofRule);

function ofRule({ id, quota, failureMode, shadow }: CompiledRule): DescribedRule {
  return { id, ...quota, failureMode, shadow };
}

function ofRequests({ id, rule, by, group }: CompiledRequestRule, match: string[]): DescribedRequestRule {
  return {
    ...(rule === undefined ? {} : ofRule(rule)),
    id,
    match,
    by: by.map((identity) => (typeof identity === 'function' ? 'custom' : identity)),
    ...(group !== undefined && { group }),
  };
}
