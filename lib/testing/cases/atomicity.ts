import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { promise } from '../case';
import { ALGORITHMS, rule, times } from '../rates';
import { LONG_MS } from '../stage';

const allowedOf = (decisions: readonly { allowed: boolean }[]) =>
  decisions.filter(({ allowed }) => allowed).length;
const descending = (a: number, b: number) => b - a;

/** Many calls at once, as a server makes them. */
export const atomicity = [
  ...ALGORITHMS.map((algorithm) =>
    promise(
      `many at once, ${algorithm}: as many as the limit are admitted, each told what is left`,
      [],
      async (stage) => {
        const limiter = stage.limiter(rule(10, LONG_MS, algorithm));
        const decisions = await Promise.all(times(40, () => limiter.check('k')));
        const admitted = decisions.filter(({ allowed }) => allowed);
        deepStrictEqual(
          admitted.map(({ remaining }) => remaining).sort(descending),
          times(10, (i) => 9 - i),
        );
        deepStrictEqual(await limiter.left('k'), [0]);
      },
    ),
  ),
  promise('many at once, of a cost each: none is charged in part', [], async (stage) => {
    const limiter = stage.limiter(rule(10, LONG_MS));
    const decisions = await Promise.all(times(20, () => limiter.check('k', { cost: 3 })));
    strictEqual(allowedOf(decisions), 3);
    deepStrictEqual(await limiter.left('k'), [1]);
  }),
  promise('several limiters over one store count together', [], async (stage) => {
    const limiters = times(3, () => stage.limiter(rule(10, LONG_MS)));
    const decisions = await Promise.all(times(30, (i) => limiters[i % 3]!.check('k')));
    strictEqual(allowedOf(decisions), 10);
    for (const limiter of limiters) deepStrictEqual(await limiter.left('k'), [0]);
  }),
  promise('several rules, many at once: all are charged or none', [], async (stage) => {
    const limiter = stage.limiter([
      rule(20, LONG_MS, 'fixed-window', { id: 'wide' }),
      rule(5, LONG_MS, 'sliding-log', { id: 'narrow' }),
      rule(20, LONG_MS, 'token-bucket', { id: 'bucket' }),
    ]);
    const decisions = await Promise.all(times(30, () => limiter.check('k')));
    strictEqual(allowedOf(decisions), 5);
    deepStrictEqual(await limiter.left('k'), [15, 0, 15]);
  }),
  promise(
    'the same rules in opposite order, many at once: no call waits for another, and none is lost',
    [],
    async (stage) => {
      const a = rule(12, LONG_MS, 'token-bucket', { id: 'a' });
      const b = rule(12, LONG_MS, 'sliding-log', { id: 'b' });
      const limiter = stage.plans({ forth: [a, b], back: [b, a] });
      const decisions = await Promise.all(
        times(30, (i) => limiter.check('k', { plan: i % 2 === 0 ? 'forth' : 'back' })),
      );
      strictEqual(allowedOf(decisions), 12);
      deepStrictEqual(await limiter.left('k', 'forth'), [0, 0]);
    },
  ),
  promise('keys that are asked at once do not disturb each other', [], async (stage) => {
    const limiter = stage.limiter(rule(3, LONG_MS));
    const keys = times(20, (i) => `k${i}`);
    const rounds = await Promise.all(times(4, () => Promise.all(keys.map((key) => limiter.check(key)))));
    strictEqual(allowedOf(rounds.flat()), 60);
    for (const key of keys) deepStrictEqual(await limiter.left(key), [0]);
  }),
];
