import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { promise } from '../case';
import { ALGORITHMS, rule } from '../rates';
import { LONG_MS } from '../stage';

/** Units that are given back. */
export const refunds = [
  ...ALGORITHMS.flatMap((algorithm) => [
    promise(
      `${algorithm}: a refund gives units back to the charge of its decision`,
      ['refund'],
      async (stage) => {
        const limiter = stage.limiter(rule(5, LONG_MS, algorithm));
        const decision = await limiter.check('k', { cost: 4 });
        strictEqual(await limiter.refund(decision, 3), true);
        deepStrictEqual(await limiter.left('k'), [4]);
        strictEqual((await limiter.check('k', { cost: 4 })).allowed, true);
      },
    ),
    promise(
      `${algorithm}: a refund after its time gives nothing, and takes nothing from what came since`,
      ['refund'],
      async (stage) => {
        const limiter = stage.limiter(rule(5, stage.windowMs, algorithm));
        const decision = await limiter.check('k', { cost: 2 });
        await stage.pass(stage.windowMs * 1.1 + 1);
        const again = stage.limiter(rule(5, LONG_MS, algorithm));
        await again.check('k', { cost: 3 });
        strictEqual(await limiter.refund(decision), false);
        deepStrictEqual(await again.left('k'), [2]);
      },
    ),
    promise(`${algorithm}: a refund after a reset makes no key`, ['refund'], async (stage) => {
      const limiter = stage.limiter(rule(5, LONG_MS, algorithm));
      const decision = await limiter.check('k', { cost: 2 });
      await limiter.reset('k');
      strictEqual(await limiter.refund(decision), false);
      deepStrictEqual(await limiter.left('k'), [5]);
      strictEqual(await limiter.reset('k'), false);
    }),
  ]),
  promise('a decision is given back once, and no more than it was charged', ['refund'], async (stage) => {
    const limiter = stage.limiter(rule(5, LONG_MS));
    await limiter.check('k', { cost: 2 });
    const decision = await limiter.check('k');
    await rejects(() => limiter.refund(decision, 2), { code: 'ERR_INVALID_OPTION' });
    strictEqual(await limiter.refund(decision), true);
    await limiter.refund(decision).catch(() => false);
    deepStrictEqual(await limiter.left('k'), [3]);
  }),
  promise('a denied decision has nothing to give back, the one before it has', ['refund'], async (stage) => {
    const limiter = stage.limiter(rule(2, LONG_MS));
    const admitted = await limiter.check('k', { cost: 2 });
    const denied = await limiter.check('k');
    strictEqual(await limiter.refund(denied), false);
    deepStrictEqual(await limiter.left('k'), [0]);
    strictEqual(await limiter.refund(admitted), true);
    deepStrictEqual(await limiter.left('k'), [2]);
  }),
  promise('a refund goes to all rules that were charged', ['refund'], async (stage) => {
    const limiter = stage.limiter(ALGORITHMS.map((name) => rule(5, LONG_MS, name, { id: name })));
    const decision = await limiter.check('k', { cost: 3 });
    strictEqual(await limiter.refund(decision, 2), true);
    deepStrictEqual(await limiter.left('k'), [4, 4, 4, 4]);
  }),
  promise('a refund leaves rules alone that were not charged', ['refund'], async (stage) => {
    const limiter = stage.limiter([
      rule(9, LONG_MS, 'fixed-window', { id: 'counts' }),
      rule(2, LONG_MS, 'fixed-window', { id: 'tried', shadow: true }),
    ]);
    await limiter.check('k', { cost: 2 });
    const decision = await limiter.check('k');
    strictEqual(await limiter.refund(decision), true);
    const { rules } = await limiter.peek('k');
    deepStrictEqual(Object.fromEntries(rules.map((one) => [one.rule, one.remaining])), {
      counts: 7,
      tried: 0,
    });
  }),
];
