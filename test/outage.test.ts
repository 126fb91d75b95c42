/** Redis goes away and comes back: answers in time by the policy, then limits again without help. */
import {
  checkRateLimit,
  closeRedisConnection,
  configureRateLimit,
  createRateLimiter,
  isRedisHealthy,
} from 'spillway';
import { tally, times } from './support/ledger';
import { Load } from './support/load';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { delay, inTime, timed, until } from './support/wait';

const own = owner();
const TIMEOUT_MS = 250;

function expectAllInTime(results: { ms: number }[], timeoutMs = TIMEOUT_MS): void {
  expect(Math.max(...results.map(({ ms }) => ms))).toBeLessThanOrEqual(inTime(timeoutMs));
}

test('stopped and started again under load: admitted in time, then limited again', async () => {
  const server = await own(RedisServer.start());
  configureRateLimit({ redis: server.url });
  try {
    expect(await checkRateLimit('org', 'FREE')).toMatchObject({ allowed: true, remaining: 99 });
    expect(isRedisHealthy()).toBe(true);
    const load = await own(new Load(() => checkRateLimit('elsewhere', 'ENTERPRISE')));
    await server.kill();
    await until('unhealthy', () => !isRedisHealthy(), { withinMs: 1_000 });
    await delay(1_500);
    expect(isRedisHealthy()).toBe(false);
    // More than the limit: nobody is refused for what cannot be known.
    const away = await times(105, () => timed(checkRateLimit('org', 'FREE')));
    expect(away.every(({ value }) => value.allowed && value.limit === 100)).toBe(true);
    expectAllInTime(away);

    await server.start();
    await until('healthy', () => isRedisHealthy(), { withinMs: 2_500 });
    const results = await load.stop();
    expect(results.every(({ value }) => value.allowed)).toBe(true);
    expectAllInTime(results);
    const back = await times(105, () => checkRateLimit('org', 'FREE'));
    expect(back.filter(({ allowed }) => allowed)).toHaveLength(100);
  } finally {
    await closeRedisConnection();
  }
});

test('failureMode "closed" denies while Redis is away, and says so', async () => {
  const server = await own(RedisServer.start());
  const limiter = await own(createRateLimiter({ redis: server.url, rate: '5/m', failureMode: 'closed' }));
  expect((await limiter.check('k')).source).toBe('redis');
  await server.kill();
  const { value, ms } = await timed(limiter.check('k'));
  expect(value).toMatchObject({
    allowed: false,
    reason: 'unavailable',
    source: 'none',
    limit: 5,
    remaining: 0,
  });
  expect(value.retryAfter).toBeGreaterThanOrEqual(1);
  expect(ms).toBeLessThanOrEqual(inTime(TIMEOUT_MS));
  expect(await limiter.peek('k')).toMatchObject({ allowed: false, source: 'none' });
});

test('what no policy can answer is refused with a typed error', async () => {
  const server = await own(RedisServer.start());
  const limiter = await own(createRateLimiter({ redis: server.url, rate: '5/m' }));
  await limiter.check('k');
  await server.kill();
  const unavailable = { name: 'RateLimitError', code: 'ERR_UNAVAILABLE' };
  await expect(limiter.reset('k')).rejects.toMatchObject(unavailable);
  await expect(limiter.list().next()).rejects.toMatchObject(unavailable);
  const { value: health, ms } = await timed(limiter.health());
  expect(health).toMatchObject({ healthy: false, connected: false, latencyMs: null, connectedSince: null });
  expect(Date.now() - health.awaySince!).toBeLessThan(20_000);
  expect(health.lastError).toEqual(expect.any(String));
  expect(ms).toBeLessThanOrEqual(inTime(TIMEOUT_MS));
});

test('never there at first: the first checks are answered in time, and it is found when it comes', async () => {
  const server = await own(RedisServer.start());
  await server.kill();
  const limiter = await own(createRateLimiter({ redis: server.url, rate: '10/h' }));
  const first = await times(20, () => timed(limiter.check('k')));
  expectAllInTime(first);
  expect(tally(first.map(({ value }) => value)).bySource).toEqual({ none: 20 });
  await delay(1_000);
  await server.start();
  // Its dials need nobody's request: the connection is there before the next check.
  await until('connected', () => limiter.stats().connected, { withinMs: 2_500 });
  const decisions = await times(12, () => limiter.check('k'));
  expect(tally(decisions)).toMatchObject({ admittedByStore: 10, bySource: { redis: 12 } });
});

test('a check waits for a connection that is made within its deadline', async () => {
  const server = await own(RedisServer.start());
  const limiter = await own(createRateLimiter({ redis: server.url, rate: '10/h', timeoutMs: 8_000 }));
  await limiter.check('k');
  await server.kill();
  await until('noticed', () => !limiter.stats().connected);
  const waiting = times(5, () => limiter.check('k'));
  await server.start();
  expect(tally(await waiting).bySource).toEqual({ redis: 5 });
});

test('frozen for five seconds under load: nobody waits beyond the deadline, nothing is charged twice', async () => {
  const server = await own(RedisServer.start());
  const limiter = await own(createRateLimiter({ redis: server.url, rate: '1000000/h' }));
  await limiter.check('k');
  const load = await own(new Load(() => limiter.check('k')));
  await delay(200);
  server.freeze();
  await delay(1_000);
  expect((await limiter.health()).healthy).toBe(false);
  await delay(4_000);
  server.thaw();
  await until('healthy', async () => (await limiter.health()).healthy, { withinMs: 3_000 });
  await delay(300);
  const results = await load.stop();
  expectAllInTime(results);
  const decisions = results.map(({ value }) => value);
  const { admittedByStore, bySource } = tally(decisions);
  expect(bySource.none).toBeGreaterThan(300);
  expect(bySource.redis).toBeGreaterThan(40);
  // One for the check before the load. What timed out may have been charged, but once at the most.
  const charged = await server.charged('{ratelimit:k}:@rate-1h');
  expect(charged).toBeGreaterThanOrEqual(admittedByStore + 1);
  expect(charged).toBeLessThanOrEqual(decisions.length + 1);
  expect((await limiter.check('k')).remaining).toBe(1_000_000 - charged - 1);
});

test('isRedisHealthy is truthful within a second about a server that hangs, and about one that thaws', async () => {
  const server = await own(RedisServer.start());
  configureRateLimit({ redis: server.url });
  try {
    await until('healthy', () => isRedisHealthy());
    server.freeze();
    await until('unhealthy', () => !isRedisHealthy(), { withinMs: 1_000 });
    await delay(300);
    expect(isRedisHealthy()).toBe(false);
    server.thaw();
    await until('healthy again', () => isRedisHealthy(), { withinMs: 1_000 });
  } finally {
    server.thaw();
    await closeRedisConnection();
  }
});

test('a flapping server: every answer comes in time, and no promise is left', async () => {
  const server = await own(RedisServer.start());
  const limiter = await own(createRateLimiter({ redis: server.url, rate: '1000000/h' }));
  const load = await own(new Load(() => limiter.check('k')));
  for (let i = 0; i < 3; i++) {
    await delay(300);
    await server.kill();
    await delay(200);
    await server.start();
    await until('connected', () => limiter.stats().connected, { withinMs: 2_500 });
  }
  expectAllInTime(await load.stop());
  expect(limiter.stats().pending).toBe(0);
});
