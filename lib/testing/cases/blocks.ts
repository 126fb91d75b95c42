import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { promise } from '../case';
import { ALGORITHMS, rule } from '../rates';
import { LONG_MS } from '../stage';

/** Keys that are denied for a time, and keys that are forgotten. */
export const blocks = [
  ...ALGORITHMS.flatMap((algorithm) => [
    promise(
      `${algorithm}: a block denies for its time, and then the key starts afresh`,
      ['block'],
      async (stage) => {
        const limiter = stage.limiter(rule(5, LONG_MS, algorithm));
        await limiter.check('k', { cost: 3 });
        await limiter.block('k', stage.windowMs);
        for (const call of ['check', 'peek'] as const) {
          const { allowed, reason, remaining } = await limiter[call]('k');
          deepStrictEqual([allowed, reason, remaining], [false, 'blocked', 0]);
        }
        await stage.pass(stage.windowMs + 1);
        deepStrictEqual(await limiter.left('k'), [5]);
        strictEqual((await limiter.check('k')).allowed, true);
      },
    ),
    promise(
      `${algorithm}: a block that is longer than the window stays for its time`,
      ['block'],
      async (stage) => {
        const limiter = stage.limiter(rule(5, stage.windowMs / 4, algorithm));
        await limiter.block('k', LONG_MS);
        await stage.pass(stage.windowMs);
        strictEqual((await limiter.check('k')).reason, 'blocked');
      },
    ),
  ]),
  promise('a penalty of a blocked key neither lengthens nor ends the block', ['block'], async (stage) => {
    const limiter = stage.limiter(rule(5, stage.windowMs * 10));
    await limiter.block('k', stage.windowMs);
    strictEqual((await limiter.penalize('k', 3)).reason, 'blocked');
    await stage.pass(stage.windowMs + 1);
    deepStrictEqual(await limiter.left('k'), [5]);
  }),
  promise('a block holds under all rules, and a denied check charges none', ['block'], async (stage) => {
    const limiter = stage.limiter([
      rule(5, LONG_MS, 'fixed-window', { id: 'a' }),
      rule(5, LONG_MS, 'token-bucket', { id: 'b' }),
    ]);
    await limiter.block('k', LONG_MS);
    const { allowed, rules } = await limiter.check('k');
    strictEqual(allowed, false);
    deepStrictEqual(
      rules.map((one) => one.allowed),
      [false, false],
    );
    strictEqual((await limiter.check('other')).allowed, true);
  }),
  promise('a reset lifts a block', ['block'], async (stage) => {
    const limiter = stage.limiter(rule(5, LONG_MS));
    await limiter.block('k', LONG_MS);
    strictEqual(await limiter.reset('k'), true);
    strictEqual((await limiter.check('k')).remaining, 4);
  }),
  promise('a refund does not lift a block', ['block', 'refund'], async (stage) => {
    const limiter = stage.limiter(rule(5, LONG_MS));
    const decision = await limiter.check('k');
    await limiter.block('k', LONG_MS);
    strictEqual(await limiter.refund(decision), false);
    strictEqual((await limiter.check('k')).reason, 'blocked');
  }),
  promise(
    'a reset forgets one key under all rules, says whether there was one, and leaves the others',
    [],
    async (stage) => {
      const limiter = stage.limiter(ALGORITHMS.map((name) => rule(5, LONG_MS, name, { id: name })));
      await limiter.check('k', { cost: 2 });
      await limiter.check('other', { cost: 2 });
      strictEqual(await limiter.reset('k'), true);
      deepStrictEqual(await limiter.left('k'), [5, 5, 5, 5]);
      deepStrictEqual(await limiter.left('other'), [3, 3, 3, 3]);
      strictEqual(await limiter.reset('k'), false);
    },
  ),
  promise('a reset of one rule leaves the others', [], async (stage) => {
    const limiter = stage.limiter([
      rule(5, LONG_MS, 'fixed-window', { id: 'a' }),
      rule(5, LONG_MS, 'fixed-window', { id: 'b' }),
    ]);
    await limiter.check('k', { cost: 2 });
    strictEqual(await limiter.reset('k', { rule: 'b' }), true);
    deepStrictEqual(await limiter.left('k'), [3, 5]);
  }),
];
