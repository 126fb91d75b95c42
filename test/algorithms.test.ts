/** Every operation under every algorithm, through the public API, on both stores. */
import { createRateLimiter, type RateLimiter, type Rate } from 'spillway';
import { bothStores } from './support/both-stores';
import { times } from './support/ledger';
import { owner } from './support/owned';

const own = owner();

const algorithms = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const;

describe.each(bothStores())('%s', (source, common) => {
  describe.each(algorithms)('%s', (algorithm) => {
    const open = (rate: Rate = '10/h'): Promise<RateLimiter> =>
      own(createRateLimiter({ ...common(), rate, algorithm }));

    test('admits as many as it says and denies the next, with a wait', async () => {
      const limiter = await open();
      const decisions = await times(12, () => limiter.check('k'));
      expect(decisions.map(({ allowed }) => allowed)).toEqual([...Array(10).fill(true), false, false]);
      expect(decisions.slice(0, 10).map(({ remaining }) => remaining)).toEqual([
        9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
      ]);
      expect(decisions[11]).toMatchObject({ reason: 'limit', remaining: 0, limit: 10, source });
      expect(decisions[11]?.retryAfterMs).toBeGreaterThan(0);
      expect(decisions[11]?.rules[0]?.algorithm).toBe(algorithm);
    });

    test('cost is all or nothing, and what is too large says so and costs nothing', async () => {
      const limiter = await open();
      expect(await limiter.check('k', { cost: 7 })).toMatchObject({ allowed: true, remaining: 3 });
      expect(await limiter.check('k', { cost: 4 })).toMatchObject({ allowed: false, reason: 'limit' });
      expect(await limiter.check('k', { cost: 11 })).toMatchObject({
        allowed: false,
        reason: 'never-fits',
        retryAfterMs: 3_600_000,
      });
      expect(await limiter.check('k', { cost: 3 })).toMatchObject({ allowed: true, remaining: 0 });
    });

    test('a look charges nothing and knows of costs', async () => {
      const limiter = await open();
      expect(await limiter.peek('k')).toMatchObject({ allowed: true, remaining: 10 });
      await limiter.check('k', { cost: 6 });
      expect(await limiter.peek('k', { cost: 4 })).toMatchObject({ allowed: true, remaining: 4 });
      expect(await limiter.peek('k', { cost: 5 })).toMatchObject({
        allowed: false,
        reason: 'limit',
        remaining: 4,
      });
      expect(await limiter.peek('k', { cost: 11 })).toMatchObject({ reason: 'never-fits' });
      expect(await limiter.peek('k')).toMatchObject({ remaining: 4 });
    });

    test('a refund gives back what was charged, once, and in parts', async () => {
      const limiter = await open();
      const decision = await limiter.check('k', { cost: 6 });
      expect(await limiter.refund(decision, 2)).toBe(true);
      expect((await limiter.peek('k')).remaining).toBe(6);
      await expect(limiter.refund(decision, 5)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
      expect(await limiter.refund(decision)).toBe(true);
      expect(await limiter.refund(decision)).toBe(false);
      expect((await limiter.peek('k')).remaining).toBe(10);
    });

    test('a refund of the first of many, and into a key that was reset', async () => {
      const limiter = await open();
      const [first] = await times(4, () => limiter.check('k'));
      expect(await limiter.refund(first!)).toBe(true);
      expect((await limiter.peek('k')).remaining).toBe(7);
      const other = await limiter.check('other', { cost: 5 });
      await limiter.reset('other');
      expect(await limiter.refund(other)).toBe(false);
      expect((await limiter.peek('other')).remaining).toBe(10);
    });

    test('nothing comes back of a denial, a look or a stranger', async () => {
      const limiter = await open('1/h');
      const decision = await limiter.check('k');
      expect(await limiter.refund(await limiter.check('k'))).toBe(false);
      expect(await limiter.refund(await limiter.peek('k'))).toBe(false);
      expect((await limiter.peek('k')).remaining).toBe(0);
      const other = await open();
      for (const stranger of [{ ...decision }, JSON.parse(JSON.stringify(decision)), null, 'k', {}]) {
        await expect(limiter.refund(stranger)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
      }
      await expect(other.refund(decision)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
    });

    test('a penalty charges also where it does not fit', async () => {
      const limiter = await open();
      expect(await limiter.penalize('k', 4)).toMatchObject({ allowed: true, remaining: 6 });
      expect(await limiter.penalize('k')).toMatchObject({ allowed: true, remaining: 5 });
      expect(await limiter.penalize('k', 9)).toMatchObject({ allowed: false, reason: 'limit', remaining: 0 });
      expect(await limiter.check('k')).toMatchObject({ allowed: false, reason: 'limit', remaining: 0 });
    });

    test('a penalty under a decision counts whom it counted, and can be given back', async () => {
      const limiter = await open();
      const decision = await limiter.check('k');
      const penalty = await limiter.penalize(decision, 4);
      expect(penalty).toMatchObject({ allowed: true, remaining: 5, rules: [{ subject: 'k' }] });
      expect(await limiter.refund(penalty)).toBe(true);
      expect((await limiter.peek('k')).remaining).toBe(9);
    });

    test('a block denies until it is over or reset', async () => {
      const limiter = await open();
      await limiter.check('k');
      await limiter.block('k', 60_000);
      const denied = await limiter.check('k');
      expect(denied).toMatchObject({ allowed: false, reason: 'blocked', remaining: 0 });
      expect(denied.retryAfterMs).toBeGreaterThan(55_000);
      expect(denied.retryAfterMs).toBeLessThanOrEqual(60_000);
      expect(await limiter.peek('k')).toMatchObject({ allowed: false, reason: 'blocked' });
      expect(await limiter.penalize('k', 5)).toMatchObject({ allowed: false, reason: 'blocked' });
      expect(await limiter.check('another')).toMatchObject({ allowed: true });
      expect(await limiter.reset('k')).toBe(true);
      expect(await limiter.check('k')).toMatchObject({ allowed: true, remaining: 9 });

      await limiter.block('short', 30);
      const { allowed, retryAfterMs } = await limiter.check('short');
      const ready = performance.now() + retryAfterMs;
      if (!allowed) while (performance.now() < ready) await new Promise(setImmediate);
      expect(await limiter.check('short')).toMatchObject({ allowed: true, remaining: 9 });
    });

    test('a lone client that waits retryAfterMs is admitted', async () => {
      const limiter = await own(
        createRateLimiter({ ...common(), rate: { requests: 2, windowMs: 60 }, algorithm }),
      );
      // Where the machine is slow, windows end meanwhile and checks are admitted: asked until three are not.
      let denials = 0;
      while (denials < 3) {
        const { allowed, retryAfterMs } = await limiter.check('patient');
        if (allowed) continue;
        denials++;
        const ready = performance.now() + retryAfterMs;
        while (performance.now() < ready) await new Promise(setImmediate);
        expect(await limiter.check('patient')).toMatchObject({ allowed: true });
      }
    });

    test('what was consumed stays consumed when the limit changes', async () => {
      const plans = (rate: Rate) => ({ P: { rate, id: 'api', algorithm } });
      const limiter = await own(createRateLimiter({ ...common(), plans: plans('100/h') }));
      const remaining = async () => (await limiter.check('k', 'P')).remaining;
      expect([await remaining(), await remaining()]).toEqual([99, 98]);
      limiter.setPlans(plans('10/h'));
      const fewer = [await remaining(), await remaining()];
      limiter.setPlans(plans('200/h'));
      const more = await remaining();
      // A bucket refills by its new rate: fewer than one unit in the time that this takes.
      expect([...fewer, more]).toEqual([7, 6, 195]);
    });

    test('another algorithm under the same id starts afresh', async () => {
      const shared = common();
      const plan = { id: 'api', rate: '10/h', algorithm } as const;
      const limiter = await own(createRateLimiter({ ...shared, plans: { P: plan } }));
      await limiter.check('k', 'P', { cost: 5 });
      for (const other of algorithms.filter((name) => name !== algorithm)) {
        const changed = await own(
          createRateLimiter({ ...shared, plans: { P: { ...plan, algorithm: other } } }),
        );
        expect(await changed.check('k', 'P')).toMatchObject({ remaining: 9, source });
      }
      expect(await limiter.peek('k', 'P')).toMatchObject({ remaining: 5 });
    });

    test('a rate of 0 denies everything', async () => {
      const limiter = await open('0/s');
      expect(await limiter.check('k')).toMatchObject({ allowed: false, reason: 'never-fits', remaining: 0 });
      expect(await limiter.reset('k')).toBe(false);
    });
  });

  test('a token bucket admits its burst at once, counts down from it and says its rate', async () => {
    const limiter = await own(
      createRateLimiter({ ...common(), rate: '60/h', algorithm: 'token-bucket', burst: 100 }),
    );
    expect(await limiter.check('k', { cost: 100 })).toMatchObject({
      allowed: true,
      remaining: 0,
      limit: 100,
      rules: [{ limit: 100, requests: 60, windowMs: 3_600_000 }],
    });
    const denied = await limiter.check('k', { cost: 2 });
    expect(denied).toMatchObject({ allowed: false, reason: 'limit' });
    expect(denied.retryAfterMs).toBeGreaterThan(115_000);
    expect(denied.retryAfterMs).toBeLessThanOrEqual(120_000);
    expect(await limiter.check('k', { cost: 101 })).toMatchObject({ reason: 'never-fits' });
  });
});
