import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { promise } from '../case';
import { ALGORITHMS, rule } from '../rates';

/** Windows that end. Elsewhere nothing does while a case runs. */
export const time = [
  ...ALGORITHMS.flatMap((algorithm) => [
    promise(`${algorithm}: who waits retryAfterMs is admitted`, [], async (stage) => {
      const limiter = stage.limiter(rule(2, stage.windowMs, algorithm));
      await limiter.check('k', { cost: 2 });
      const { allowed, retryAfterMs } = await limiter.check('k');
      strictEqual(allowed, false);
      ok(retryAfterMs > 0 && retryAfterMs <= stage.windowMs * 1.1, `a wait of ${retryAfterMs} ms`);
      await stage.pass(retryAfterMs);
      strictEqual((await limiter.check('k')).allowed, true);
    }),
    promise(`${algorithm}: after its time a key is as new`, [], async (stage) => {
      const limiter = stage.limiter(rule(3, stage.windowMs, algorithm));
      await limiter.check('k', { cost: 3 });
      await stage.pass(stage.windowMs * 1.1 + 1);
      deepStrictEqual(await limiter.left('k'), [3]);
      strictEqual((await limiter.check('k', { cost: 3 })).allowed, true);
    }),
  ]),
  promise('a window begins with its first charge, and later ones do not lengthen it', [], async (stage) => {
    const limiter = stage.limiter(rule(10, stage.windowMs));
    for (const part of [0.3, 0.3, 0.5]) {
      await limiter.check('k');
      await stage.pass(stage.windowMs * part);
    }
    deepStrictEqual(await limiter.left('k'), [10]);
  }),
  promise('a denied request does not lengthen a window', [], async (stage) => {
    const limiter = stage.limiter(rule(1, stage.windowMs));
    await limiter.check('k');
    await stage.pass(stage.windowMs * 0.5);
    strictEqual((await limiter.check('k')).allowed, false);
    await stage.pass(stage.windowMs * 0.5 + 1);
    strictEqual((await limiter.check('k')).allowed, true);
  }),
  promise('a look begins no window', [], async (stage) => {
    const limiter = stage.limiter(rule(1, stage.windowMs));
    await limiter.peek('k');
    await stage.pass(stage.windowMs * 0.5);
    await limiter.check('k');
    await stage.pass(stage.windowMs * 0.6);
    strictEqual((await limiter.check('k')).allowed, false);
  }),
  promise('windows of one plan end each by itself', [], async (stage) => {
    const limiter = stage.limiter([
      rule(5, stage.windowMs, 'fixed-window', { id: 'short' }),
      rule(5, stage.windowMs * 100, 'fixed-window', { id: 'long' }),
    ]);
    await limiter.check('k', { cost: 2 });
    await stage.pass(stage.windowMs + 1);
    deepStrictEqual(await limiter.left('k'), [5, 3]);
  }),
];
