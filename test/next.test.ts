import { closeRedisConnection, configureRateLimit, createRateLimiter, getRateLimitStatus } from 'spillway';
import { version } from '../package.json';
import { checkRequest, rateLimited } from 'spillway/next';

/** The in-process store is shared by prefix, so each test has its own. */
let prefixes = 0;
const prefix = () => `next-${++prefixes}:`;
const request = (path = '/api/reports', init?: RequestInit) => new Request(`http://app.test${path}`, init);
const ok = () => Response.json({ fine: true });

beforeEach(() => configureRateLimit({ prefix: prefix() }));
afterAll(() => closeRedisConnection());

describe('rateLimited', () => {
  const acme = () => ({ organization: 'acme', plan: 'FREE' as const });

  test('counts in the drop-in under the plan of who asks, and adds the headers', async () => {
    const GET = rateLimited(ok, { identify: acme });
    const response = await GET(request(), {});
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ fine: true });
    expect(response.headers.get('x-ratelimit-limit')).toBe('100');
    expect(response.headers.get('x-ratelimit-remaining')).toBe('99');
    expect(response.headers.has('retry-after')).toBe(false);
    expect((await getRateLimitStatus('acme', 'FREE')).used).toBe(1);
  });

  test('an id that looks like a marked one counts where the status of the drop-in looks', async () => {
    await rateLimited(ok, { identify: () => ({ organization: 'user:1', plan: 'PRO' }) })(request(), {});
    expect((await getRateLimitStatus('user:1', 'PRO')).used).toBe(1);
  });

  test('a handler that returns nothing is for Next.js to complain about', async () => {
    const limiter = createRateLimiter({ rate: '5/m', prefix: prefix() });
    const handler = (() => Promise.resolve(undefined)) as unknown as () => Promise<Response>;
    const GET = rateLimited(handler, { limiter, identify: () => 'key' });
    expect(await GET(request(), undefined)).toBeUndefined();
    await limiter.close();
  });

  test('over the limit the handler does not run', async () => {
    const limiter = createRateLimiter({ rate: '1/m', prefix: prefix() });
    const handler = jest.fn(ok);
    const GET = rateLimited(handler, { limiter, identify: () => 'key' });
    expect((await GET(request(), {})).status).toBe(200);
    const denied = await GET(request(), {});
    expect(denied.status).toBe(429);
    expect(handler).toHaveBeenCalledTimes(1);
    expect(Number(denied.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(denied.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(await denied.json()).toEqual({
      error: 'Too Many Requests',
      message: expect.stringMatching(/^Rate limit exceeded. Try again in \d+ seconds?\.$/),
      retryAfter: Number(denied.headers.get('retry-after')),
    });
  });

  test('one rate counts who asks, whether identify tells a key or an organization', async () => {
    const limiter = createRateLimiter({ rate: '2/m', prefix: prefix() });
    const told = ['acme', { organization: 'acme' }, { organization: 'acme' }];
    const statuses: number[] = [];
    for (const caller of told) {
      const GET = rateLimited(ok, { limiter, identify: () => caller });
      statuses.push((await GET(request(), {})).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
  });

  test('beside a key of identify the rules, the bypass and the lists of the limiter hold', async () => {
    const limiter = createRateLimiter({
      rate: '3/m',
      rules: [{ id: 'signin', match: 'POST:/signin', by: 'ip', rate: '1/m' }],
      bypass: ['/health'],
      access: { deny: ['ip:192.0.2.9', 'mallory'] },
      prefix: prefix(),
    });
    const ask = (path: string, key = 'acme', ip = '192.0.2.1') =>
      checkRequest(request(path, { method: 'POST', headers: { 'X-Forwarded-For': ip } }), {
        limiter,
        trustedProxies: 1,
        identify: () => key,
      });
    expect((await ask('/signin')).rules.map(({ rule, subject }) => [rule, subject])).toEqual([
      ['signin', 'ip:192.0.2.1'],
      ['rate', 'acme'],
    ]);
    expect(await ask('/signin')).toMatchObject({ allowed: false, rule: 'signin' });
    expect(await ask('/health')).toMatchObject({ allowed: true, reason: 'bypass' });
    expect(await ask('/x', 'acme', '192.0.2.9')).toMatchObject({ allowed: false, reason: 'denied' });
    expect(await ask('/x', 'mallory')).toMatchObject({ allowed: false, reason: 'denied' });
    expect((await limiter.peek('acme')).remaining).toBe(2);
    await expect(ask('/x', '')).rejects.toMatchObject({ code: 'ERR_INVALID_KEY' });
    const other = createRateLimiter({ plans: { A: '1/m' }, rules: [], prefix: prefix() });
    const keyed = { limiter: other, identify: (() => 'acme') as unknown as () => { plan: 'A' } };
    await expect(checkRequest(request(), keyed)).rejects.toMatchObject({ code: 'ERR_UNKNOWN_PLAN' });
  });

  test('a handler that throws runs once, its error passes through, and the charge stays', async () => {
    const limiter = createRateLimiter({ rate: '5/m', prefix: prefix() });
    const error = Object.assign(new Error('NEXT_REDIRECT'), { digest: 'NEXT_REDIRECT;replace;/;307;' });
    const handler = jest.fn((): Promise<Response> => Promise.reject(error));
    const GET = rateLimited(handler, { limiter, identify: () => 'key' });
    await expect(GET(request(), {})).rejects.toBe(error);
    expect(handler).toHaveBeenCalledTimes(1);
    expect((await limiter.peek('key')).remaining).toBe(4);
  });

  test('a cost, and that of a caller before it', async () => {
    const limiter = createRateLimiter({ plans: { FREE: '10/m' }, prefix: prefix() });
    const options = { limiter, cost: 3 };
    await rateLimited(ok, { ...options, identify: acme })(request(), {});
    await rateLimited(ok, { ...options, identify: () => ({ ...acme(), cost: 5 }) })(request(), {});
    expect((await limiter.peek('acme', 'FREE')).remaining).toBe(2);
  });

  test('a plan and rules of this place are charged together, or not at all', async () => {
    const rules = [{ id: 'export', by: 'user', rate: '1/d' }] as const;
    const GET = rateLimited(ok, { rules, identify: () => ({ ...acme(), user: 'ann' }) });
    expect((await GET(request(), {})).status).toBe(200);
    expect((await GET(request(), {})).status).toBe(429);
    expect((await getRateLimitStatus('acme', 'FREE')).used).toBe(1);
  });

  test('rules of a place follow configureRateLimit', async () => {
    const rules = [{ id: 'all', by: 'global', rate: '1/d' }] as const;
    const GET = rateLimited(ok, { rules });
    await GET(request(), {});
    expect((await GET(request(), {})).status).toBe(429);
    configureRateLimit({ prefix: prefix() });
    expect((await GET(request(), {})).status).toBe(200);
    await closeRedisConnection();
    expect((await GET(request(), {})).status).toBe(200);
  });

  test('a list of rules that each call writes anew shares the count, and old ones are let go of', async () => {
    const rules = () => [{ id: 'all', by: 'global', rate: '2/d' }] as const;
    const statuses: number[] = [];
    for (let i = 0; i < 600; i++) {
      statuses.push((await rateLimited(ok, { rules: rules() })(request(), {})).status);
    }
    expect(statuses.slice(0, 3)).toEqual([200, 200, 429]);
    expect(statuses.slice(3).every((status) => status === 429)).toBe(true);
    // Each limiter that is still held has a share in the store.
    const stores = (globalThis as unknown as Record<symbol, Set<{ references: number }>>)[
      Symbol.for(`spillway@${version}`)
    ];
    expect(Math.max(...[...stores!].map(({ references }) => references))).toBeLessThan(300);
  });

  test('rules see the method, the path and the address of the trusted proxy', async () => {
    const limiter = createRateLimiter({
      rules: [{ id: 'signin', match: 'POST:/api/auth/signin', by: 'ip', rate: '1/h' }],
      prefix: prefix(),
    });
    const POST = rateLimited(ok, { limiter, trustedProxies: 1 });
    const from = (ip: string, path = '/api/auth/signin?next=/') =>
      POST(request(path, { method: 'POST', headers: { 'X-Forwarded-For': `203.0.113.9, ${ip}` } }), {});
    expect((await from('192.0.2.1')).status).toBe(200);
    expect((await from('192.0.2.1')).status).toBe(429);
    expect((await from('192.0.2.2')).status).toBe(200);
    expect((await from('192.0.2.1', '/api/other')).status).toBe(200);
  });

  test('a response of identify is answered in place of everything', async () => {
    const handler = jest.fn(ok);
    const GET = rateLimited(handler, { identify: () => new Response(null, { status: 401 }) });
    const response = await GET(request(), {});
    expect([response.status, response.headers.has('x-ratelimit-limit')]).toEqual([401, false]);
    expect(handler).not.toHaveBeenCalled();
  });

  test('without an id or a plan nothing is admitted unseen', async () => {
    const unplanned = { organization: 'acme' };
    await expect(rateLimited(ok, { identify: () => unplanned })(request(), {})).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_PLAN',
    });
    const nobody = { organization: undefined, plan: 'FREE' as const };
    await expect(rateLimited(ok, { identify: () => nobody })(request(), {})).rejects.toMatchObject({
      code: 'ERR_INVALID_KEY',
    });
  });

  test('onDenied answers, or only looks', async () => {
    const limiter = createRateLimiter({ rate: '0/s', prefix: prefix() });
    const seen: unknown[] = [];
    const own = rateLimited(ok, {
      limiter,
      identify: () => 'key',
      onDenied: ({ limit }) => Response.json({ limit }, { status: 418 }),
    });
    const response = await own(request(), {});
    expect([response.status, await response.json()]).toEqual([418, { limit: 0 }]);
    expect(response.headers.has('retry-after')).toBe(true);

    const context = { params: Promise.resolve({ id: '7' }) };
    const note = rateLimited(ok, {
      limiter,
      identify: () => 'key',
      onDenied: (decision, asked: Request, given: typeof context) => {
        seen.push(decision.rule, asked.url, given);
      },
    });
    expect((await note(request(), context)).status).toBe(429);
    expect(seen).toEqual(['rate', 'http://app.test/api/reports', context]);
  });

  test('a redirect, whose headers cannot be changed, gets them on a copy', async () => {
    const GET = rateLimited(() => Response.redirect('http://app.test/there', 307), { identify: acme });
    const response = await GET(request(), {});
    expect([response.status, response.headers.get('location')]).toEqual([307, 'http://app.test/there']);
    expect(response.headers.get('x-ratelimit-limit')).toBe('100');
  });

  test('misspelled and contradicting options are refused at once', () => {
    const limiter = createRateLimiter({ rate: '1/s' });
    const refused = (options: object) => () => rateLimited(ok, options);
    expect(refused({ identity: acme })).toThrow('Unknown option "identity". Did you mean identify?');
    expect(refused({ cost: 0 })).toThrow('cost must be an integer from 1 to 2^53-1, not 0.');
    expect(refused({ limiter, rules: [] })).toThrow('either limiter or rules');
    expect(refused(null as never)).toThrow('must be an object');
  });
});
