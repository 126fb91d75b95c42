import { Ending, RecordField } from './native';
import type { RuleSet } from './rule';
import type { Decision, OnError, RateLimitResult, RateLimitStatus, Source } from './types';

/** What a waiting slot wants built from its record. A small integer, so that a check carries no closure for it. */
export const Kind = { Result: 0, Decision: 1, Status: 2, Outcome: 3 } as const;

/** What each kind is built into. An outcome is the units used, or the negative of the ending when unanswered. */
export interface Built {
  [Kind.Result]: RateLimitResult;
  [Kind.Decision]: Decision;
  [Kind.Status]: RateLimitStatus;
  [Kind.Outcome]: number;
}
export type KindOf = keyof Built;

const { Answered } = Ending;
const { Ending: ENDING, Allowed, Limit, Remaining, ResetInMs, RetryAfterMs, Used } = RecordField;

/** Wait that a denial by policy suggests: the length of a blip, not of a window. */
const POLICY_RETRY_MS = 1_000;

/** Builds what `kind` asks for from the record at `at`. Results are single literals: they share one hidden class. */
export function build(
  kind: KindOf,
  batch: Float64Array,
  at: number,
  set: RuleSet,
  now: number,
  source: Source,
): Built[KindOf] {
  const ending = batch[at + ENDING]!;
  if (ending !== Answered) return kind === Kind.Outcome ? -ending : byPolicy(kind, set, now, set.onError);
  const limit = batch[at + Limit]!;
  const remaining = batch[at + Remaining]!;
  const resetTime = now + batch[at + ResetInMs]!;
  if (kind === Kind.Result) return { allowed: batch[at + Allowed] === 1, remaining, resetTime, limit };
  const used = batch[at + Used]!;
  if (kind === Kind.Status) return { remaining, resetTime, limit, used };
  if (kind === Kind.Outcome) return used;
  return decision(
    batch[at + Allowed] === 1,
    limit,
    remaining,
    resetTime,
    batch[at + RetryAfterMs]!,
    used,
    set,
    source,
  );
}

function decision(
  allowed: boolean,
  limit: number,
  remaining: number,
  resetTime: number,
  wait: number,
  used: number,
  set: RuleSet,
  source: Source,
): Decision {
  const lead = set.rules[0];
  const retryAfterMs = wait >= 0 ? wait : lead.windowMs;
  const retryAfter = Math.ceil(retryAfterMs / 1000);
  return {
    allowed,
    reason: allowed ? 'ok' : wait < 0 ? 'never-fits' : 'limit',
    limit,
    remaining,
    resetTime,
    retryAfter,
    retryAfterMs,
    nearLimit: used >= limit * 0.8,
    rule: lead.id,
    rules: [{ rule: lead.id, allowed, limit, remaining, resetTime, retryAfter, algorithm: lead.algorithm }],
    source,
  };
}

/** The answer where no store gave one. */
export function byPolicy(kind: KindOf, set: RuleSet, now: number, onError: OnError): Built[KindOf] {
  const { id, limit, windowMs, algorithm } = set.rules[0];
  const allowed = onError === 'open';
  const remaining = allowed ? limit : 0;
  const resetTime = now + (allowed ? windowMs : POLICY_RETRY_MS);
  if (kind === Kind.Result) return { allowed, remaining, resetTime, limit };
  if (kind === Kind.Status) return { remaining, resetTime, limit, used: limit - remaining };
  if (kind === Kind.Outcome) return 0;
  const retryAfterMs = allowed ? 0 : POLICY_RETRY_MS;
  const retryAfter = retryAfterMs / 1000;
  return {
    allowed,
    reason: 'policy',
    limit,
    remaining,
    resetTime,
    retryAfter,
    retryAfterMs,
    nearLimit: false,
    rule: id,
    rules: [{ rule: id, allowed, limit, remaining, resetTime, retryAfter, algorithm }],
    source: 'policy',
  };
}
