/** Answers that no store gave. */
import { Decided } from './decision';
import { ResultKind, type Built, type AnyResultKind } from './result-kind';
import type { RuleSet } from './rule-set';
import type { CompiledRule } from '../rules/rule';
import { scopeAt, subjectAt, type Subjects } from './subjects';
import type { Decision, Reason, RuleResult } from './types';

/** Wait that a denial without a store suggests: the length of a blip, not of a window. */
const UNAVAILABLE_RETRY_MS = 1_000;

/** Wait suggested to those whom no wait helps, because a list or a missing identity keeps them out. */
const REFUSED_RETRY_MS = 60_000;

/** Why rules were not asked of a store. */
export type Unasked = 'unavailable' | 'disabled';

/** Why nothing was counted, before any rule was looked at. */
export type Settled = 'bypass' | 'denied' | 'unidentified';

/** What `failureMode` says of rules whose store did not answer or was not asked; all are admitted where limits are off. */
export function withoutStore(given: RuleSet, subjects: Subjects, reason: Unasked, now: number): Decision {
  const set = reason === 'disabled' ? given.under('open') : given;
  if (set.rules.length === 0) return unlimited('unlimited', now);
  // Where this process should count and cannot, it admits.
  const allowed = set.failureMode !== 'closed';
  // Of rules that are only tried out, the first stands in front where there are no others.
  const real = set.rules.filter((rule) => !rule.shadow);
  const lead = real.find((rule) => (set.failureModeOf(rule) !== 'closed') === allowed) ?? set.rules[0]!;
  const { limit, remaining, resetTime, retryAfter } = resultOf(lead, 0, allowed, subjects, now);
  const rules = set.rules.map((rule, i) =>
    resultOf(rule, i, set.failureModeOf(rule) !== 'closed', subjects, now),
  );
  const wait = retryAfter * 1000;
  const charge = { set, subjects, left: 0, marks: 0 };
  return new Decided(
    allowed,
    reason,
    limit,
    remaining,
    resetTime,
    retryAfter,
    wait,
    false,
    lead.id,
    rules,
    'none',
    charge,
  ) as Decision;
}

function resultOf(
  rule: CompiledRule,
  place: number,
  allowed: boolean,
  subjects: Subjects,
  now: number,
): RuleResult {
  const { limit: requests, windowMs, burst: limit, algorithm } = rule.quota;
  return {
    rule: rule.id,
    allowed,
    limit,
    remaining: allowed ? limit : 0,
    resetTime: now + (allowed ? windowMs : UNAVAILABLE_RETRY_MS),
    retryAfter: allowed ? 0 : UNAVAILABLE_RETRY_MS / 1000,
    algorithm,
    requests,
    windowMs,
    scope: scopeAt(subjects, place),
    subject: subjectAt(subjects, place),
    shadow: rule.shadow,
    nearLimit: false,
  };
}

/** What is answered where it was settled before any rule: `rule` is the one that cannot tell whom to count. */
export function settled(reason: Settled, rule: string): Decision {
  const now = Date.now();
  return reason === 'bypass' ? unlimited(reason, now) : refused(reason, rule, now);
}

/** The answer where no rule limits. Both numbers are the largest there is: JSON would make `null` of Infinity. */
function unlimited(reason: Reason, now: number): Decision {
  const limit = Number.MAX_SAFE_INTEGER;
  return new Decided(true, reason, limit, limit, now, 0, 0, false, '', [], 'none', undefined) as Decision;
}

/** The answer to those who are kept out before anything is counted. */
function refused(reason: Reason, rule: string, now: number): Decision {
  const wait = REFUSED_RETRY_MS;
  return new Decided(
    false,
    reason,
    0,
    0,
    now + wait,
    wait / 1000,
    wait,
    false,
    rule,
    [],
    'none',
    undefined,
  ) as Decision;
}

/** A decision as a call of this kind gives it. */
export function shaped(kind: AnyResultKind, decision: Decision): Built[AnyResultKind] {
  const { allowed, remaining, resetTime, limit } = decision;
  if (kind === ResultKind.Result) return { allowed, remaining, resetTime, limit };
  if (kind === ResultKind.Status) return { remaining, resetTime, limit, used: limit - remaining };
  return kind === ResultKind.Outcome ? 0 : decision;
}
