import { Model, type AlgorithmName, type Charged, type ModelRule, type Said } from './model';
import type { Step } from './player';

/** A small generator whose numbers depend on the seed alone. */
export function random(seed: number): (below: number) => number {
  let state = seed % 2_147_483_647 || 1;
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below;
}

export interface Sequence {
  steps: Step[];
  expected: Record<string, unknown>[];
}

/** Some have tenths of one width. */
const WINDOWS = [1, 7, 10, 98, 100, 1_000, 60_000];

/** A sequence of every operation on one key, with moments that are edges more often than chance would have it. */
export function draw(
  algorithm: AlgorithmName,
  next: (below: number) => number,
  length: number,
  from: number,
): Sequence {
  // A plan that changes, or two that share an id: half of the sequences have a second window, and some a third.
  const first = next(WINDOWS.length);
  const windows = [
    first,
    first,
    next(2) === 0 ? next(WINDOWS.length) : first,
    next(5) === 0 ? next(WINDOWS.length) : first,
  ];
  const most = 1 + next(12);
  // The rate of a bucket stays: a key's expiry is when it is full by the rate of its last charge.
  const limits =
    algorithm === 'token-bucket' ? [most] : [most, most, most, Math.max(1, most - 3), most + 5, 0];
  const model = new Model();
  const charges: [rule: ModelRule, charged: Charged][] = [];
  const refundable: number[] = [];
  const sequence: Sequence = { steps: [], expected: [] };
  let at = from;
  let edge = 0;
  for (let i = 0; i < length; i++) {
    const windowMs = WINDOWS[windows[next(windows.length)]!]!;
    at += advance(next, windowMs, edge);
    const limit = limits[next(limits.length)]!;
    const burst = algorithm === 'token-bucket' ? Math.max(1, limit + next(6) - 2) : limit;
    const rule: ModelRule = { algorithm, limit, windowMs, burst };
    const step: Step = { op: 'check', at, limit, windowMs, algorithm };
    if (algorithm === 'token-bucket') step.burst = burst;
    const kind = next(30);
    if (kind === 0) {
      step.op = 'block';
      step.ms = 1 + next(windowMs);
      model.block(step.ms, at);
      // A window that begins at once where another was forgotten can be taken for it.
      refundable.length = 0;
      edge = step.ms;
      push(sequence, step, { blocked: true });
    } else if (kind === 1) {
      // Whether a key existed on which nothing is counted any more is not told.
      step.op = 'reset';
      model.forget();
      refundable.length = 0;
      push(sequence, step, {});
    } else if (kind < 6 && refundable.length > 0) {
      step.op = 'refund';
      step.of = refundable.splice(next(refundable.length), 1)[0]!;
      // Under the rule of the charge, whatever limit and window are by now.
      const [charging, charge] = charges[step.of]!;
      step.units = 1 + next(charge.units);
      const refunded = model.refund(charging, charge, step.units, at);
      if (refunded === undefined) i--;
      else push(sequence, step, { refunded });
    } else {
      step.op = kind < 9 ? 'penalize' : kind < 13 ? 'peek' : 'check';
      step.cost = next(3) === 0 ? 1 + next(most + 2) : 1;
      const [said, charged] = model.ask(step.op, rule, step.cost, at);
      if (charged !== undefined) {
        charges[i] = [rule, charged];
        refundable.push(i);
      }
      edge = next(2) === 0 ? said.resetInMs : Math.max(0, said.retryAfterMs);
      push(sequence, step, shown(said));
    }
  }
  return sequence;
}

function push(sequence: Sequence, step: Step, expected: Record<string, unknown>): void {
  sequence.steps.push(step);
  sequence.expected.push(expected);
}

function shown({ blocked, ...said }: Said): Record<string, unknown> {
  return blocked ? { ...said, blocked } : { ...said };
}

/** Milliseconds until the next step: none, few, a part of the window, or to an edge and beside it. */
function advance(next: (below: number) => number, windowMs: number, edge: number): number {
  switch (next(6)) {
    case 0:
    case 1:
      return 0;
    case 2:
      return 1 + next(3);
    case 3:
      return next(windowMs);
    case 4:
      return Math.max(0, edge + next(3) - 1);
    default:
      return next(8) === 0 ? 3 * windowMs : Math.ceil(windowMs / 10);
  }
}
