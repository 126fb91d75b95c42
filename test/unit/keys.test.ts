/** Keys as TypeScript composes them, and as the core does: the same cases (test/core/key_test.cpp), and what Redis is sent. */
import { createRateLimiter } from 'spillway';
import { encodeSubject, keyFront, keyOf, keyTail, subjectIn } from '../../lib/stores/keys';
import { owner } from '../support/owned';
import { RedisServer } from '../support/redis';
import vectors from '../vectors/keys.json';

const own = owner();

test.each(vectors)('$key', ({ prefix, subject, part, key }) => {
  expect(keyOf(prefix, subject, part)).toBe(key);
  expect(keyFront(prefix, part) + encodeSubject(subject) + keyTail(part)).toBe(key);
  expect(subjectIn(key, keyFront(prefix, part), keyTail(part))).toBe(subject);
});

/** The same numbers for the same seed, from 0 up to `below`. */
function randomsOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const PIECES = [
  '%',
  '{',
  '}',
  '}:',
  '%7B',
  '%25',
  '\0',
  '\x1f',
  '\x7f',
  '\x80',
  '\n',
  ' ',
  ':',
  '@',
  'a',
  'Z',
  '*',
  '😀',
  'é',
  '日',
];

test('random subjects under random rules: Redis has the keys that TypeScript composes', async () => {
  const server = await own(RedisServer.start());
  const random = randomsOf(20_260_101);
  const expected = new Set<string>();
  const rate = '5/h';
  const plans = {
    bare: { rate },
    named: [{ rate }, { rate, id: 'r-1' }, { rate, id: 'r-1b', algorithm: 'token-bucket' }],
    made: { rate, algorithm: 'sliding-log' },
  } as const;
  const parts = { bare: [''], named: ['', 'r-1', 'r-1b@token-bucket'], made: ['@sliding-log-1h'] };
  for (const prefix of ['ratelimit:', 'p%', 'é:']) {
    const limiter = await own(createRateLimiter({ redis: server.url, plans, prefix, timeoutMs: 10_000 }));
    for (let i = 0; i < 150; i++) {
      const subject = Array.from({ length: 1 + random(8) }, () => PIECES[random(PIECES.length)]).join('');
      const plan = (['bare', 'named', 'made'] as const)[random(3)]!;
      expect(await limiter.check(subject, plan)).toMatchObject({ source: 'redis' });
      for (const part of parts[plan]) expected.add(keyOf(prefix, subject, part));
    }
  }
  const keys = (await server.command('KEYS', '*')) as string[];
  expect(keys.sort()).toEqual([...expected].sort());
});
