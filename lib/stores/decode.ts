import { Decided, NO_MARK } from '../decision/decision';
import { ResultKind, type Built, type AnyResultKind } from '../decision/result-kind';
import { RECORD_LENGTH, RecordField } from './records';
import { Status } from '../decision/status';
import { shaped, withoutStore } from '../decision/unavailable';
import type { RuleSet } from '../decision/rule-set';
import type { CompiledRule } from '../rules/rule';
import { isWatched, tell } from '../telemetry/observe';
import { REASONS } from '../telemetry/counters';
import { isCheck, tally, tallyMissed, tallySettled } from './tally';
import { requestOf, scopeAt, subjectAt, type Subjects } from '../decision/subjects';
import type { Decision, RuleResult, Source } from '../decision/types';

const { Answered } = Status;
const [OK, LIMIT, BLOCKED, NEVER_FITS] = (['ok', 'limit', 'blocked', 'never-fits'] as const).map((reason) =>
  REASONS.indexOf(reason),
) as [number, number, number, number];
const { Status: STATUS, Allowed, Remaining, ResetInMs, RetryAfterMs, Used, Mark, Blocked } = RecordField;

/** How many records a call brought whose first stands at `at`. */
export function recordsOf(kind: AnyResultKind, batch: Float64Array, at: number, set: RuleSet): number {
  return kind === ResultKind.Outcome || batch[at + STATUS] !== Answered ? 1 : set.rules.length;
}

/** Builds what `kind` asks for from the records at `at`. Results are single literals: they share one hidden class. */
export function build(
  kind: AnyResultKind,
  batch: Float64Array,
  at: number,
  set: RuleSet,
  subjects: Subjects,
  units: number,
  now: number,
  source: Source,
): Built[AnyResultKind] {
  const status = batch[at + STATUS]!;
  if (kind === ResultKind.Outcome) return status === Answered ? batch[at + Used]! : -status;
  if (kind === ResultKind.Reading) {
    if (status !== Answered) return -status;
    return {
      used: batch[at + Used]!,
      resetInMs: batch[at + ResetInMs]!,
      blocked: batch[at + Blocked] === 1,
    };
  }
  if (status !== Answered) {
    // Whoever asks with a twin knows that it may be a number.
    return set.isTwin ? -status : unanswered(kind, set, subjects, units, now, source, status);
  }
  if (kind === ResultKind.Result || kind === ResultKind.Status) {
    // One who watches is shown the whole decision, also of a call that gives a few numbers of it.
    const watched = isWatched(kind, set.owner?.observers);
    if (watched) decide(ResultKind.Decision, batch, at, set, subjects, units, now, source);
    const place = set.isSimple ? 0 : leadOf(batch, at, set.rules);
    const lead = set.rules[place]!;
    const of = at + place * RECORD_LENGTH;
    const remaining = batch[of + Remaining]!;
    const resetTime = now + batch[of + ResetInMs]!;
    const { burst: limit } = lead.quota;
    if (kind === ResultKind.Result && !watched)
      tally(set, batch, at, reasonAt(lead, batch, of), subjects, source, now);
    if (kind === ResultKind.Status) return { remaining, resetTime, limit, used: batch[of + Used]! };
    return { allowed: batch[of + Allowed] === 1 || lead.shadow, remaining, resetTime, limit };
  }
  return decide(kind, batch, at, set, subjects, units, now, source);
}

/** What the failure mode says to a call that no store answered, for the `status` of the one that was asked. */
export function unanswered(
  kind: AnyResultKind,
  set: RuleSet,
  subjects: Subjects,
  units: number,
  now: number,
  source: Source,
  status: number,
): Built[AnyResultKind] {
  if (isCheck(kind)) tallyMissed(set, source, status);
  const local =
    set.failureMode === 'memory' ? set.owner?.decideLocally?.(kind, set, subjects, units) : undefined;
  if (local !== undefined) return local;
  const decision = withoutStore(set, subjects, 'unavailable', now);
  if (isCheck(kind)) tallySettled(set, decision, now);
  if (isWatched(kind, set.owner?.observers)) tell(set.owner?.observers, decision, requestOf(subjects));
  return shaped(kind, decision);
}

function decide(
  kind: AnyResultKind,
  batch: Float64Array,
  at: number,
  set: RuleSet,
  subjects: Subjects,
  units: number,
  now: number,
  source: Source,
): Decision {
  const place = set.isSimple ? 0 : leadOf(batch, at, set.rules);
  const lead = set.rules[place]!;
  const of = at + place * RECORD_LENGTH;
  // Every rule that can deny and does stands in front of those that admit.
  const reason = reasonAt(lead, batch, of);
  const allowed = reason === OK;
  const isForced = kind === ResultKind.Penalty;
  const isCharged = isForced || (allowed && kind === ResultKind.Decision);
  const several = set.rules.length > 1;
  const retryAfterMs = allowed ? 0 : waitOf(lead, batch, of);
  const decision = new Decided(
    allowed,
    REASONS[reason]!,
    lead.quota.burst,
    batch[of + Remaining]!,
    now + batch[of + ResetInMs]!,
    Math.ceil(retryAfterMs / 1000),
    retryAfterMs,
    several ? isNear(batch, at, set.rules) : !lead.shadow && batch[of + Used]! >= lead.nearAt,
    lead.id,
    several
      ? set.rules.map((rule, i) => resultOf(rule, batch, at + i * RECORD_LENGTH, subjects, i, now))
      : [resultOf(lead, batch, of, subjects, 0, now)],
    source,
    {
      set,
      subjects,
      left: isCharged ? units : 0,
      marks: several
        ? set.rules.map((_, i) => markOf(batch, at + i * RECORD_LENGTH, isForced))
        : markOf(batch, of, isForced),
    },
  ) as Decision;
  if (kind === ResultKind.Decision) tally(set, batch, at, reason, subjects, source, now);
  const observers = set.owner?.observers;
  if (isWatched(kind, observers)) tell(observers, decision, requestOf(subjects));
  if (isCharged && observers?.watchNearLimit === true) {
    tellNear(set, batch, at, units, isForced, decision);
  }
  return decision;
}

/** The place in `REASONS` of what a decision says, by the record of the rule in front. */
function reasonAt(lead: CompiledRule, batch: Float64Array, of: number): number {
  if (batch[of + Allowed] === 1 || lead.shadow) return OK;
  return batch[of + Blocked] === 1 ? BLOCKED : batch[of + RetryAfterMs]! < 0 ? NEVER_FITS : LIMIT;
}

function resultOf(
  rule: CompiledRule,
  batch: Float64Array,
  of: number,
  subjects: Subjects,
  place: number,
  now: number,
): RuleResult {
  const allowed = batch[of + Allowed] === 1;
  const { limit: requests, windowMs, burst: limit, algorithm } = rule.quota;
  return {
    rule: rule.id,
    allowed,
    limit,
    remaining: batch[of + Remaining]!,
    resetTime: now + batch[of + ResetInMs]!,
    retryAfter: allowed ? 0 : Math.ceil(waitOf(rule, batch, of) / 1000),
    algorithm,
    requests,
    windowMs,
    scope: scopeAt(subjects, place),
    subject: subjectAt(subjects, place),
    shadow: rule.shadow,
    nearLimit: batch[of + Used]! >= rule.nearAt,
  };
}

/** A whole window where no wait helps. */
function waitOf(rule: CompiledRule, batch: Float64Array, of: number): number {
  const wait = batch[of + RetryAfterMs]!;
  return wait >= 0 ? wait : rule.quota.windowMs;
}

/** The place of the most constraining rule, the first of equal ones. */
function leadOf(batch: Float64Array, at: number, rules: readonly CompiledRule[]): number {
  let lead = 0;
  let most = -Infinity;
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i]!;
    const of = at + i * RECORD_LENGTH;
    const denies = batch[of + Allowed] !== 1;
    const wait = batch[of + RetryAfterMs]!;
    const used = rule.quota.burst === 0 ? 1 : 1 - batch[of + Remaining]! / rule.quota.burst;
    // Those that are tried out from -2 to -1, those that admit from 0 to 1, and then by the wait.
    const weight = rule.shadow ? used - 2 : denies ? (wait < 0 ? Infinity : 2 + wait) : used;
    if (weight <= most) continue;
    most = weight;
    lead = i;
  }
  return lead;
}

function isNear(batch: Float64Array, at: number, rules: readonly CompiledRule[]): boolean {
  return rules.some((rule, i) => !rule.shadow && batch[at + i * RECORD_LENGTH + Used]! >= rule.nearAt);
}

/** Whether a rule counted what the call was charged; one that is tried out may have had no room. */
function counted(batch: Float64Array, of: number, isForced: boolean): boolean {
  return batch[of + Blocked] !== 1 && (isForced || batch[of + Allowed] === 1);
}

function markOf(batch: Float64Array, of: number, isForced: boolean): number {
  return counted(batch, of, isForced) ? batch[of + Mark]! : NO_MARK;
}

/** Tells of each rule that this call took to its threshold; the next call finds it there already. */
function tellNear(
  set: RuleSet,
  batch: Float64Array,
  at: number,
  units: number,
  isForced: boolean,
  decision: Decision,
): void {
  set.rules.forEach((rule, i) => {
    const of = at + i * RECORD_LENGTH;
    const used = batch[of + Used]!;
    if (counted(batch, of, isForced) && used >= rule.nearAt && used - units < rule.nearAt) {
      set.owner!.observers!.tellNear(i, decision);
    }
  });
}
