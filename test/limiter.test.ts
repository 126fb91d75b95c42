/** createRateLimiter, on both stores: what a decision says, and what the other calls do. */
import { createRateLimiter, RateLimitError } from 'spillway';
import { times } from './support/ledger';
import { anyNumber } from './support/matchers';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';

const own = owner();
let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.close());

// Each test has a prefix, and so keys, of its own.
let tests = 0;
const variants: [store: 'redis' | 'memory', common: () => { redis?: string; prefix: string }][] = [
  ['redis', () => ({ redis: server.url, prefix: `t${tests++}:` })],
  ['memory', () => ({ prefix: `t${tests++}:` })],
];

describe.each(variants)('%s', (store, common) => {
  const plans = { FREE: '3/h', PRO: { requests: 10, windowMs: 60_000 } } as const;

  test('a decision says everything about the rule in front', async () => {
    const limiter = await own(createRateLimiter({ ...common(), plans }));
    const first = await limiter.check('org', 'FREE');
    expect(first).toEqual({
      allowed: true,
      reason: 'ok',
      limit: 3,
      remaining: 2,
      resetTime: anyNumber,
      retryAfter: 0,
      retryAfterMs: 0,
      nearLimit: false,
      rule: 'FREE',
      rules: [
        {
          rule: 'FREE',
          allowed: true,
          limit: 3,
          remaining: 2,
          resetTime: first.resetTime,
          retryAfter: 0,
          algorithm: 'fixed-window',
          requests: 3,
          windowMs: 3_600_000,
          subject: 'org',
          shadow: false,
          nearLimit: false,
        },
      ],
      source: store,
    });
    expect((await limiter.check('org', 'FREE')).nearLimit).toBe(false);
    expect((await limiter.check('org', 'FREE')).nearLimit).toBe(true);

    const denied = await limiter.check('org', 'FREE');
    expect(denied).toMatchObject({
      allowed: false,
      reason: 'limit',
      remaining: 0,
      nearLimit: true,
      source: store,
    });
    expect(denied.retryAfterMs).toBeGreaterThan(3_590_000);
    expect(denied.retryAfterMs).toBeLessThanOrEqual(3_600_000);
    expect(denied.retryAfter).toBe(Math.ceil(denied.retryAfterMs / 1000));
    expect(denied.rules[0]).toMatchObject({ allowed: false, retryAfter: denied.retryAfter });
  });

  test('plans count on one key, each with its own limit', async () => {
    const limiter = await own(createRateLimiter({ ...common(), plans }));
    await times(3, () => limiter.check('org', 'FREE'));
    expect((await limiter.check('org', 'FREE')).allowed).toBe(false);
    expect(await limiter.check('org', 'PRO')).toMatchObject({ allowed: true, remaining: 6, rule: 'PRO' });
  });

  test('checks of one key made at once: each by its own plan and cost', async () => {
    const limiter = await own(createRateLimiter({ ...common(), plans }));
    const decisions = await Promise.all([
      limiter.check('org', 'FREE'),
      limiter.check('org', 'PRO'),
      limiter.check('org', 'PRO', { cost: 4 }),
      limiter.check('org', 'FREE', { cost: 3 }),
      limiter.peek('org', 'PRO'),
      limiter.check('org', 'PRO', { cost: 2 }),
    ]);
    // In some order, of which only the sums are promised: 1 + 1 + 4 + 2, and 3 more never fit under 3.
    expect(decisions.map(({ rule, limit }) => [rule, limit])).toEqual(
      ['FREE', 'PRO', 'PRO', 'FREE', 'PRO', 'PRO'].map((plan) => [plan, plan === 'FREE' ? 3 : 10]),
    );
    expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, true, false, true, true]);
    expect(await limiter.peek('org', 'PRO')).toMatchObject({ remaining: 2 });
  });

  test('one rate needs no plan', async () => {
    const limiter = await own(createRateLimiter({ ...common(), rate: '5/10s' }));
    const decisions = await times(7, () => limiter.check('any key'));
    expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, true, true, true, false, false]);
    expect(decisions[6]?.retryAfterMs).toBeLessThanOrEqual(10_000);
    expect(await limiter.check('another key')).toMatchObject({ allowed: true, remaining: 4, rule: 'rate' });
  });

  test('cost is all or nothing, and a cost over the limit never fits', async () => {
    const limiter = await own(createRateLimiter({ ...common(), rate: '10/m' }));
    expect(await limiter.check('k', { cost: 7 })).toMatchObject({ allowed: true, remaining: 3 });
    expect(await limiter.check('k', { cost: 4 })).toMatchObject({
      allowed: false,
      reason: 'limit',
      remaining: 3,
    });
    expect(await limiter.check('k', { cost: 11 })).toMatchObject({ allowed: false, reason: 'never-fits' });
    expect(await limiter.check('k', { cost: 3 })).toMatchObject({ allowed: true, remaining: 0 });
  });

  test('a look charges nothing', async () => {
    const limiter = await own(createRateLimiter({ ...common(), plans }));
    expect(await limiter.peek('k', 'FREE')).toMatchObject({ allowed: true, remaining: 3, source: store });
    await times(3, () => limiter.check('k', 'FREE'));
    expect(await limiter.peek('k', 'FREE')).toMatchObject({ allowed: false, reason: 'limit', remaining: 0 });
    expect(await limiter.peek('k', 'PRO')).toMatchObject({ allowed: true, remaining: 7 });
  });

  test('reset says whether there was something to forget', async () => {
    const limiter = await own(createRateLimiter({ ...common(), rate: '2/m' }));
    expect(await limiter.reset('k')).toBe(false);
    await times(3, () => limiter.check('k'));
    expect(await limiter.reset('k')).toBe(true);
    expect((await limiter.check('k')).remaining).toBe(1);
  });

  test('the list goes through all keys, in pages of any size', async () => {
    const limiter = await own(createRateLimiter({ ...common(), rate: '100/m' }));
    await times(120, (i) => limiter.check(`${i % 2 ? 'odd' : 'even'}-${i}`, { cost: (i % 9) + 1 }));
    for (const pageSize of [1, 7, 1_000]) {
      const counts = new Map<string, number>();
      for await (const { key, count, resetTime } of limiter.list({ pageSize })) {
        expect(counts.has(key)).toBe(false);
        expect(Math.abs(resetTime - Date.now() - 60_000)).toBeLessThan(5_000);
        counts.set(key, count);
      }
      expect(counts.size).toBe(120);
      for (let i = 0; i < 120; i++) expect(counts.get(`${i % 2 ? 'odd' : 'even'}-${i}`)).toBe((i % 9) + 1);
    }
    const odd: string[] = [];
    for await (const { key } of limiter.list({ match: 'odd-*' })) odd.push(key);
    expect(odd).toHaveLength(60);
    expect(odd.every((key) => key.startsWith('odd-'))).toBe(true);
  });

  test('a listing may be left early', async () => {
    const limiter = await own(createRateLimiter({ ...common(), rate: '100/m' }));
    await times(50, (i) => limiter.check(`k${i}`));
    let seen = 0;
    for await (const { count } of limiter.list({ pageSize: 5 })) {
      expect(count).toBe(1);
      if (++seen === 3) break;
    }
    expect((await limiter.check('k0')).remaining).toBe(98);
  });

  test('health runs a real check, which nobody else sees', async () => {
    const limiter = await own(createRateLimiter({ ...common(), rate: '5/m' }));
    const before = Date.now();
    const health = await limiter.health();
    expect(health).toMatchObject({ healthy: true, store, lastError: null });
    expect(health.latencyMs).toBeGreaterThanOrEqual(0);
    expect(health.latencyMs).toBeLessThan(5_000);
    if (store === 'redis') {
      expect(health.connectedSince).toBeGreaterThanOrEqual(before - 1_000);
      expect(health.connectedSince).toBeLessThanOrEqual(Date.now());
    }
    const listed: string[] = [];
    for await (const { key } of limiter.list()) listed.push(key);
    expect(listed).toEqual([]);
  });

  test('stats count what waits', async () => {
    const limiter = await own(createRateLimiter({ ...common(), rate: '5/m' }));
    expect(limiter.stats()).toMatchObject({ store, pending: 0, timeouts: 0 });
    const waiting = times(10, (i) => limiter.check(`k${i}`));
    expect(limiter.stats().pending).toBe(store === 'redis' ? 10 : 0);
    await waiting;
    expect(limiter.stats()).toMatchObject({ pending: 0, timeouts: 0, connected: true });
  });

  test('after close every call is refused, and closing again does nothing', async () => {
    const limiter = createRateLimiter({ ...common(), plans });
    await limiter.check('k', 'FREE');
    await limiter.close();
    await limiter.close();
    const closed = { name: 'RateLimitError', code: 'ERR_CLOSED' };
    await expect(limiter.check('k', 'FREE')).rejects.toMatchObject(closed);
    await expect(limiter.peek('k', 'FREE')).rejects.toMatchObject(closed);
    await expect(limiter.reset('k')).rejects.toMatchObject(closed);
    await expect(limiter.list().next()).rejects.toBeInstanceOf(RateLimitError);
    await expect(limiter.health()).rejects.toMatchObject(closed);
  });
});
