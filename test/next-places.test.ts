import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closeRedisConnection, configureRateLimit, createRateLimiter } from 'spillway';
import { checkAction, checkRequest, healthRoute, rateLimitedApi } from 'spillway/next';
import { denialOf } from './support/decisions';

/** The in-process store is shared by prefix, so each test has its own. */
let prefixes = 0;
const prefix = () => `next-places-${++prefixes}:`;
const request = (path = '/api/reports', init?: RequestInit) => new Request(`http://app.test${path}`, init);

beforeEach(() => configureRateLimit({ prefix: prefix() }));
afterAll(() => closeRedisConnection());

describe('checkRequest', () => {
  const limiter = () =>
    createRateLimiter({
      rules: [{ id: 'api', match: '/api/*', by: 'ip', rate: '1/m' }],
      bypass: ['/api/health'],
      prefix: prefix(),
    });
  const headers = { 'X-Forwarded-For': '192.0.2.1' };

  test('decides by the rules of the limiter', async () => {
    const options = { limiter: limiter(), trustedProxies: 1 };
    expect((await checkRequest(request('/api/a', { headers }), options)).allowed).toBe(true);
    const denied = await checkRequest(request('/api/b', { headers }), options);
    expect(denied).toMatchObject({ allowed: false, rule: 'api' });
    expect(denialOf(denied).toResponse().status).toBe(429);
    expect((await checkRequest(request('/api/health', { headers }), options)).reason).toBe('bypass');
    expect((await checkRequest(request('/', { headers }), options)).allowed).toBe(true);
  });

  test('by the single address of a header that the proxy writes', async () => {
    const options = { limiter: limiter(), ipHeader: 'CF-Connecting-IP' };
    const from = (address: string) =>
      request('/api/a', { headers: { ...headers, 'cf-connecting-ip': address } });
    expect((await checkRequest(from('192.0.2.7'), options)).rules[0]!.subject).toBe('ip:192.0.2.7');
    expect((await checkRequest(from('192.0.2.7'), options)).allowed).toBe(false);
    expect((await checkRequest(from('192.0.2.8'), options)).allowed).toBe(true);
    expect((await checkRequest(from('192.0.2.9, 192.0.2.10'), options)).reason).toBe('unidentified');
    expect((await checkRequest(request('/api/a', { headers }), options)).reason).toBe('unidentified');
  });

  test('the path is that of Next.js, without its basePath', async () => {
    const options = { limiter: limiter(), trustedProxies: 1 };
    const asked = Object.assign(request('/docs/api/a?b=c', { headers }), { nextUrl: { pathname: '/api/a' } });
    expect((await checkRequest(asked, options)).rules.map(({ rule }) => rule)).toEqual(['api']);
    expect((await checkRequest(asked, options)).allowed).toBe(false);
  });

  test('without trusted proxies a header is not believed', async () => {
    const decision = await checkRequest(request('/api/a', { headers }), { limiter: limiter() });
    expect(decision).toMatchObject({ allowed: false, reason: 'unidentified', rule: 'api', rules: [] });
    expect(denialOf(decision).toResponse().status).toBe(429);
  });

  test('how much of an IPv6 address is one client is told by the limiter', async () => {
    const given = { rules: [{ id: 'all', rate: '9/m' }], access: { deny: ['ip:2001:db8::1'] } } as const;
    const subjects: unknown[] = [];
    for (const ipv6Subnet of [undefined, 128, 48]) {
      const options = {
        limiter: createRateLimiter({ ...given, ipv6Subnet, prefix: prefix() }),
        trustedProxies: 1,
      };
      for (const ip of ['2001:db8::1', '2001:db8::2']) {
        const { reason, rules } = await checkRequest(
          request('/', { headers: { 'X-Forwarded-For': ip } }),
          options,
        );
        subjects.push(rules[0]?.subject ?? reason);
      }
    }
    // A list names the address alone, however much of it is counted together.
    const counted = ['ip:2001:db8::/64', 'ip:2001:db8::2', 'ip:2001:db8::/48'];
    expect(subjects).toEqual(counted.flatMap((subject) => ['denied', subject]));
  });

  test('an address of identify wins', async () => {
    const options = { limiter: limiter(), trustedProxies: 1, identify: () => ({ ip: '192.0.2.9' }) };
    const { rules } = await checkRequest(request('/api/a', { headers }), options);
    expect(rules[0]).toMatchObject({ scope: 'ip', subject: 'ip:192.0.2.9' });
  });

  test('a response of identify is refused', async () => {
    const identify = () => new Response(null, { status: 401 });
    await expect(checkRequest(request(), { identify })).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
  });
});

describe('checkAction', () => {
  test('is state, plain enough for the client', async () => {
    const limiter = createRateLimiter({ rate: '1/m', prefix: prefix() });
    const send = () => checkAction({ limiter, identify: () => 'ann' });
    expect(await send()).toEqual({ ok: true });
    const denied = await send();
    expect(structuredClone(denied)).toEqual({
      ok: false,
      error: 'Too Many Requests',
      message: expect.stringContaining('Try again in'),
      retryAfter: expect.any(Number),
      resetTime: expect.any(Number),
    });
  });

  test('rules see what identify says of the path', async () => {
    const limiter = createRateLimiter({
      rules: [{ id: 'feedback', match: 'POST:/feedback', by: 'user', rate: '1/h' }],
      prefix: prefix(),
    });
    const send = (path?: string) =>
      checkAction({ limiter, identify: () => ({ user: 'ann', path: path ?? '/feedback' }) });
    expect(await send()).toEqual({ ok: true });
    expect((await send()).ok).toBe(false);
    expect((await send('/other')).ok).toBe(true);
  });

  test('one that nothing limits is an error', async () => {
    const rules = [{ id: 'signin', match: '/signin', by: 'user', rate: '1/h' }] as const;
    const limiter = createRateLimiter({ rules, plans: { FREE: '5/h' }, prefix: prefix() });
    const user = 'ann';
    const identify = () => ({ user });
    for (const act of [() => checkAction({ limiter, identify }), () => checkAction({ rules, identify })]) {
      await expect(act()).rejects.toMatchObject({
        code: 'ERR_INVALID_OPTION',
        message: expect.stringMatching(/^Nothing limits this action: /),
      });
    }
    expect(await checkAction({ limiter, identify: () => ({ user, plan: 'FREE' }) })).toEqual({ ok: true });
    const open = createRateLimiter({ rules: [{ id: 'all', rate: 'unlimited' }], prefix: prefix() });
    expect(await checkAction({ limiter: open })).toEqual({ ok: true });
  });

  test('while the store is away and closed, it says so', async () => {
    const limiter = createRateLimiter({
      redis: 'redis://127.0.0.1:1',
      rate: '1/m',
      timeoutMs: 20,
      failureMode: 'closed',
    });
    expect(await checkAction({ limiter, identify: () => 'ann' })).toMatchObject({
      ok: false,
      error: 'Service Unavailable',
      retryAfter: 1,
    });
    await limiter.close();
  });
});

describe('rateLimitedApi', () => {
  type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  async function ask(handler: Handler, times: number, headers: Record<string, string> = {}) {
    const server = createServer((req, res) => {
      handler(req, res).catch((error: Error) => res.writeHead(500).end(error.message));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const answers = [];
    for (let i = 0; i < times; i++) {
      const response = await fetch(`http://127.0.0.1:${port}/api/legacy?x=1`, { headers });
      answers.push({ status: response.status, headers: response.headers, text: await response.text() });
    }
    await new Promise((resolve) => server.close(resolve));
    return answers;
  }
  const fine = (_: IncomingMessage, res: ServerResponse) => res.end('fine');

  test('sets the headers and runs the handler, or answers 429', async () => {
    const limiter = createRateLimiter({
      rules: [{ id: 'legacy', match: 'GET:/api/legacy', by: 'ip', rate: '1/m' }],
      prefix: prefix(),
    });
    const [first, second] = await ask(rateLimitedApi(fine, { limiter, trustedProxies: ['192.0.2.0/24'] }), 2);
    expect(first).toMatchObject({ status: 200, text: 'fine' });
    expect(first!.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(second!.status).toBe(429);
    expect(second!.headers.get('content-type')).toBe('application/json');
    expect(JSON.parse(second!.text)).toMatchObject({ error: 'Too Many Requests' });
  });

  test('under a mount of Express the path is the one that came', async () => {
    const limiter = createRateLimiter({
      rules: [{ id: 'api', match: '/api/*', by: 'ip', rate: '1/m' }],
      prefix: prefix(),
    });
    const handler = rateLimitedApi(fine, { limiter, trustedProxies: 0 });
    // As app.use('/api', …) leaves it.
    const mounted: Handler = (request, response) => {
      const { url } = request;
      return handler(Object.assign(request, { originalUrl: url, baseUrl: '/api', url: '/legacy' }), response);
    };
    expect((await ask(mounted, 2)).map(({ status }) => status)).toEqual([200, 429]);
  });

  test('a handler that throws runs once and its error passes through', async () => {
    const handler = jest.fn(() => Promise.reject(new Error('mine')));
    const limiter = createRateLimiter({ rate: '5/m', prefix: prefix() });
    const [answer] = await ask(rateLimitedApi(handler, { limiter, identify: () => 'k' }), 1);
    expect(answer).toMatchObject({ status: 500, text: 'mine' });
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test('a response of identify, and an answer of onDenied, are sent', async () => {
    const limiter = createRateLimiter({ rate: '0/s', prefix: prefix() });
    const headers = [
      ['Set-Cookie', 'session=; Max-Age=0'],
      ['Set-Cookie', 'next=/a'],
    ] as [string, string][];
    const identify = () => Response.json({ who: null }, { status: 401, headers });
    const [stranger] = await ask(rateLimitedApi(fine, { limiter, identify }), 1);
    expect(stranger).toMatchObject({ status: 401, text: '{"who":null}' });
    expect(stranger!.headers.getSetCookie()).toEqual(['session=; Max-Age=0', 'next=/a']);
    const onDenied = (_: unknown, __: unknown, res: ServerResponse) => {
      res.writeHead(418).end('tea');
    };
    const own = await ask(rateLimitedApi(fine, { limiter, identify: () => 'k', onDenied }), 1);
    expect(own[0]).toMatchObject({ status: 418, text: 'tea' });
    expect(own[0]!.headers.has('retry-after')).toBe(true);
    const looked = await ask(rateLimitedApi(fine, { limiter, identify: () => 'k', onDenied: () => {} }), 1);
    expect(looked[0]!.status).toBe(429);
  });
});

describe('healthRoute', () => {
  test('says how a check went, and nothing about where', async () => {
    const response = await healthRoute()(request('/api/health'));
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({
      status: 'healthy',
      store: 'memory',
      enabled: true,
      latencyMs: expect.any(Number),
      connectedSince: null,
    });
  });

  test('a store that is away is degraded, under the status that is asked for', async () => {
    const limiter = createRateLimiter({
      redis: 'redis://:secret@127.0.0.1:1',
      rate: '1/m',
      timeoutMs: 20,
    });
    const response = await healthRoute(limiter)(request());
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ status: 'degraded', store: 'redis', latencyMs: null });
    expect(text).not.toMatch(/secret|127\.0\.0\.1/);
    expect((await healthRoute(limiter, { unhealthyStatus: 503 })(request())).status).toBe(503);
    expect(() => healthRoute(limiter, { unhealthyStatus: 42 })).toThrow('unhealthyStatus');
    await limiter.close();
  });
});
