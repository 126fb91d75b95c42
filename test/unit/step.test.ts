/** The algorithms as a pure function: the vectors of the stores, what is kept, and what is refused. */
import {
  step,
  stepAll,
  stepBlock,
  stepRefund,
  type Kept,
  type StepCall,
  type StepRule,
} from '../../lib/stores/step';
import { ALGORITHMS } from '../../lib/rules/algorithm';
import type { Said, Step } from '../support/player';
import fixedWindow from '../vectors/fixed-window.json';
import fixedWindowOperations from '../vectors/fixed-window-operations.json';
import slidingLog from '../vectors/sliding-log.json';
import slidingWindow from '../vectors/sliding-window.json';
import tokenBucket from '../vectors/token-bucket.json';
import { refusalOf } from './refusal';

interface Vector {
  name: string;
  steps: (Step & { expect: Said })[];
}

const files = [
  ['fixed-window', fixedWindow],
  ['fixed-window-operations', fixedWindowOperations],
  ['sliding-window', slidingWindow],
  ['sliding-log', slidingLog],
  ['token-bucket', tokenBucket],
] as [string, Vector[]][];

/** A multiple of every sub-window of the vectors. */
const START = 1_716_000_000_000;

/** Keeps the states of one key as a database would: one for each rule, forgotten at the end of their time to live. */
class Keeper {
  private readonly kept: (Kept & { until: number })[] = [];
  private readonly charges: { marks: number[]; units: number }[] = [];

  /** @param beside whether each call has a second rule, which never denies first */
  constructor(private readonly beside: boolean) {}

  play(steps: Step[]): Said[] {
    return steps.map((asked, number) => this.take(asked, number, START + asked.at));
  }

  private take(asked: Step, number: number, now: number): Said {
    const rules = this.beside ? [ruleOf(asked), besideOf(asked)] : [ruleOf(asked)];
    const states = rules.map((_, i) => this.stateAt(i, now));
    if (asked.op === 'reset') {
      this.kept.length = 0;
      return { existed: states.some((state) => state !== null) };
    }
    if (asked.op === 'block') {
      rules.forEach((_, i) => this.keep(i, stepBlock(asked.ms!, now), now));
      return { blocked: true };
    }
    if (asked.op === 'refund') {
      const { marks, units } = this.charges[asked.of!]!;
      const given = rules.map((rule, i) =>
        stepRefund(rule, states[i]!, asked.units ?? units, marks[i]!, now),
      );
      given.forEach((kept, i) => this.keep(i, kept, now));
      return { refunded: given.some(({ changed }) => changed) };
    }
    const mode = ({ check: 'charge', peek: 'peek', penalize: 'force' } as const)[asked.op];
    const units = asked.cost ?? 1;
    const results = stepAll(
      { mode, units, items: rules.map((rule, i) => ({ rule, state: states[i]! })) },
      now,
    );
    results.forEach((result, i) => {
      expect(result.changed || result.state === states[i]).toBe(true);
      this.keep(i, result, now);
    });
    this.charges[number] = { marks: results.map(({ outcome }) => outcome.mark), units };
    const { allowed, remaining, resetInMs, retryAfterMs, blocked } = results[0]!.outcome;
    const said = { allowed, remaining, resetInMs, retryAfterMs };
    return blocked ? { ...said, blocked } : said;
  }

  private keep(place: number, kept: Kept, now: number): void {
    this.kept[place] = { ...kept, until: now + kept.expiresInMs };
  }

  private stateAt(place: number, now: number): string | null {
    const kept = this.kept[place];
    return kept !== undefined && now < kept.until ? kept.state : null;
  }
}

function ruleOf({ algorithm = 'fixed-window', limit, windowMs, burst }: Step): StepRule {
  return { algorithm: algorithm as StepRule['algorithm'], limit, windowMs, burst };
}

function besideOf(asked: Step): StepRule {
  const rule = ruleOf(asked);
  switch (rule.algorithm) {
    case 'token-bucket':
      return rule.limit > 0 ? { ...rule, burst: (rule.burst ?? rule.limit) + 1000 } : rule;
    case 'sliding-log':
      return { ...rule, limit: 10_000 };
    case 'fixed-window':
    case 'sliding-window':
      return { ...rule, limit: Number.MAX_SAFE_INTEGER };
  }
}

describe.each(files)('%s', (_, vectors) => {
  test.each([false, true])('beside another: %j', (beside) => {
    const said = vectors.map(({ name, steps }) => ({ name, steps: new Keeper(beside).play(steps) }));
    expect(said).toEqual(
      vectors.map(({ name, steps }) => ({ name, steps: steps.map(({ expect }) => expect) })),
    );
  });
});

const rule: StepRule = { algorithm: 'fixed-window', limit: 2, windowMs: 60_000 };

test('one rule: what is decided, what is to be kept, and for how long', () => {
  const first = step(rule, null, 2, START);
  expect(first).toEqual({
    outcome: {
      allowed: true,
      remaining: 0,
      resetInMs: 60_000,
      retryAfterMs: 0,
      used: 2,
      blocked: false,
      mark: START + 59_999,
    },
    state: expect.stringMatching(/^[!-~]+$/),
    changed: true,
    expiresInMs: 60_000,
  });
  const denied = step(rule, first.state, 1, START + 1);
  expect(denied.outcome).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 59_999 });
  expect(denied).toMatchObject({ state: first.state, changed: false, expiresInMs: 59_999 });
  expect(step(rule, first.state, 3, START).outcome.retryAfterMs).toBe(-1);
  expect(step(rule, null, 3, START)).toMatchObject({ state: null, changed: false, expiresInMs: 0 });
});

test('all rules or none', () => {
  const wide: StepRule = { algorithm: 'token-bucket', limit: 5, windowMs: 1_000, burst: 9 };
  const call = (shadow: boolean): StepCall => ({
    mode: 'charge',
    units: 3,
    items: [
      { rule: wide, state: null },
      { rule: { ...rule, shadow }, state: null },
    ],
  });
  const denied = stepAll(call(false), START);
  expect(denied.map(({ outcome, changed }) => [outcome.allowed, changed])).toEqual([
    [true, false],
    [false, false],
  ]);
  const tried = stepAll(call(true), START);
  expect(tried.map(({ outcome, changed }) => [outcome.allowed, changed])).toEqual([
    [true, true],
    [false, false],
  ]);
});

test('a state that another algorithm left starts afresh', () => {
  for (const algorithm of ALGORITHMS) {
    const { state } = step({ ...rule, algorithm }, null, 2, START);
    for (const other of ALGORITHMS) {
      const { outcome } = step({ ...rule, algorithm: other }, state, 2, START);
      expect(outcome.allowed).toBe(other !== algorithm);
    }
  }
});

test('a block holds under every algorithm', () => {
  const { state, expiresInMs } = stepBlock(500, START);
  expect(expiresInMs).toBe(500);
  for (const algorithm of ALGORITHMS) {
    const { outcome, changed } = step({ ...rule, algorithm }, state, 1, START + 100);
    expect(outcome).toMatchObject({ allowed: false, blocked: true, retryAfterMs: 400 });
    expect(changed).toBe(false);
    expect(step({ ...rule, algorithm }, state, 1, START + 500).outcome.allowed).toBe(true);
  }
});

const bad = <T>(value: unknown) => value as T;
const item = { rule, state: null };
const call = (change: object): StepCall => ({ mode: 'charge', units: 1, items: [item], ...change });
const ruled = (change: object) => () => step({ ...rule, ...change }, null, 1, START);

test.each<[RegExp, () => unknown]>([
  [/^rule must be an object, not null/, () => step(bad(null), null, 1, START)],
  [/^Unknown field "rule\.window"/, ruled({ window: 5 })],
  [/^rule\.algorithm must be one of fixed-window, .*, not "leaky"/, ruled({ algorithm: 'leaky' })],
  [/^rule\.limit must be an integer from 0 to 2\^53-1, not -1/, ruled({ limit: -1 })],
  [/^rule\.limit .* not 1\.5/, ruled({ limit: 1.5 })],
  [/^rule\.limit .* not undefined/, ruled({ limit: undefined })],
  [/^rule\.windowMs must be .* from 1 to ten years, not 0/, ruled({ windowMs: 0 })],
  [/^rule\.windowMs .* not 315360000001/, ruled({ windowMs: 315_360_000_001 })],
  [/^rule\.shadow must be true or false, not 1/, ruled({ shadow: 1 })],
  [/^rule\.burst: only algorithm 'token-bucket' has a burst/, ruled({ burst: 5 })],
  [/^rule\.burst must be an integer from 1/, ruled({ algorithm: 'token-bucket', burst: 0 })],
  [/^rule\.burst: a limit of 0/, ruled({ algorithm: 'token-bucket', limit: 0, burst: 5 })],
  [/^rule\.limit: a sliding log .* at most 10000/, ruled({ algorithm: 'sliding-log', limit: 10_001 })],
  [/^rule\.limit: in a window of 1m .* at most/, ruled({ algorithm: 'token-bucket', burst: 2 ** 52 })],
  [/^units must be an integer from 1 to 2\^53-1, not 0/, () => step(rule, null, 0, START)],
  [/^units .* not 0\.5/, () => step(rule, null, 0.5, START)],
  [/^nowMs must be whole milliseconds, .* not -1/, () => step(rule, null, 1, -1)],
  [/^nowMs .* not 0\.5/, () => step(rule, null, 1, 0.5)],
  [/^nowMs .* not NaN/, () => step(rule, null, 1, NaN)],
  [/^nowMs .* not 8640000000000001/, () => step(rule, null, 1, 8.64e15 + 1)],
  [/^nowMs .* not an object/, () => step(rule, null, 1, bad(new Date()))],
  [/^state must be what a step gave, or null .*, not undefined/, () => step(rule, bad(undefined), 1, START)],
  [/^state must be .* not 5/, () => step(rule, bad(5), 1, START)],
  [/^state is not a state: .* null to start afresh/, () => step(rule, '', 1, START)],
  [/^state is not a state/, () => step(rule, '1:f,5', 1, START)],
  [/^state is not a state/, () => step(rule, '1:f,5,1\u0661', 1, START)],
  [/^state is not a state/, () => stepRefund(rule, '2:f,5,1', 1, 5, START)],
  [/^mark must be the mark of an outcome, not NaN/, () => stepRefund(rule, null, 1, NaN, START)],
  [/^mark .* not 1e\+300/, () => stepRefund(rule, null, 1, 1e300, START)],
  [/^mark .* not undefined/, () => stepRefund(rule, null, 1, bad(undefined), START)],
  [/^ms must be an integer from 1 to 315360000000, not 0/, () => stepBlock(0, START)],
  [/^nowMs /, () => stepBlock(1, -1)],
  [/^The call of a step must be an object/, () => stepAll(bad('charge'), START)],
  [/^Unknown field "cost"/, () => stepAll(call({ cost: 1 }), START)],
  [/^mode must be 'charge', 'peek' or 'force', not "check"/, () => stepAll(call({ mode: 'check' }), START)],
  [/^units must be/, () => stepAll(call({ units: '1' }), START)],
  [/^items must be an array of 1 to 8 rules/, () => stepAll(call({ items: [] }), START)],
  [/^items must be/, () => stepAll(call({ items: Array(9).fill(item) }), START)],
  [/^items\[1\] must be an object, not undefined/, () => stepAll(call({ items: [item, undefined] }), START)],
  [/^items\[0\] must be an object, not undefined/, () => stepAll(call({ items: Array(1) }), START)],
  [/^items\[1\]\.rule must be/, () => stepAll(call({ items: [item, { state: null }] }), START)],
  [
    /^items\[1\]\.rule\.limit must be/,
    () => stepAll(call({ items: [item, { ...item, rule: { ...rule, limit: '5' } }] }), START),
  ],
  [
    /^items\[1\]\.state is not a state/,
    () => stepAll(call({ items: [item, { ...item, state: 'x' }] }), START),
  ],
])('refuses with %s', (message, refused) => {
  const error = refusalOf(refused);
  expect(error.code).toBe('ERR_INVALID_OPTION');
  expect(error.message).toMatch(message);
});
