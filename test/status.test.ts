/** `limiter.status(subject)`: all that is counted for one subject, without a walk through the store. */
import { createRateLimiter, customStore, type RateLimiterOptions } from 'spillway';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { StateStore } from './support/state-store';

const own = owner();
const HOUR = 3_600_000;
const rules = [
  { id: 'api', match: '/api/*', by: 'ip', rate: '10/h' },
  { id: 'burst', match: '/api/*', by: 'ip', rate: '5/m', algorithm: 'token-bucket' },
  { id: 'log', match: '/api/*', by: 'user', rate: '9/h', algorithm: 'sliding-log' },
  { id: 'slide', match: '/api/*', by: 'user', rate: '8/h', algorithm: 'sliding-window' },
] as const satisfies RateLimiterOptions['rules'];

async function redis() {
  return { redis: (await own(RedisServer.start())).url };
}

describe.each([
  ['memory', () => Promise.resolve({})],
  ['a custom store', () => Promise.resolve({ store: customStore(new StateStore()) })],
  ['Redis', redis],
])('%s', (_name, place) => {
  test('each rule that counted a subject is told, with what it counted', async () => {
    const limiter = await own(createRateLimiter({ ...(await place()), plans: { FREE: '100/h' }, rules }));
    const request = { method: 'GET', path: '/api/x', ip: '203.0.113.7', user: '7' };
    for (let i = 0; i < 3; i++) expect((await limiter.checkRequest(request)).allowed).toBe(true);
    await limiter.check('org-1', 'FREE', { cost: 4 });
    const before = Date.now();
    const ofIp = await limiter.status({ ip: '203.0.113.7' });
    expect(ofIp).toEqual([
      {
        ...{ key: '203.0.113.7', scope: 'ip', subject: 'ip:203.0.113.7', rule: 'api', count: 3, limit: 10 },
        ...{ blocked: false, resetTime: expect.any(Number) },
      },
      expect.objectContaining({ rule: 'burst', limit: 5 }),
    ]);
    expect(ofIp[0]!.resetTime).toBeGreaterThan(before + HOUR - 60_000);
    expect(await limiter.status({ user: '7' })).toEqual([
      expect.objectContaining({ scope: 'user', rule: 'log', count: 3, limit: 9 }),
      expect.objectContaining({ scope: 'user', rule: 'slide', count: 3, limit: 8 }),
    ]);
    expect(await limiter.status('org-1')).toEqual([
      expect.objectContaining({ key: 'org-1', scope: 'organization', rule: 'FREE', count: 4, limit: 100 }),
    ]);
    expect(await limiter.status({ user: '7' }, { rule: 'log' })).toHaveLength(1);
    expect(await limiter.status('nobody')).toEqual([]);
    // Nothing was counted by asking.
    expect((await limiter.status('org-1'))[0]!.count).toBe(4);
  });

  test('as a listing tells it', async () => {
    const limiter = await own(createRateLimiter({ ...(await place()), plans: { FREE: '100/h' } }));
    await limiter.check('org {1}%', 'FREE');
    const listed = (await limiter.list().next()).value;
    const [found] = await limiter.status('org {1}%');
    expect(Math.abs(found!.resetTime - listed!.resetTime)).toBeLessThan(1_000);
    expect(found).toEqual({ ...listed, resetTime: found!.resetTime });
  });

  test('a block is told under every rule', async () => {
    const limiter = await own(createRateLimiter({ ...(await place()), plans: { FREE: '100/h' }, rules }));
    await limiter.block({ ip: '203.0.113.7' }, HOUR);
    const found = await limiter.status({ ip: '203.0.113.7' });
    expect(found.map(({ blocked, count }) => [blocked, count])).toEqual(found.map(() => [true, 0]));
    expect(found.map(({ rule }) => rule)).toEqual(expect.arrayContaining(['api', 'burst']));
  });
});

test('what is wrong is refused, and a store that is away is an error', async () => {
  const limiter = await own(createRateLimiter({ redis: 'redis://127.0.0.1:1', rate: '5/h', logger: false }));
  await expect(limiter.status('')).rejects.toMatchObject({ code: 'ERR_INVALID_KEY' });
  await expect(limiter.status('a', { rule: 'none' })).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
  await expect(limiter.status('a')).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
  await limiter.close();
  await expect(limiter.status('a')).rejects.toMatchObject({ code: 'ERR_CLOSED' });
});
