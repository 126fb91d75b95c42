import { rejects } from 'node:assert/strict';
import { promise } from '../case';
import { rule } from '../rates';
import { LONG_MS, type Asking } from '../stage';
import type { ConformanceCase, OptionalMethod } from '../types';

/** What needs the method. */
const CALLS: { readonly [Method in OptionalMethod]: (limiter: Asking) => Promise<unknown> } = {
  refund: async ({ itself }) => itself.refund(await itself.check('k', 'only')),
  block: ({ itself }) => itself.block('k', LONG_MS),
  scan: ({ itself }) => itself.list().next(),
};

/** Methods that are left out on purpose: said to whoever needs them, and nobody is told that it worked. */
export const absent = Object.entries(CALLS).map(([method, call]): ConformanceCase => ({
  ...promise(`without ${method}: what needs it is refused with ERR_UNSUPPORTED`, [], async (stage) => {
    const limiter = stage.limiter(rule(5, LONG_MS));
    await rejects(() => call(limiter), { code: 'ERR_UNSUPPORTED' });
  }),
  lacks: method as OptionalMethod,
}));
