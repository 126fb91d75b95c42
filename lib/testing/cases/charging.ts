import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { promise } from '../case';
import { ALGORITHMS, rule, times } from '../rates';
import { LONG_MS, type Stage } from '../stage';

const wide = (id: string) => rule(10, LONG_MS, 'fixed-window', { id });
const narrow = (id: string) => rule(2, LONG_MS, 'fixed-window', { id });

/** What a check, a look and a penalty are charged. */
export const charging = [
  ...ALGORITHMS.flatMap((algorithm) => [
    promise(`${algorithm}: a cost is charged as a whole or not at all`, [], async (stage) => {
      const limiter = stage.limiter(rule(5, LONG_MS, algorithm));
      strictEqual((await limiter.check('k', { cost: 4 })).remaining, 1);
      strictEqual((await limiter.check('k', { cost: 2 })).allowed, false);
      strictEqual((await limiter.check('k')).allowed, true);
      const tooMuch = await limiter.check('other', { cost: 6 });
      deepStrictEqual([tooMuch.allowed, tooMuch.reason], [false, 'never-fits']);
      deepStrictEqual(await limiter.left('other'), [5]);
    }),
    promise(`${algorithm}: a denied request is charged nothing`, [], async (stage) => {
      const limiter = stage.limiter(rule(3, LONG_MS, algorithm));
      await limiter.check('k', { cost: 2 });
      for (const cost of [2, 3, 2]) strictEqual((await limiter.check('k', { cost })).allowed, false);
      deepStrictEqual(await limiter.left('k'), [1]);
      strictEqual((await limiter.check('k')).allowed, true);
    }),
    promise(`${algorithm}: a look counts nothing`, [], async (stage) => {
      const limiter = stage.limiter(rule(2, LONG_MS, algorithm));
      for (const cost of [1, 2, 1]) strictEqual((await limiter.peek('k', { cost })).remaining, 2);
      strictEqual((await limiter.peek('k', { cost: 3 })).reason, 'never-fits');
      await limiter.check('k');
      strictEqual((await limiter.peek('k', { cost: 2 })).allowed, false);
      deepStrictEqual(await limiter.left('k'), [1]);
      strictEqual(await limiter.reset('never-checked'), false);
    }),
    promise(`${algorithm}: a penalty is charged also where it does not fit`, [], async (stage) => {
      const limiter = stage.limiter(rule(5, LONG_MS, algorithm));
      deepStrictEqual(await said(limiter.penalize('k', 2)), [true, 3]);
      deepStrictEqual(await said(limiter.penalize('k', 4)), [false, 0]);
      const denied = await limiter.check('k');
      deepStrictEqual([denied.allowed, denied.reason], [false, 'limit']);
    }),
    promise(`${algorithm}: a limit that changes leaves what was charged`, [], async (stage) => {
      const limiter = stage.plans({
        low: rule(10, LONG_MS, algorithm, { id: 'r' }),
        high: rule(100, LONG_MS, algorithm, { id: 'r' }),
      });
      strictEqual((await limiter.check('k', { plan: 'low', cost: 2 })).remaining, 8);
      // A bucket keeps how full it is missing, the others what was counted.
      strictEqual((await limiter.check('k', { plan: 'high' })).remaining, 97);
      strictEqual((await limiter.check('k', { plan: 'low' })).remaining, 6);
      await limiter.check('k', { plan: 'high', cost: 50 });
      strictEqual((await limiter.check('k', { plan: 'low' })).allowed, false);
    }),
  ]),
  promise('a limit of 0 denies and keeps nothing', [], async (stage) => {
    const limiter = stage.limiter(rule(0, LONG_MS));
    strictEqual((await limiter.check('k')).reason, 'never-fits');
    strictEqual(await limiter.reset('k'), false);
  }),
  promise('several rules: a denial by any of them charges none', [], async (stage) => {
    for (const [area, plan, left] of [
      ['first', [narrow('n'), wide('w')], [0, 8]],
      ['last', [wide('w'), narrow('n')], [8, 0]],
    ] as const) {
      const limiter = stage.limiter(plan, `${area}:`);
      strictEqual((await limiter.check('k', { cost: 2 })).allowed, true);
      for (let i = 0; i < 3; i++) strictEqual((await limiter.check('k')).allowed, false);
      deepStrictEqual(await limiter.left('k'), left);
    }
  }),
  promise('several rules: each outcome is that of the rule at its place', [], async (stage) => {
    const limits = [7, 3, 9, 5];
    const limiter = stage.limiter(
      limits.map((limit, i) => rule(limit, LONG_MS, ALGORITHMS[i], { id: `r${i}` })),
    );
    const { rules } = await limiter.check('k', { cost: 2 });
    deepStrictEqual(
      rules.map(({ limit, remaining }) => [limit, remaining]),
      limits.map((limit) => [limit, limit - 2]),
    );
  }),
  promise('eight rules in one check', [], async (stage) => {
    const limiter = stage.limiter(times(8, (i) => rule(10 + i, LONG_MS, 'fixed-window', { id: `r${i}` })));
    await limiter.check('k');
    deepStrictEqual(
      await limiter.left('k'),
      times(8, (i) => 9 + i),
    );
  }),
  promise('a shadow rule never denies, and is charged where it has room', [], async (stage) => {
    const shadow = { ...narrow('tried'), shadow: true };
    for (const [area, plan] of [
      ['before', [shadow, wide('w')]],
      ['behind', [wide('w'), shadow]],
    ] as const) {
      const limiter = stage.limiter(plan, `${area}:`);
      for (let i = 0; i < 3; i++) strictEqual((await limiter.check('k')).allowed, true, area);
      deepStrictEqual(await leftBy(limiter, 'k'), { tried: 0, w: 7 });
    }
  }),
  promise('a shadow rule is charged nothing where the others deny', [], async (stage) => {
    const limiter = stage.limiter([narrow('n'), { ...wide('tried'), shadow: true }]);
    for (let i = 0; i < 4; i++) strictEqual((await limiter.check('k')).allowed, i < 2);
    deepStrictEqual(await leftBy(limiter, 'k'), { n: 0, tried: 8 });
  }),
];

async function said(decision: Promise<{ allowed: boolean; remaining: number }>): Promise<[boolean, number]> {
  const { allowed, remaining } = await decision;
  return [allowed, remaining];
}

async function leftBy(limiter: ReturnType<Stage['limiter']>, key: string): Promise<Record<string, number>> {
  const { rules } = await limiter.peek(key);
  return Object.fromEntries(rules.map((one) => [one.rule, one.remaining]));
}
