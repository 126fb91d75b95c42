/** What the drop-in functions promise about Redis itself: what is stored, what is asked, and when. */
import {
  checkRateLimit,
  closeRedisConnection,
  configureRateLimit,
  createRateLimiter,
  getAllRateLimits,
  getRateLimitStatus,
  isRedisHealthy,
} from 'spillway';
import { FakeRedis } from './support/fake-redis';
import { countdown, descending, times } from './support/ledger';
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { RedisServer } from './support/redis';
import { delay, until } from './support/wait';

const own = owner();
afterEach(() => closeRedisConnection());

async function serve(): Promise<RedisServer> {
  const server = await own(RedisServer.start());
  // Deadlines are not what is tested here.
  configureRateLimit({ redis: server.url, timeoutMs: 5_000 });
  return server;
}

test('an operator reads the count with GET and the rest of the window with PTTL', async () => {
  const server = await serve();
  await times(7, () => checkRateLimit('org-123', 'FREE'));
  expect(await server.command('GET', 'ratelimit:org-123')).toBe('7');
  const left = Number(await server.command('PTTL', 'ratelimit:org-123'));
  expect(left).toBeGreaterThan(3_590_000);
  expect(left).toBeLessThanOrEqual(3_600_000);
});

test('a count that an operator wrote holds', async () => {
  const server = await serve();
  await server.command('SET', 'ratelimit:org-9', 98, 'PX', 50_000);
  expect(await getRateLimitStatus('org-9', 'FREE')).toMatchObject({ used: 98, remaining: 2 });
  const results = await times(4, () => checkRateLimit('org-9', 'FREE'));
  expect(results.map(({ allowed }) => allowed)).toEqual([true, true, false, false]);
});

test('a blocked organization has used all that it has', async () => {
  const server = await serve();
  const limiter = await own(createRateLimiter({ redis: server.url, plans: { FREE: '100/h' } }));
  await limiter.block('org-9', 60_000);
  expect(await getRateLimitStatus('org-9', 'FREE')).toMatchObject({ used: 100, remaining: 0, limit: 100 });
  expect(await checkRateLimit('org-9', 'FREE')).toMatchObject({ allowed: false, remaining: 0 });
});

test('a denied request is charged nothing', async () => {
  const server = await serve();
  await times(160, () => checkRateLimit('eager', 'FREE'));
  await times(10, () => checkRateLimit('eager', 'FREE'));
  await until('the excess is taken back', async () => (await server.charged('ratelimit:eager')) === 100);
});

test('listing scans page by page and never asks for KEYS', async () => {
  const server = await serve();
  await times(2_500, (i) => checkRateLimit(`org-${i}`, 'PRO'));
  await server.command('SET', 'unrelated', 'x');
  await server.command('CONFIG', 'RESETSTAT');
  const reads = Number(await server.info('total_reads_processed'));
  const all = await getAllRateLimits();
  expect(all.size).toBe(2_500);
  expect([...all.keys()].every((name) => name.startsWith('ratelimit:org-'))).toBe(true);
  const calls = await server.calls();
  expect(calls.keys ?? 0).toBe(0);
  expect(calls.scan).toBeGreaterThan(1);
  // One key after the other would take the server 2,500 reads; batches take few.
  expect(Number(await server.info('total_reads_processed')) - reads).toBeLessThan(300);
});

const FIRST_CALL = `
const { checkRateLimit } = require('spillway');
Promise.all(Array.from({ length: given }, () => checkRateLimit('org', 'FREE'))).then(report);
`;
interface Result {
  allowed: boolean;
  remaining: number;
}

test('the very first call of a process is counted, with REDIS_URL and REDIS_PASSWORD from the environment', async () => {
  const password = 'p@ss:w/rd%';
  const server = await own(RedisServer.start({ password }));
  const env = { REDIS_URL: server.url, REDIS_PASSWORD: password };
  const [first] = await reportsOf<Result[]>(FIRST_CALL, { env, given: 1 });
  expect(first).toMatchObject([{ allowed: true, remaining: 99 }]);
  expect(await server.charged('ratelimit:org')).toBe(1);
  const inUrl = { REDIS_URL: `redis://:${encodeURIComponent(password)}@127.0.0.1:${server.port}/0` };
  const [second] = await reportsOf<Result[]>(FIRST_CALL, { env: inUrl, given: 1 });
  expect(second).toMatchObject([{ allowed: true, remaining: 98 }]);
});

test('105 requests of a new process on an empty Redis: 100 admitted, 5 denied', async () => {
  const server = await own(RedisServer.start());
  const [results = []] = await reportsOf<Result[]>(FIRST_CALL, {
    env: { REDIS_URL: server.url },
    given: 105,
  });
  const allowed = results.filter((result) => result.allowed);
  expect(descending(allowed.map(({ remaining }) => remaining))).toEqual(countdown(100));
  expect(results).toHaveLength(105);
});

test('health: unknown at first, true by asking alone, false without Redis', async () => {
  const server = await serve();
  expect(isRedisHealthy()).toBe(false);
  await until('asking made it healthy', () => isRedisHealthy());
  await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await until('a new connection made it healthy again', () => isRedisHealthy());
  configureRateLimit({});
  expect(isRedisHealthy()).toBe(false);
});

test('health: an idle connection is asked again, at most twice a second', async () => {
  const fake = await own(FakeRedis.start());
  configureRateLimit({ redis: fake.url });
  await until('healthy', () => isRedisHealthy());
  const asked = performance.now() + 1_500;
  while (performance.now() < asked) {
    isRedisHealthy();
    await delay(10);
  }
  expect(isRedisHealthy()).toBe(true);
  const charges = fake.received('INCR');
  expect(charges.every(([, key]) => key === '%health:ratelimit:probe')).toBe(true);
  expect(charges.length).toBeGreaterThanOrEqual(2);
  expect(charges.length).toBeLessThanOrEqual(4);
});

test('health during next build connects nothing', async () => {
  const fake = await own(FakeRedis.start());
  const env = { REDIS_URL: fake.url, NEXT_PHASE: 'phase-production-build' };
  const script = `const { isRedisHealthy } = require('spillway');
    report(isRedisHealthy());
    setTimeout(() => report(isRedisHealthy()), 200);`;
  expect(await reportsOf(script, { env })).toEqual([false, false]);
  expect(fake.accepted).toHaveLength(0);
});

test('in production without REDIS_URL one warning says that limits are per process', async () => {
  const script = `const { checkRateLimit } = require('spillway');
    const written = [];
    process.stderr.write = (text) => written.push(text) > 0;
    checkRateLimit('a', 'FREE').then(() => checkRateLimit('b', 'FREE')).then(() => report(written));`;
  const env = { NODE_ENV: 'production', RATELIMIT_LOG_LEVEL: '' };
  const [loud] = await reportsOf<string[]>(script, { env });
  expect(loud?.join('')).toMatch(/REDIS_URL/);
  expect(loud).toHaveLength(1);
  expect(await reportsOf(script, { env: { ...env, NODE_ENV: 'development' } })).toEqual([[]]);
});
