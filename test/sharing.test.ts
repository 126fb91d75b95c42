/** Limiters with equal connections share one; closing takes from nobody else. */
import * as spillway from 'spillway';
import { createRateLimiter, memoryStore, redisStore, type RateOptions } from 'spillway';
import * as memory from 'spillway/memory';
import { tally, times } from './support/ledger';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { timed } from './support/wait';

const own = owner();

async function connections(server: RedisServer): Promise<number> {
  const clients = String(await server.command('CLIENT', 'LIST'));
  return clients.split('\n').filter((line) => line.includes('name=spillway')).length;
}

test('fifty limiters with equal options, as hot reloads make them, hold one connection', async () => {
  const server = await own(RedisServer.start());
  const limiters = Array.from({ length: 50 }, () => createRateLimiter({ redis: server.url, rate: '1000/m' }));
  const decisions = await Promise.all(limiters.map((limiter) => limiter.check('k')));
  expect(tally(decisions)).toMatchObject({ admittedByStore: 50 });
  expect(await connections(server)).toBe(1);
  await Promise.all(limiters.slice(1).map((limiter) => limiter.close()));
  expect(await limiters[0]?.check('k')).toMatchObject({ remaining: 949, source: 'redis' });
  await limiters[0]?.close();
  const gone = async () => (await connections(server)) === 0;
  for (let i = 0; i < 200 && !(await gone()); i++);
  expect(await connections(server)).toBe(0);
});

test('another database is another connection, and other keys', async () => {
  const server = await own(RedisServer.start());
  const zero = await own(createRateLimiter({ redis: server.url, rate: '5/m' }));
  const three = await own(createRateLimiter({ redis: `${server.url}/3`, rate: '5/m' }));
  await zero.check('k');
  expect((await three.check('k')).remaining).toBe(4);
  expect(await connections(server)).toBe(2);
  await server.command('SELECT', 3);
  expect(await server.charged('{ratelimit:k}:@rate-1m')).toBe(1);
});

test('limiters with different plans, prefixes and deadlines share the connection, not the keys', async () => {
  const server = await own(RedisServer.start());
  const one = await own(createRateLimiter({ redis: server.url, prefix: 'a:', rate: '5/m' }));
  const two = await own(createRateLimiter({ redis: server.url, prefix: 'b:', rate: '9/m', timeoutMs: 500 }));
  await times(2, () => one.check('k'));
  expect((await two.check('k')).remaining).toBe(8);
  expect(await connections(server)).toBe(1);
});

test('limiters with another time to connect have a connection of their own, and the same keys', async () => {
  const server = await own(RedisServer.start());
  const open = (connectTimeoutMs: number) =>
    own(createRateLimiter({ redis: { url: server.url, connectTimeoutMs }, rate: '5/m' }));
  const one = await open(1_000);
  const two = await open(1_001);
  const like = await open(1_000);
  await one.check('k');
  await two.check('k');
  expect((await like.check('k')).remaining).toBe(2);
  expect(await connections(server)).toBe(2);
});

test('redis: url and store: redisStore(url) are the same store', async () => {
  const server = await own(RedisServer.start());
  const short = await own(createRateLimiter({ redis: server.url, rate: '5/m' }));
  const long = await own(createRateLimiter({ store: redisStore(server.url), rate: '5/m' }));
  await short.check('k');
  expect((await long.check('k')).remaining).toBe(3);
  expect(await connections(server)).toBe(1);
});

describe('in process', () => {
  const check = async (options: Partial<RateOptions>) => {
    const limiter = await own(createRateLimiter({ rate: '5/m', prefix: 'sharing:', ...options }));
    return (await limiter.check('k')).remaining;
  };

  test('limiters of one prefix and size share a table, whatever else they say', async () => {
    const small = { store: memoryStore({ maxKeys: 1_000 }) };
    expect(await check(small)).toBe(4);
    expect(await check({ ...small, timeoutMs: 9, failureMode: 'closed' })).toBe(3);
    expect(await check({ store: memoryStore({ maxKeys: 1_000 }), rate: '9/m' })).toBe(6);
  });

  test('another size or prefix is another table', async () => {
    const of = (maxKeys: number) => ({ store: memoryStore({ maxKeys }) });
    expect(await check(of(1_000))).toBe(4);
    expect(await check(of(1_001))).toBe(4);
    expect(await check({ ...of(1_000), prefix: 'sharing2:' })).toBe(4);
    expect(await check(of(1_001))).toBe(3);
    expect(await check({})).toBe(4);
    expect(await check(of(1_000_000))).toBe(3);
    expect(await check({ store: memoryStore() })).toBe(2);
  });

  test('the table ends with the last limiter that holds it', async () => {
    const first = createRateLimiter({ rate: '5/m', prefix: 'sharing3:' });
    const second = createRateLimiter({ rate: '5/m', prefix: 'sharing3:' });
    await first.check('k');
    await second.check('k');
    await first.close();
    await first.close();
    const third = await own(createRateLimiter({ rate: '5/m', prefix: 'sharing3:' }));
    expect((await third.check('k')).remaining).toBe(2);
    await Promise.all([second.close(), third.close()]);
    expect(await check({ prefix: 'sharing3:' })).toBe(4);
  });
});

test.each<[string, Pick<typeof spillway, 'configureRateLimit' | 'checkRateLimit' | 'closeRedisConnection'>]>([
  ['spillway', spillway],
  ['spillway/memory', memory as unknown as typeof spillway],
])('%s: what was counted in process is kept when it is configured anew', async (_name, api) => {
  const remaining = async () => (await api.checkRateLimit('k', 'FREE')).remaining;
  api.configureRateLimit({ prefix: 'configured:' });
  expect([await remaining(), await remaining()]).toEqual([99, 98]);
  api.configureRateLimit({ prefix: 'configured:', plans: { FREE: { requests: 50, windowMs: 3_600_000 } } });
  expect(await remaining()).toBe(47);
  api.configureRateLimit({ prefix: 'configured:' });
  api.configureRateLimit({ prefix: 'configured:' });
  expect(await remaining()).toBe(96);
  await api.closeRedisConnection();
  api.configureRateLimit({ prefix: 'configured:' });
  expect(await remaining()).toBe(99);
  await api.closeRedisConnection();
});

test.each(['open', 'closed'] as const)(
  'close settles 10,000 waiting checks at once, by the policy "%s"',
  async (failureMode) => {
    const server = await own(RedisServer.start());
    const limiter = await own(
      createRateLimiter({ redis: server.url, rate: '10/m', timeoutMs: 60_000, failureMode }),
    );
    await limiter.check('warm');
    server.freeze();
    let settled = 0;
    const waiting = times(10_000, async (i) => {
      const decision = await limiter.check(`k${i}`);
      settled++;
      return decision;
    });
    await new Promise(setImmediate);
    expect(limiter.stats().pending).toBe(10_000);
    const { ms } = await timed(limiter.close());
    const decisions = await waiting;
    expect(ms).toBeLessThan(2_000);
    expect(settled).toBe(10_000);
    expect(tally(decisions).bySource).toEqual({ none: 10_000 });
    expect(tally(decisions).allowed).toBe(failureMode === 'open' ? 10_000 : 0);
    await expect(limiter.check('k')).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  },
);
