import { invalidOption, RateLimitError, shown } from '../base/errors';
import { validateKey } from './key';
import { MAX_RULES } from './rule';
import type { CompiledRules } from './compile';
import { Identities, MISSING, type RateLimitRequest, type Scope, type Subject } from './identity';
import { parsePath, pathText } from './path';
import { readingsOf, type Pattern, type Reading } from './pattern';
import type { CompiledPlan } from './plan';
import { type Missing } from './request-rule';
import { isBypassed } from './bypass';
import { applying, type Match } from './applying';
import type { CompiledRule } from './rule';
import { tooMany } from './rule-limit';

/** One rule to charge, and to whom. */
export interface Charge {
  readonly rule: CompiledRule;
  /** Stands behind the prefix in the key; see `subjectOf`. */
  readonly subject: string;
  /** Undefined: a key, whose kind nobody knows. */
  readonly scope: Scope | undefined;
}

/** What a check of a request comes to, before any store is asked. */
export type Selection =
  /** Charge all of these or none. None at all: nothing limits this request. */
  | { readonly kind: 'charge'; readonly charges: readonly Charge[] }
  /** Nothing is counted, by `bypass` of the limiter or because a subject is on the allow list. */
  | { readonly kind: 'bypass'; readonly why: 'bypass' | 'allowed' }
  /** Denied without counting: a subject on the deny list, or a rule whose identity the request does not have. */
  | {
      readonly kind: 'deny';
      readonly why: 'denied' | 'missing';
      /** The subject that is denied, or the id of the rule (or `plan`, `rate`) that cannot tell whom to count. */
      readonly what: string;
    };

/**
 * Tells which rules a request is charged under, and whom each of them counts: first those that match, the most
 * specific in front, then those of its plan or the limiter's rate. Asks no store and changes nothing.
 * @param key whom plan or rate counts, in place of `planBy`
 * @param onNoAddress told where somebody would be counted by an address and the request has none
 * @throws RateLimitError `ERR_UNKNOWN_PLAN`, also where nothing but plans could limit it and it names none;
 *   `ERR_INVALID_KEY` for an id that cannot be counted; `ERR_INVALID_OPTION` for a request without method or path, or
 *   with more than 8 rules; what a function throws
 */
export function selectRules(
  rules: CompiledRules,
  request: RateLimitRequest,
  key?: string,
  onNoAddress?: () => void,
): Selection {
  const { method, readings } = readRequest(request);
  if (key !== undefined) validateKey(key);
  const plan = planOf(rules, request.plan);
  if (isBypassed(rules.bypass, request, method, readings)) return { kind: 'bypass', why: 'bypass' };

  const identities = new Identities(request, rules.ipv6Subnet, onNoAddress);
  return new Selecting(rules, request, identities, method, readings, key).run(plan);
}

/** Whom lists name whatever the rules count, besides addresses. */
const NAMED = ['user', 'organization', 'apiKey'] as const;

/** A subject, or a key as it is. */
type Counted = Omit<Subject, 'scope'> & { readonly scope: Scope | undefined };

/** One request on its way through the rules. */
class Selecting {
  private readonly charges: Charge[] = [];

  constructor(
    private readonly rules: CompiledRules,
    private readonly request: RateLimitRequest,
    private readonly identities: Identities,
    private readonly method: string,
    private readonly readings: readonly Reading[],
    private readonly key: string | undefined,
  ) {}

  run(named: CompiledPlan | undefined): Selection {
    const { entries, missing, access, rate } = this.rules;
    const plan = named ?? rate;
    const matches = applying(entries, this.method, this.readings, (one) => this.isSkipped(one));
    const verdict = access.isOpen
      ? undefined
      : access.verdictOf(this.listed(matches, plan), this.identities.address, this.key);
    if (verdict?.verdict === 'deny') return { kind: 'deny', why: 'denied', what: verdict.subject };
    if (verdict?.verdict === 'allow') return { kind: 'bypass', why: 'allowed' };
    if (plan === undefined && entries.length === 0) throw noPlan(this.rules);
    for (const match of matches) {
      if (!this.add(match)) return { kind: 'deny', why: 'missing', what: match.of.id };
    }
    if (plan !== undefined && plan.length > 0) {
      const subject = this.ofPlan() ?? without(missing);
      if (subject === undefined)
        return { kind: 'deny', why: 'missing', what: rate === undefined ? 'plan' : 'rate' };
      if (subject !== 'skip') this.charge(this.planFor(subject, plan), subject);
    }
    if (this.charges.length > MAX_RULES)
      throw tooMany(
        this.charges.map(({ rule }) => rule.id),
        0,
      );
    return { kind: 'charge', charges: this.charges };
  }

  /** Whoever the request is, as lists name them: also what functions of its rules and of its plan answer. */
  private listed(matches: readonly Match[], plan: CompiledPlan | undefined): string[] {
    const asked = NAMED.map((identity) => this.identities.first([identity], () => ''));
    const counted = [...matches.map((match) => this.subjectOf(match)), plan && this.ofPlan()];
    const customs = counted.filter((subject) => subject?.scope === 'custom');
    return [...asked, ...customs].flatMap((subject) => subject?.text ?? []);
  }

  private planFor({ scope, text }: Counted, plan: CompiledPlan): CompiledPlan {
    const { access } = this.rules;
    return scope === undefined ? access.planOfKey(text, plan) : access.planOf(text, plan);
  }

  private ofPlan(): Counted | undefined {
    if (this.key !== undefined) return { scope: undefined, text: this.key };
    return this.identities.first(this.rules.planBy, () => pathText(this.readings[0]!.folded));
  }

  /** Whether a rule is left out, and so leaves its place in a group to the next. */
  private isSkipped(match: Match): boolean {
    const { bypass, missing, group } = match.of;
    if (isBypassed(bypass, this.request, this.method, this.readings)) return true;
    return group !== undefined && missing === 'skip' && this.subjectOf(match) === undefined;
  }

  private subjectOf({ of, pattern, reading }: Match): Subject | undefined {
    return this.identities.first(of.by, () => endpointOf(pattern, this.readings[reading]!.folded));
  }

  /** False where nobody can tell whom to count, and the request is to be denied for it. */
  private add(match: Match): boolean {
    const { of } = match;
    if (of.rule === undefined) return true;
    const subject = this.subjectOf(match) ?? without(of.missing);
    // A rule that is only tried out denies nobody.
    if (subject === undefined) return of.rule.shadow;
    if (subject === 'skip') return true;
    const rule = this.rules.access.ruleOf(subject.text, of.rule);
    if (rule !== undefined) this.charge([rule], subject);
    return true;
  }

  private charge(rules: CompiledPlan, { text, scope }: Counted): void {
    for (const rule of rules) this.charges.push({ rule, subject: text, scope });
  }
}

/** What stands in for an identity that a request does not have; undefined: nothing may. */
function without(missing: Missing): Subject | 'skip' | undefined {
  return missing === 'deny' ? undefined : missing === 'skip' ? 'skip' : MISSING;
}

/** The endpoint's own path where the pattern names one, so that no way of writing it is another endpoint. */
function endpointOf({ folded, below }: Pattern, reading: readonly string[]): string {
  return pathText(below || folded.includes(undefined) ? reading : (folded as string[]));
}

function planOf(rules: CompiledRules, name: string | undefined): CompiledPlan | undefined {
  if (name === undefined) return undefined;
  const plan = rules.plans.get(name);
  if (plan !== undefined) return plan;
  const leaveOut = 'This limiter has rules for requests only: leave the plan out';
  throw unknownPlan(rules, name, leaveOut);
}

/** @param withoutAny the advice where there are neither plans nor a rate */
export function unknownPlan(
  { plans, rate }: Pick<CompiledRules, 'plans' | 'rate'>,
  name: unknown,
  withoutAny: string,
): RateLimitError {
  const advice =
    plans.size > 0
      ? `Use one of ${namesOf(plans)}, or a limiter that has it: createRateLimiter({ plans })`
      : rate === undefined
        ? withoutAny
        : 'This limiter has one rate: leave the plan out';
  return new RateLimitError('ERR_UNKNOWN_PLAN', `${shown(name)} is not a plan of this limiter. ${advice}.`);
}

/** A request that names no plan, of a limiter without rules: it would be admitted for ever. */
function noPlan({ plans }: CompiledRules): RateLimitError {
  return new RateLimitError(
    'ERR_UNKNOWN_PLAN',
    `Nothing limits this request: the limiter has plans and no rules. Name one of ${namesOf(plans)} as its plan, or add rules.`,
  );
}

function namesOf(plans: CompiledRules['plans']): string {
  return [...plans.keys()].map(shown).join(', ');
}

function readRequest(request: RateLimitRequest): { method: string; readings: readonly Reading[] } {
  if (typeof request !== 'object' || request === null) {
    throw invalidOption(`A request must be an object such as { method, path, ip }, not ${shown(request)}.`);
  }
  const { method, path } = request;
  if (typeof method !== 'string' || method === '') {
    throw invalidOption(`method must be a request's method, such as 'GET', not ${shown(method)}.`);
  }
  if (typeof path !== 'string') throw invalidOption(`path must be a request's path, not ${shown(path)}.`);
  return { method: method.toUpperCase(), readings: readingsOf(parsePath(path)) };
}
