/** Answers that no store gave. */
import { Decided } from './decision';
import { Kind, type Built, type KindOf } from './kind';
import type { RuleSet } from './rule';
import type { CompiledRule } from './rules/rule';
import { scopeAt, subjectAt, type Whom } from './whom';
import type { Decision, Reason, RuleResult } from './types';

/** Wait that a denial by policy suggests: the length of a blip, not of a window. */
const POLICY_RETRY_MS = 1_000;

/** Wait suggested to those whom no wait helps, because a list or a missing identity keeps them out. */
const REFUSED_RETRY_MS = 60_000;

/** What `onError` says of rules whose store did not answer or was not asked. */
export function byPolicy(kind: KindOf, set: RuleSet, whom: Whom, now: number): Built[KindOf] {
  if (set.rules.length === 0) return unlimited(kind, 'ok', now);
  const allowed = set.onError === 'open';
  // Of rules that are only tried out, the first stands in front where there are no others.
  const real = set.rules.filter((rule) => !rule.shadow);
  const lead = real.find((rule) => (set.onErrorOf(rule) === 'open') === allowed) ?? set.rules[0]!;
  const front = resultOf(lead, 0, allowed, whom, now);
  const { limit, remaining, resetTime, retryAfter } = front;
  if (kind === Kind.Result) return { allowed, remaining, resetTime, limit };
  if (kind === Kind.Status) return { remaining, resetTime, limit, used: lead.quota.burst - remaining };
  if (kind === Kind.Outcome) return 0;
  const rules = set.rules.map((rule, i) => resultOf(rule, i, set.onErrorOf(rule) === 'open', whom, now));
  const retryAfterMs = retryAfter * 1000;
  const charge = { set, whom, left: 0, marks: 0 };
  return new Decided(
    allowed,
    'policy',
    limit,
    remaining,
    resetTime,
    retryAfter,
    retryAfterMs,
    false,
    lead.id,
    rules,
    'policy',
    charge,
  );
}

function resultOf(rule: CompiledRule, place: number, allowed: boolean, whom: Whom, now: number): RuleResult {
  const { limit, windowMs, burst, algorithm } = rule.quota;
  return {
    rule: rule.id,
    allowed,
    limit,
    remaining: allowed ? burst : 0,
    resetTime: now + (allowed ? windowMs : POLICY_RETRY_MS),
    retryAfter: allowed ? 0 : POLICY_RETRY_MS / 1000,
    algorithm,
    windowMs,
    burst,
    scope: scopeAt(whom, place),
    subject: subjectAt(whom, place),
    shadow: rule.shadow,
    nearLimit: false,
  };
}

/** The answer where no rule limits. */
function unlimited(kind: KindOf, reason: Reason, now: number): Built[KindOf] {
  const limit = Infinity;
  if (kind === Kind.Result) return { allowed: true, remaining: limit, resetTime: now, limit };
  if (kind === Kind.Status) return { remaining: limit, resetTime: now, limit, used: 0 };
  if (kind === Kind.Outcome) return 0;
  return new Decided(true, reason, limit, limit, now, 0, 0, false, '', [], 'policy', undefined);
}

/** The answer to those who are kept out before anything is counted. */
function refused(reason: 'blocked' | 'policy', rule: string, now: number): Decision {
  const resetTime = now + REFUSED_RETRY_MS;
  const seconds = REFUSED_RETRY_MS / 1000;
  return new Decided(
    false,
    reason,
    0,
    0,
    resetTime,
    seconds,
    REFUSED_RETRY_MS,
    false,
    rule,
    [],
    'policy',
    undefined,
  );
}

/** What is answered where no store is asked: limits are switched off, or there are none. */
export function unasked(kind: KindOf, set: RuleSet, whom: Whom): Built[KindOf] {
  return byPolicy(kind, set.under('open'), whom, Date.now());
}

/** What is answered where it was settled before any rule: `rule` is the one that cannot tell whom to count. */
export function answerTo(reason: 'bypass' | 'blocked' | 'policy', rule: string, kind: KindOf): Built[KindOf] {
  const now = Date.now();
  return reason === 'bypass' ? unlimited(kind, reason, now) : refused(reason, rule, now);
}
