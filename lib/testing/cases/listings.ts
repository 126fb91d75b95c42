import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { promise } from '../case';
import { ALGORITHMS, rule, times } from '../rates';
import { LONG_MS, type Asking } from '../stage';

const NAMES = times(25, (i) => `org-${String(i).padStart(2, '0')}`);

async function counted(
  limiter: Asking,
  options?: Parameters<Asking['list']>[0],
): Promise<[string, string, number][]> {
  const listed = await limiter.list(options);
  return listed
    .map(({ rule: id, key, count }): [string, string, number] => [id, key, count])
    .sort((a, b) => (a.join() < b.join() ? -1 : 1));
}

/** What is stored, page by page, and whether the store can be reached. */
export const listings = [
  ...ALGORITHMS.map((algorithm) =>
    promise(
      `a listing has every key once, whatever its pages hold: ${algorithm}`,
      ['scan'],
      async (stage) => {
        const limiter = stage.limiter(rule(100, LONG_MS, algorithm, { id: 'r' }), 'here:');
        const elsewhere = stage.limiter(rule(100, LONG_MS, algorithm, { id: 'r' }), 'elsewhere:');
        await Promise.all(NAMES.map((key, i) => limiter.check(key, { cost: i + 1 })));
        await Promise.all(NAMES.map((key) => elsewhere.check(`not-${key}`)));
        const all = NAMES.map((key, i) => ['r', key, i + 1]);
        for (const pageSize of [1, 4, 25, 1_000]) deepStrictEqual(await counted(limiter, { pageSize }), all);
      },
    ),
  ),
  promise(
    'a listing goes through all rules, or the one that is named, and those keys that match',
    ['scan'],
    async (stage) => {
      const limiter = stage.limiter([
        rule(100, LONG_MS, 'fixed-window', { id: 'a' }),
        rule(100, LONG_MS, 'token-bucket', { id: 'ab' }),
      ]);
      await Promise.all(NAMES.map((key, i) => limiter.check(key, { cost: i + 1 })));
      const of = (id: string, chosen: readonly string[]) =>
        chosen.map((key) => [id, key, NAMES.indexOf(key) + 1]);
      const ones = NAMES.filter((key) => key.startsWith('org-1'));
      deepStrictEqual(await counted(limiter, { pageSize: 3 }), [...of('a', NAMES), ...of('ab', NAMES)]);
      deepStrictEqual(await counted(limiter, { pageSize: 3, rule: 'a' }), of('a', NAMES));
      deepStrictEqual(await counted(limiter, { match: 'org-1*' }), [...of('a', ones), ...of('ab', ones)]);
      deepStrictEqual(await counted(limiter, { match: 'org-07', rule: 'ab' }), of('ab', ['org-07']));
    },
  ),
  promise('a listing says which keys are blocked', ['scan', 'block'], async (stage) => {
    const limiter = stage.limiter(rule(5, LONG_MS));
    await limiter.check('counted', { cost: 2 });
    await limiter.block('denied', LONG_MS);
    const listed = await limiter.list();
    deepStrictEqual(Object.fromEntries(listed.map(({ key, count, blocked }) => [key, [count, blocked]])), {
      counted: [2, false],
      denied: [0, true],
    });
    for (const { key, resetTime } of listed) {
      const leftMs = resetTime - Date.now();
      ok(leftMs > LONG_MS / 2 && leftMs <= LONG_MS, `${key} ends in ${leftMs} ms`);
    }
  }),
  promise('a listing leaves out what was forgotten and what has ended', ['scan'], async (stage) => {
    const limiter = stage.limiter(rule(5, stage.windowMs));
    await limiter.check('ended');
    await stage.pass(stage.windowMs + 1);
    await limiter.check('there');
    await limiter.check('reset');
    await limiter.reset('reset');
    deepStrictEqual(
      (await limiter.list()).map(({ key }) => key),
      ['there'],
    );
  }),
  promise('a listing of nothing ends', ['scan'], async (stage) => {
    deepStrictEqual(await stage.limiter(rule(5, LONG_MS)).list(), []);
  }),
  promise('health says that the store can be reached', [], async (stage) => {
    const limiter = stage.limiter(rule(5, LONG_MS));
    const { healthy, lastError } = await limiter.itself.health();
    strictEqual(healthy, true, String(lastError));
  }),
];
