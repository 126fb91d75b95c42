import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { promise } from '../case';
import { rule, times } from '../rates';
import { LONG_MS } from '../stage';

/** Ids that a store may take for one another: by what it escapes, cuts off, folds or normalizes. */
const KEYS = [
  ...['a', 'A', 'a ', ' a', 'a\t', 'a\n', 'a\0', 'a\0b', '\0', ' ', '  '],
  ...['%', '%%', '%00', '%25', '%7B', '%7b', '{', '}', '{}', '{a}', 'a}', '{a', '}:r', 'a}:r'],
  ...['*', 'a*', '?', '[a]', '\\', "'", '"', '`', ';', '/', '..', '../a', 'a/b', ':', 'a:b', '$1', '_', 'a_'],
  ...[
    'é',
    'e\u0301',
    'ß',
    'ss',
    'ı',
    'i',
    'I',
    '日本',
    '😀',
    '\u200b',
    '\ufeffa',
    'ａ',
    '__proto__',
    'constructor',
  ],
  ...['x'.repeat(1_023), 'x'.repeat(1_024), '😀'.repeat(256), '%'.repeat(1_024)],
];

/** Who is who. */
export const keys = [
  promise('any two ids count apart', [], async (stage) => {
    const limiter = stage.limiter(rule(1_000, LONG_MS));
    await Promise.all(KEYS.map((key, i) => limiter.check(key, { cost: i + 1 })));
    const used = await Promise.all(KEYS.map(async (key) => [key, 1_000 - (await limiter.left(key))[0]!]));
    deepStrictEqual(
      used,
      KEYS.map((key, i) => [key, i + 1]),
    );
  }),
  promise('a reset forgets exactly the id that is meant', [], async (stage) => {
    const limiter = stage.limiter(rule(2, LONG_MS));
    await Promise.all(KEYS.map((key) => limiter.check(key)));
    const gone = KEYS.filter((_, i) => i % 2 === 0);
    for (const key of gone) strictEqual(await limiter.reset(key), true, JSON.stringify(key));
    const left = await Promise.all(KEYS.map(async (key) => (await limiter.left(key))[0]));
    deepStrictEqual(
      left,
      KEYS.map((_, i) => (i % 2 === 0 ? 2 : 1)),
    );
  }),
  promise('a listing gives every id back as it was', ['scan'], async (stage) => {
    const limiter = stage.limiter(rule(1_000, LONG_MS));
    await Promise.all(KEYS.map((key, i) => limiter.check(key, { cost: i + 1 })));
    const listed = await limiter.list({ pageSize: 7 });
    deepStrictEqual(
      new Map(listed.map(({ key, count }) => [key, count])),
      new Map(KEYS.map((key, i) => [key, i + 1])),
    );
    strictEqual(listed.length, KEYS.length);
  }),
  promise('rules of one key count apart', [], async (stage) => {
    const names = ['r', 'r1', 'R', 'r-1', 's'];
    const limiter = stage.plans(
      Object.fromEntries(names.map((id) => [id, rule(1_000, LONG_MS, 'sliding-log', { id })])),
    );
    await Promise.all(names.map((plan, i) => limiter.check('k', { plan, cost: i + 1 })));
    const left = await Promise.all(names.map((plan) => limiter.left('k', plan)));
    deepStrictEqual(
      left,
      times(names.length, (i) => [999 - i]),
    );
  }),
  promise('limiters of other prefixes count apart', [], async (stage) => {
    const areas = ['', 'a', 'a:', 'A:', 'a:b:'];
    const limiters = areas.map((area) => stage.limiter(rule(10, LONG_MS), area));
    await Promise.all(limiters.map((limiter, i) => limiter.check('k', { cost: i + 1 })));
    const left = await Promise.all(limiters.map((limiter) => limiter.left('k')));
    deepStrictEqual(
      left,
      areas.map((_, i) => [9 - i]),
    );
  }),
];
