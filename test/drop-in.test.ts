/** Every function of the drop-in surface, on Redis and in process, asynchronous and synchronous. */
import * as spillway from 'spillway';
import * as memory from 'spillway/memory';
import { countdown, descending, times } from './support/ledger';
import { anyNumber, anyString } from './support/matchers';
import { RedisServer } from './support/redis';

type Synchronous = typeof memory;
type Api = Pick<typeof spillway | Synchronous, keyof Synchronous & keyof typeof spillway>;

const HOUR = 3_600_000;
let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.close());

const variants: [name: string, api: Api, open: () => void][] = [
  ['on Redis', spillway, () => spillway.configureRateLimit({ redis: server.url })],
  ['in process', spillway, () => spillway.configureRateLimit({})],
  ['spillway/memory', memory, () => memory.configureRateLimit({})],
];

describe.each(variants)('%s', (_name, api, open) => {
  beforeAll(open);
  afterAll(() => api.closeRedisConnection());

  // The clocks of client and server are read at different instants.
  function expectResetIn(resetTime: number, ms: number): void {
    expect(Math.abs(resetTime - Date.now() - ms)).toBeLessThan(1_000);
    expect(Number.isInteger(resetTime)).toBe(true);
  }

  test('the first request is counted and opens the window', async () => {
    const result = await api.checkRateLimit('first', 'FREE');
    expect(result).toEqual({ allowed: true, remaining: 99, resetTime: anyNumber, limit: 100 });
    expectResetIn(result.resetTime, HOUR);
  });

  test('of 105 parallel requests 100 are admitted, each with a number of its own', async () => {
    const results = await times(105, () => api.checkRateLimit('parallel', 'FREE'));
    const allowed = results.filter((result) => result.allowed);
    const denied = results.filter((result) => !result.allowed);
    expect(descending(allowed.map(({ remaining }) => remaining))).toEqual(countdown(100));
    expect(denied.map(({ remaining, limit }) => [remaining, limit])).toEqual(Array(5).fill([0, 100]));
    for (const { resetTime } of results) expectResetIn(resetTime, HOUR);
    expect((await api.getRateLimitStatus('parallel', 'FREE')).used).toBe(100);
  });

  test.each([
    ['FREE', 100],
    ['PRO', 1_000],
    ['ENTERPRISE', 10_000],
  ] as const)('plan %s admits %d an hour', async (plan, limit) => {
    expect(api.RATE_LIMITS[plan]).toEqual({ requests: limit, windowMs: HOUR });
    const results = await times(limit + 7, () => api.checkRateLimit(`all-${plan}`, plan));
    expect(results.filter(({ allowed }) => allowed)).toHaveLength(limit);
  });

  test('a change of plan keeps what was counted', async () => {
    await times(3, () => api.checkRateLimit('upgraded', 'FREE'));
    expect(await api.checkRateLimit('upgraded', 'PRO')).toMatchObject({ remaining: 996, limit: 1_000 });
    expect(await api.checkRateLimit('upgraded', 'FREE')).toMatchObject({ remaining: 95, limit: 100 });
  });

  test('the status counts nothing', async () => {
    const fresh = await api.getRateLimitStatus('looked-at', 'PRO');
    expect(fresh).toEqual({ remaining: 1_000, resetTime: anyNumber, limit: 1_000, used: 0 });
    expectResetIn(fresh.resetTime, HOUR);
    await times(4, () => api.checkRateLimit('looked-at', 'PRO'));
    for (let i = 0; i < 3; i++) {
      expect(await api.getRateLimitStatus('looked-at', 'PRO')).toMatchObject({ remaining: 996, used: 4 });
    }
    expect(await api.checkRateLimit('looked-at', 'PRO')).toMatchObject({ remaining: 995 });
  });

  test('a reset forgets one organization', async () => {
    await times(100, () => api.checkRateLimit('forgotten', 'FREE'));
    await api.checkRateLimit('remembered', 'FREE');
    expect((await api.checkRateLimit('forgotten', 'FREE')).allowed).toBe(false);
    expect(await api.resetRateLimit('forgotten')).toBeUndefined();
    expect(await api.checkRateLimit('forgotten', 'FREE')).toMatchObject({ allowed: true, remaining: 99 });
    expect((await api.getRateLimitStatus('remembered', 'FREE')).used).toBe(1);
  });

  test('all limits are listed under the names they are stored by', async () => {
    await times(3, () => api.checkRateLimit('org-123', 'FREE'));
    await times(2, () => api.checkRateLimit('org-456', 'PRO'));
    const all = await api.getAllRateLimits();
    expect(all).toBeInstanceOf(Map);
    expect(all.get('ratelimit:org-123')).toEqual({ count: 3, resetTime: anyNumber });
    expect(all.get('ratelimit:org-456')).toEqual({ count: 2, resetTime: anyNumber });
    expectResetIn(all.get('ratelimit:org-123')?.resetTime ?? 0, HOUR);
  });

  test('a response gets the headers of its check, or becomes the 429', async () => {
    const before = Math.floor(Date.now() / 1000);
    const served = await api.applyRateLimit(Response.json({ fine: true }, { status: 201 }), 'served', 'FREE');
    expect(served.status).toBe(201);
    expect(await served.json()).toEqual({ fine: true });
    expect(served.headers.get('X-RateLimit-Limit')).toBe('100');
    expect(served.headers.get('X-RateLimit-Remaining')).toBe('99');
    expect(Number(served.headers.get('X-RateLimit-Reset'))).toBeGreaterThanOrEqual(before + 3_600);
    expect(Number(served.headers.get('X-RateLimit-Reset'))).toBeLessThanOrEqual(before + 3_610);
    expect(served.headers.get('Retry-After')).toBeNull();

    await times(98, () => api.checkRateLimit('served', 'FREE'));
    const last = await api.applyRateLimit(new Response('last'), 'served', 'FREE');
    expect([last.status, last.headers.get('Retry-After')]).toEqual([200, null]);

    const refused = await api.applyRateLimit(new Response('one too many'), 'served', 'FREE');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('X-RateLimit-Remaining')).toBe('0');
    const body = (await refused.json()) as { retryAfter: number };
    expect(body).toEqual({
      error: 'Too Many Requests',
      message: anyString,
      retryAfter: anyNumber,
    });
    expect(refused.headers.get('Retry-After')).toBe(String(body.retryAfter));
    expect(body.retryAfter).toBeGreaterThan(3_590);
    expect(body.retryAfter).toBeLessThanOrEqual(3_601);
  });

  test('a plan that does not exist is an error, never unlimited', async () => {
    const bad = async () => api.checkRateLimit('org', 'GOLD' as 'FREE');
    await expect(bad()).rejects.toMatchObject({ name: 'RateLimitError', code: 'ERR_UNKNOWN_PLAN' });
  });

  test('closing twice is closing once, and a later call starts again', async () => {
    await api.checkRateLimit('closed', 'FREE');
    await api.closeRedisConnection();
    await api.closeRedisConnection();
    expect((await api.checkRateLimit('closed', 'FREE')).allowed).toBe(true);
  });
});

describe('headers', () => {
  const { createRateLimitHeaders, createRateLimitExceededResponse } = spillway;
  const inSeconds = (seconds: number) => Date.now() + seconds * 1000;

  test('tell limit, remaining and the end of the window in unix seconds', () => {
    expect(createRateLimitHeaders(100, 42, 1_900_000_000_000)).toEqual({
      'X-RateLimit-Limit': '100',
      'X-RateLimit-Remaining': '42',
      'X-RateLimit-Reset': '1900000000',
    });
  });

  test('Retry-After stands on a denial: rounded up, at least 1', () => {
    const retryAfter = (resetTime: number) =>
      Number(createRateLimitHeaders(5, 0, resetTime, false)['Retry-After']);
    expect(retryAfter(inSeconds(9.5))).toBe(10);
    expect(retryAfter(inSeconds(0.2))).toBe(1);
    expect(retryAfter(inSeconds(-30))).toBe(1);
  });

  test('without the fourth argument, nothing remaining counts as denied; with it, it decides', () => {
    expect(createRateLimitHeaders(5, 0, inSeconds(60))).toHaveProperty('Retry-After');
    expect(createRateLimitHeaders(5, 1, inSeconds(60))).not.toHaveProperty('Retry-After');
    expect(createRateLimitHeaders(5, 0, inSeconds(60), true)).not.toHaveProperty('Retry-After');
    expect(createRateLimitHeaders(5, 3, inSeconds(60), false)).toHaveProperty('Retry-After');
  });

  test('the 429 says when to come back', async () => {
    const response = createRateLimitExceededResponse(inSeconds(12.3));
    expect([response.status, response.headers.get('Retry-After')]).toEqual([429, '13']);
    expect(response.headers.get('Content-Type')).toMatch('application/json');
    expect(await response.json()).toMatchObject({ error: 'Too Many Requests', retryAfter: 13 });
  });
});
