/** Plans of several rules, through the public API on both stores. */
import { createRateLimiter, TIERS, type Rate } from 'spillway';
import { bothStores } from './support/both-stores';
import { left } from './support/decisions';
import { FakeRedis } from './support/fake-redis';
import { times } from './support/ledger';
import { owner } from './support/owned';

const own = owner();

describe.each(bothStores())('%s', (source, common) => {
  test('a denial by one charges none', async () => {
    const limiter = await own(
      createRateLimiter({
        ...common(),
        plans: { P: ['100/h', '3/m', { rate: '50/d', algorithm: 'sliding-log' }] },
      }),
    );
    await times(3, () => limiter.check('k', 'P'));
    const denials = await times(5, () => limiter.check('k', 'P'));
    for (const denied of denials) {
      expect(denied).toMatchObject({ allowed: false, reason: 'limit', rule: 'P:1m', limit: 3, source });
      expect(denied.rules.map(({ allowed }) => allowed)).toEqual([true, false, true]);
      expect(left(denied)).toEqual([97, 0, 47]);
    }
    expect(await limiter.peek('k', 'P')).toMatchObject({ allowed: false, rule: 'P:1m' });
    expect(left(await limiter.peek('k', 'P'))).toEqual([97, 0, 47]);
  });

  test('one step for checks that ask at once', async () => {
    const limiter = await own(createRateLimiter({ ...common(), plans: { P: ['10/h', '4/m'] } }));
    const decisions = await times(9, () => limiter.check('k', 'P'));
    expect(decisions.map(({ allowed }) => allowed)).toEqual([
      ...Array(4).fill(true),
      ...Array(5).fill(false),
    ]);
    expect(decisions.slice(0, 4).map(left)).toEqual([
      [9, 3],
      [8, 2],
      [7, 1],
      [6, 0],
    ]);
    expect(left(await limiter.peek('k', 'P'))).toEqual([6, 0]);
  });

  test('the tiers', async () => {
    const limiter = await own(createRateLimiter({ ...common(), plans: TIERS }));
    const free = await times(11, () => limiter.check('f', 'free'));
    expect(free.filter(({ allowed }) => allowed)).toHaveLength(10);
    const premium = await times(101, () => limiter.check('p', 'premium'));
    expect(premium.filter(({ allowed }) => allowed)).toHaveLength(100);
    expect(premium[100]).toMatchObject({ reason: 'limit', rule: 'premium:token-bucket-1m', limit: 100 });
    expect(left(await limiter.check('e', 'enterprise', { cost: 500 }))).toEqual([9_500, 0]);
    expect(await limiter.check('e', 'enterprise', { cost: 501 })).toMatchObject({ reason: 'never-fits' });
  });

  test('a plan that changes keeps the counts that both have', async () => {
    const limiter = await own(
      createRateLimiter({ ...common(), plans: { A: ['100/h', '10/m'], B: ['1000/h', '50/m'] } }),
    );
    await times(4, () => limiter.check('k', 'A'));
    expect(left(await limiter.check('k', 'B'))).toEqual([995, 45]);
  });

  test('other plans at run time, in the middle of a window', async () => {
    const limiter = await own(createRateLimiter({ ...common(), plans: { A: '100/h', B: '1000/h' } }));
    const first = await limiter.check('k', 'A', { cost: 2 });
    limiter.setPlans({ A: ['10/h', '5/m'], B: 'unlimited' });
    expect(left(await limiter.check('k', 'A'))).toEqual([7, 4]);
    expect(await limiter.check('k', 'B')).toMatchObject({ allowed: true, reason: 'unlimited', rules: [] });
    expect(() => limiter.setPlans({ A: '1/hour' as Rate, B: '1/s' })).toThrow(/plans\.A/);
    expect(left(await limiter.check('k', 'A'))).toEqual([6, 3]);
    // What was charged before can still be given back.
    expect(await limiter.refund(first)).toBe(true);
    expect(left(await limiter.peek('k', 'A'))).toEqual([8, 3]);
  });

  test('tells which names are plans, also after others were set', async () => {
    const limiter = await own(createRateLimiter({ ...common(), plans: { A: '1/h', toString: '1/h' } }));
    const names = ['A', 'toString', 'a', 'B', '', 'constructor', undefined, null, 1, ['A']];
    expect(names.filter((name) => limiter.hasPlan(name))).toEqual(['A', 'toString']);
    limiter.setPlans({ B: '1/h' } as never);
    expect(names.filter((name) => limiter.hasPlan(name))).toEqual(['B']);
  });

  test('unlimited says so and asks nobody', async () => {
    const fake = await own(FakeRedis.start());
    const limiter = await own(
      createRateLimiter({ redis: fake.url, plans: { ALL: 'unlimited', SOME: '1/h' } }),
    );
    expect(await limiter.check('k', 'ALL', { cost: 1_000 })).toMatchObject({
      allowed: true,
      reason: 'unlimited',
      limit: Number.MAX_SAFE_INTEGER,
      remaining: Number.MAX_SAFE_INTEGER,
      rule: '',
      rules: [],
    });
    expect(await limiter.peek('k', 'ALL')).toMatchObject({ allowed: true });
    expect(limiter.headers(await limiter.check('k', 'ALL'))).toEqual({});
    expect(await limiter.refund(await limiter.check('k', 'ALL'))).toBe(false);
    await expect(limiter.check('', 'ALL')).rejects.toMatchObject({ code: 'ERR_INVALID_KEY' });
    expect(fake.accepted).toHaveLength(0);
  });

  test('a refund goes to every rule that still holds the charge', async () => {
    const limiter = await own(
      createRateLimiter({
        ...common(),
        plans: {
          P: [
            '100/h',
            { rate: '10/m', algorithm: 'sliding-window' },
            { rate: '9/d', algorithm: 'token-bucket' },
          ],
        },
      }),
    );
    const decision = await limiter.check('k', 'P', { cost: 5 });
    expect(left(decision)).toEqual([95, 5, 4]);
    expect(await limiter.refund(decision, 3)).toBe(true);
    expect(left(await limiter.peek('k', 'P'))).toEqual([98, 8, 7]);
  });

  test('block and reset reach all rules of all plans of a key, and no other key', async () => {
    const limiter = await own(
      createRateLimiter({
        ...common(),
        plans: {
          A: ['10/h', '5/m'],
          B: { rate: '7/m', algorithm: 'token-bucket' },
          C: Array.from({ length: 8 }, (_, i) => `10/${i + 2}s` as const),
        },
      }),
    );
    for (const key of ['k', 'k2', 'K', 'k:1m', 'k}:@1m']) {
      for (const plan of ['A', 'B', 'C'] as const) await limiter.check(key, plan);
    }
    await limiter.block('k', 60_000);
    for (const plan of ['A', 'B', 'C'] as const) {
      const denied = await limiter.check('k', plan);
      expect(denied).toMatchObject({ allowed: false, reason: 'blocked' });
      expect(denied.rules.every(({ allowed }) => !allowed)).toBe(true);
    }
    expect(await limiter.reset('k')).toBe(true);
    expect(await limiter.reset('k')).toBe(false);
    expect(left(await limiter.peek('k', 'A'))).toEqual([10, 5]);
    expect(left(await limiter.peek('k', 'B'))).toEqual([7]);
    for (const other of ['k2', 'K', 'k:1m', 'k}:@1m']) {
      expect(left(await limiter.peek(other, 'A'))).toEqual([8, 4]);
      expect(left(await limiter.peek(other, 'B'))).toEqual([6]);
    }
  });
});
