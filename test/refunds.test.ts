/** What a refund pays, and to which charge: the same in process and on Redis. */
import { createRateLimiter, type Algorithm, type Rate } from 'spillway';
import { bothStores } from './support/both-stores';
import { times } from './support/ledger';
import { owner } from './support/owned';

const own = owner();
const ALGORITHMS: Algorithm[] = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'];

describe.each(bothStores())('%s', (_source, common) => {
  describe.each(ALGORITHMS)('%s', (algorithm) => {
    const rule = (rate: Rate) => ({ id: 'api', rate, algorithm });
    const plans = {
      hour: rule('10/h'),
      day: rule('10/d'),
      years: rule('10/3650d'),
      less: rule('10/3649d'),
      both: [rule('10/h'), { rate: '100/d' }],
    } as const;

    test.each(['hour', 'both'] as const)('refunds of one decision at once (%s): one pays', async (plan) => {
      const limiter = await own(createRateLimiter({ ...common(), plans, timeoutMs: 10_000 }));
      // Of another charge: units that a second payment would take.
      await limiter.check('k', plan, { cost: 4 });
      const decision = await limiter.check('k', plan, { cost: 3 });
      const paid = await times(4, () => limiter.refund(decision));
      expect(paid).toEqual([true, false, false, false]);
      expect((await limiter.peek('k', plan)).rules[0]).toMatchObject({ remaining: 6 });
      expect(await limiter.refund(decision)).toBe(false);
    });

    test('parts of one decision at once: no more than it was charged', async () => {
      const limiter = await own(createRateLimiter({ ...common(), plans, timeoutMs: 10_000 }));
      await limiter.check('k', 'hour', { cost: 4 });
      const decision = await limiter.check('k', 'hour', { cost: 3 });
      const parts = await Promise.allSettled([2, 1, 1].map((units) => limiter.refund(decision, units)));
      expect(parts.map((part) => part.status === 'fulfilled' && part.value)).toEqual([true, true, false]);
      await expect(limiter.refund(await limiter.check('k', 'hour'), 2)).rejects.toMatchObject({
        code: 'ERR_INVALID_OPTION',
      });
      expect(await limiter.peek('k', 'hour')).toMatchObject({ remaining: 5 });
    });

    test('penalties count no more than stays exact: the refund of one gives back all of it', async () => {
      const limiter = await own(createRateLimiter({ ...common(), plans, timeoutMs: 10_000 }));
      const penalties = await times(2, () => limiter.penalize('k', 'hour', Number.MAX_SAFE_INTEGER));
      expect(await limiter.peek('k', 'hour')).toMatchObject({ allowed: false, remaining: 0 });
      expect(await limiter.refund(penalties[1]!)).toBe(true);
      expect(await limiter.check('k', 'hour')).toMatchObject({ allowed: true, remaining: 9 });
    });

    test.each([
      ['hour', 'day', 'longer'],
      ['day', 'hour', 'shorter'],
      // Their tenths have equal numbers.
      ['years', 'less', 'shorter'],
      ['less', 'years', 'longer'],
    ] as const)('charged under a window (%s) and then another (%s): what still counts', async (...how) => {
      const [first, then, length] = how;
      const limiter = await own(createRateLimiter({ ...common(), plans, timeoutMs: 10_000 }));
      const decision = await limiter.check('k', first, { cost: 4 });
      expect(await limiter.check('k', then)).toMatchObject({ allowed: true, remaining: 5 });
      // A window that the other rule has left as it was is the one that was charged, and so are a log's entries.
      const pays = algorithm === 'sliding-log' || (algorithm === 'fixed-window' && length === 'longer');
      expect(await limiter.refund(decision)).toBe(pays);
      expect(await limiter.peek('k', then)).toMatchObject({ remaining: pays ? 9 : 5 });
    });
  });
});
