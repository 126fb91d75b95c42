/** Counts what becomes of checks, where every store's answers and the failure mode's pass. */
import { ResultKind, type AnyResultKind } from '../decision/result-kind';
import type { CheckCounters, RuleSet } from '../decision/rule-set';
import { subjectAt, type Subjects } from '../decision/subjects';
import type { Decision, Source } from '../decision/types';
import { Column, columnOf } from '../telemetry/counters';
import { RECORD_LENGTH, RecordField } from './records';

const { Allowed, Used } = RecordField;
const { Checked, Admitted, Denied, WouldDeny, Near, FirstMs, LastMs } = Column;

/** Looks and penalties are none. */
export function isCheck(kind: AnyResultKind): boolean {
  return kind === ResultKind.Decision || kind === ResultKind.Result;
}

/** A check that a store answered with the records at `at`. @param reason its place in `REASONS` */
export function tally(
  set: RuleSet,
  batch: Float64Array,
  at: number,
  reason: number,
  subjects: Subjects,
  source: Source,
  now: number,
): void {
  const counters = set.owner?.counters;
  if (counters === undefined) return;
  counters.decisions[reason]!++;
  const rows = rowsOf(set, counters, source);
  const { rules } = set;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const rule = rules[i]!;
    const of = at + i * RECORD_LENGTH;
    row[Checked]!++;
    if (batch[of + Used]! >= rule.nearAt) row[Near]!++;
    if (batch[of + Allowed] === 1) {
      row[Admitted]!++;
    } else if (rule.shadow) {
      row[WouldDeny]!++;
    } else {
      denied(row, now);
      counters.denied(rule.id, subjectAt(subjects, i), now);
    }
  }
}

/** A check that a store did not answer, which the failure mode decides. */
export function tallyMissed(set: RuleSet, source: Source, status: number): void {
  const counters = set.owner?.counters;
  if (counters === undefined) return;
  const rows = rowsOf(set, counters, source);
  for (let i = 0; i < rows.length; i++) rows[i]![columnOf(status)]!++;
}

/** A check that was decided by no count at all. */
export function tallySettled(set: RuleSet, decision: Decision, now: number): void {
  const counters = set.owner?.counters;
  if (counters === undefined) return;
  counters.settled(decision.reason);
  const rows = rowsOf(set, counters, decision.source);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    row[Checked]!++;
    if (decision.rules[i]!.allowed) row[Admitted]!++;
    else denied(row, now);
  }
}

function denied(row: Float64Array, now: number): void {
  row[Denied]!++;
  if (row[FirstMs] === 0) row[FirstMs] = now;
  row[LastMs] = now;
}

/**
 * Where the rules of a set are counted, found once for each store that answers it. Loops by number, and no function in here: an
 * iterator and what a function closes over are allocated at each call.
 */
function rowsOf(set: RuleSet, counters: CheckCounters, source: Source): readonly Float64Array[] {
  const { counted } = set;
  for (let i = 0; i < counted.length; i++) if (counted[i]!.source === source) return counted[i]!.rows;
  const rows = newRows(set, counters, source);
  counted.push({ source, rows });
  return rows;
}

function newRows({ rules }: RuleSet, counters: CheckCounters, source: Source): readonly Float64Array[] {
  return rules.map(({ id }) => counters.rowOf(id, source));
}
