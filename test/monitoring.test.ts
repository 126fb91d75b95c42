/** The routes of spillway/monitoring, asked as a server hands them their requests. */
import { createRateLimiter, memoryStore, type Change } from 'spillway';
import { createMonitoringRoutes, type MonitoringOptions } from 'spillway/monitoring';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
const SECRET = 'Bearer of-the-admin';
const HOST = 'app.example.com';

/** What the tests read of answers. */
interface Body {
  items: { key: string; rule: string; count: number }[];
  cursor: string;
  topDenied: object[];
  fleet: object | null;
}

/** Who has the secret is admin 7. */
const authorize = ({ headers }: Request) =>
  headers.get('authorization') === SECRET ? { by: 'admin:7', from: '192.0.2.1' } : false;

async function mounted(options: Partial<MonitoringOptions> = {}, analytics = false) {
  const redis = await own(RedisServer.start());
  const changes: Change[] = [];
  const limiter = await own(
    createRateLimiter({
      redis: redis.url,
      plans: { FREE: ['3/h', { rate: '2/m', algorithm: 'sliding-window' }] },
      rules: [
        { id: 'api', match: ['/api/*', 'POST:/rpc'], by: ['user', 'ip'], rate: '5/m', missing: 'skip' },
      ],
      analytics,
      logger: false,
      onChange: (change) => changes.push(change),
    }),
  );
  const { fetch } = createMonitoringRoutes({ limiter, authorize, ...options });
  const ask = async (path: string, init: RequestInit & { headers?: Record<string, string> } = {}) => {
    const headers = { host: HOST, authorization: SECRET, ...init.headers };
    const response = await fetch(
      new Request(`http://127.0.0.1:3000/api/rate-limit${path}`, { ...init, headers }),
    );
    return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
  };
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    ask(path, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  return { redis, limiter, changes, ask, post };
}

test('without authorize they do not start, and say what to write', () => {
  const limiter = createRateLimiter({ store: memoryStore(), rate: '1/s' });
  expect(() => createMonitoringRoutes({ limiter } as never)).toThrow(
    /authorize is missing: .*async \(request\) =>/,
  );
  expect(() => createMonitoringRoutes({ limiter: {} as never, authorize })).toThrow(/what createRateLimiter/);
  const wrong = (more: object) => () => createMonitoringRoutes({ limiter, authorize, ...more });
  expect(wrong({ basePath: 'api' })).toThrow(/basePath must be a path/);
  expect(wrong({ origins: ['admin.example.com'] })).toThrow(/origins\[0\] must be such as https/);
  expect(wrong({ autorize: () => true })).toThrow(/autorize/);
});

test.each(['/health', '/metrics', '/metrics/real-time', '/config', '/status/org-1', '/list', '/nothing'])(
  '%s is for those alone whom authorize lets in',
  async (path) => {
    const { ask } = await mounted();
    const { status, body } = await ask(path, { headers: { authorization: 'Bearer guessed' } });
    expect([status, body]).toEqual([403, { error: 'forbidden', message: expect.any(String) }]);
  },
);

test('a redirect of authorize is answered as it is, and what it throws is thrown', async () => {
  const login = () => Response.json({ login: true }, { status: 401 });
  const { ask } = await mounted({ authorize: login });
  expect(await ask('/metrics')).toMatchObject({ status: 401, body: { login: true } });
  const { ask: broken } = await mounted({ authorize: () => Promise.reject(new Error('no session store')) });
  await expect(broken('/metrics')).rejects.toThrow('no session store');
});

describe('health', () => {
  test('that is public tells healthy or not, and nothing more', async () => {
    const { redis, ask } = await mounted({ publicHealth: true });
    const headers = { authorization: '' };
    expect(await ask('/health', { headers })).toMatchObject({ status: 200, body: { status: 'healthy' } });
    await redis.kill();
    await until('it is seen', async () => (await ask('/health', { headers })).status === 503);
    const { body } = await ask('/health', { headers });
    expect(body).toEqual({ status: 'unhealthy' });
  });

  test('asks the store once a second, however many ask', async () => {
    const { redis, ask } = await mounted({ publicHealth: true, rate: '1/h' });
    await redis.command('CONFIG', 'RESETSTAT');
    for (let i = 0; i < 100; i++) expect((await ask('/health')).status).toBe(200);
    const calls = await redis.calls();
    const commands = Object.values(calls).reduce((sum, one) => sum + one, 0);
    expect(commands).toBeGreaterThan(0);
    expect(commands).toBeLessThan(30);
  });

  test('tells an administrator everything but secrets', async () => {
    const { ask } = await mounted();
    const { body } = await ask('/health');
    expect(body).toMatchObject({
      status: 'healthy',
      store: 'redis',
      healthy: true,
      breaker: { state: 'closed' },
    });
  });
});

test('reading counts nothing, and tells who is counted by which rule', async () => {
  const { limiter, ask } = await mounted();
  for (let i = 0; i < 4; i++) await limiter.check('org-1', 'FREE');
  await limiter.checkRequest({
    method: 'GET',
    path: '/api/users',
    user: '7',
    organization: 'org-2',
    plan: 'FREE',
  });
  const items = async (path: string) => ((await ask(path)).body.items as object[]).map(essence);
  const seen = [
    { key: 'org-1', rule: 'FREE', count: 2 },
    { key: 'org-1', rule: 'FREE:sliding-window-1m', count: 2 },
  ];
  for (let i = 0; i < 3; i++) expect(await items('/status/org-1')).toEqual(seen);
  expect(await items('/status/7?kind=user')).toEqual([{ key: '7', rule: 'api', count: 1 }]);
  expect(await items('/status/user%3A7')).toEqual([{ key: '7', rule: 'api', count: 1 }]);
  expect(await items('/status/org-1?rule=FREE')).toEqual(seen.slice(0, 1));
  expect(await items('/status/nobody')).toEqual([]);
  expect((await items('/list?kind=organization&rule=FREE')).length).toBe(2);
  expect(await ask('/status/7?kind=moon')).toMatchObject({
    status: 400,
    body: { error: 'ERR_INVALID_OPTION' },
  });
  expect(await ask('/status/a?rule=none')).toMatchObject({
    status: 400,
    body: { error: 'ERR_INVALID_OPTION' },
  });
  expect(await ask(`/status/${'a'.repeat(2_000)}`)).toMatchObject({
    status: 400,
    body: { error: 'ERR_INVALID_KEY' },
  });
});

const essence = ({ key, rule, count }: { key?: string; rule?: string; count?: number }) => ({
  key,
  rule,
  count,
});

test('a listing comes page by page, each key once, whoever asks for the next', async () => {
  const { limiter, ask } = await mounted();
  const keys = Array.from({ length: 250 }, (_, i) => `org-${i}`);
  await Promise.all(keys.map((key) => limiter.check(key, 'FREE')));
  const seen: string[] = [];
  let pages = 0;
  for (let cursor: string | undefined = ''; cursor !== undefined; pages++) {
    const query = new URLSearchParams({ rule: 'FREE', limit: '40', cursor });
    const { body } = await ask(`/list?${query.toString()}`);
    seen.push(...body.items.map(({ key }: { key: string }) => key));
    cursor = body.cursor === '' ? undefined : body.cursor;
  }
  expect(seen.sort()).toEqual([...keys].sort());
  expect(pages).toBeGreaterThan(3);
  expect((await ask('/list?limit=100000')).status).toBe(400);
  expect(await ask('/list?cursor=99:0')).toMatchObject({
    status: 400,
    body: { error: 'ERR_INVALID_OPTION' },
  });
});

test('config has the limits as they hold, and nothing secret', async () => {
  const { ask, redis } = await mounted();
  const { body } = await ask('/config');
  expect(body).toEqual({
    prefix: 'ratelimit:',
    plans: {
      FREE: [
        {
          id: 'FREE',
          algorithm: 'fixed-window',
          limit: 3,
          windowMs: 3_600_000,
          burst: 3,
          failureMode: 'open',
          shadow: false,
        },
        {
          id: 'FREE:sliding-window-1m',
          algorithm: 'sliding-window',
          limit: 2,
          windowMs: 60_000,
          burst: 2,
          failureMode: 'open',
          shadow: false,
        },
      ],
    },
    rate: null,
    rules: [
      {
        ...{
          id: 'api',
          algorithm: 'fixed-window',
          limit: 5,
          windowMs: 60_000,
          burst: 5,
          failureMode: 'open',
          shadow: false,
        },
        match: expect.arrayContaining(['/api/*', 'POST:/rpc']),
        by: ['user', 'ip'],
      },
    ],
    access: { allow: 0, deny: 0, overrides: 0 },
  });
  expect(JSON.stringify(body)).not.toContain(redis.url);
});

test('metrics: figures of this process, who is denied most, and of the fleet', async () => {
  const { limiter, ask } = await mounted();
  for (let i = 0; i < 4; i++) await limiter.check('org-1', 'FREE');
  const request = {
    method: 'GET',
    path: '/api/users',
    user: '7',
    organization: 'org-2',
    plan: 'FREE',
  } as const;
  for (let i = 0; i < 3; i++) await limiter.checkRequest(request);
  const { body } = await ask('/metrics');
  expect(body.fleet).toBe(null);
  expect(body).toMatchObject({ decisions: { ok: 4, limit: 3 }, store: 'redis' });
  expect(body.topDenied).toMatchObject([
    { kind: 'organization', subject: 'org-1', count: 2 },
    { kind: 'organization', subject: 'org-2', count: 1 },
  ]);
});

test('endpoints and the last minutes are those of the fleet', async () => {
  const { redis, limiter, ask } = await mounted({}, true);
  const request = {
    method: 'GET',
    path: '/api/users',
    user: '7',
    organization: 'org-2',
    plan: 'FREE',
  } as const;
  const other = createRateLimiter({
    redis: redis.url,
    plans: { FREE: '2/m' },
    rules: [],
    analytics: true,
    logger: false,
  });
  for (let i = 0; i < 3; i++) await other.checkRequest(request);
  await other.close();
  await until('it was told', async () => (await limiter.fleet()).denied === 1);
  const found = await ask(`/metrics/endpoint/${encodeURIComponent('GET /api/users')}`);
  expect(found).toMatchObject({
    status: 200,
    body: { admitted: 2, denied: 1, byHour: [{ admitted: 2, denied: 1 }] },
  });
  expect(await ask('/metrics/endpoint/GET%20%2Fnever')).toMatchObject({
    ...{ status: 404, body: { message: expect.stringContaining('GET /api/users') } },
  });
  expect((await ask('/metrics/real-time')).body).toEqual({
    requestsPerMinute: expect.any(Number),
    denialRate: 1 / 3,
    algorithms: ['fixed-window', 'sliding-window'],
    scopes: ['user', 'ip'],
  });
});

test('a limiter that keeps no analytics says so', async () => {
  const limiter = await own(createRateLimiter({ store: memoryStore(), rate: '1/s' }));
  const { GET } = createMonitoringRoutes({ limiter, authorize: () => true, basePath: '/' });
  const endpoint = await GET(new Request('http://localhost/metrics/endpoint/x'));
  expect([endpoint.status, await endpoint.json()]).toMatchObject([501, { error: 'no-analytics' }]);
  const realTime = await GET(new Request('http://localhost/metrics/real-time'));
  expect(await realTime.json()).toMatchObject({ requestsPerMinute: null, algorithms: ['fixed-window'] });
});

describe('reset', () => {
  test('forgets one rule or all, and the audit has who did it', async () => {
    const { limiter, changes, ask, post } = await mounted();
    for (let i = 0; i < 3; i++) await limiter.check('org-1', 'FREE');
    await limiter.block('org-1', 60_000);
    expect(await post('/reset', { key: 'org-1' })).toMatchObject({ status: 200, body: { forgotten: true } });
    expect((await ask('/status/org-1')).body.items).toEqual([]);
    expect((await post('/reset', { key: 'org-1', rule: 'FREE' })).body).toEqual({
      key: 'org-1',
      forgotten: false,
    });
    await until('it was told', () => changes.some(({ kind }) => kind === 'reset'));
    const [reset] = changes.filter(({ kind }) => kind === 'reset');
    expect(reset).toMatchObject({ subject: 'org-1', by: 'admin:7', from: '192.0.2.1' });
  });

  test.each([
    ['another site', { origin: 'https://evil.example' }],
    ['a page without an origin', { origin: 'null' }],
    ['a subdomain', { 'sec-fetch-site': 'same-site' }],
    ['a browser that sends no Origin', { 'sec-fetch-site': 'cross-site' }],
    ['another port of the host', { origin: `https://${HOST}:8443` }],
  ])('from %s is refused', async (_who, headers) => {
    const { limiter, post } = await mounted();
    await limiter.check('org-1', 'FREE');
    expect(await post('/reset', { key: 'org-1' }, headers)).toMatchObject({
      status: 403,
      body: { error: 'cross-site' },
    });
    expect(await limiter.status('org-1')).toHaveLength(2);
  });

  test.each([
    ['the page itself', { origin: `https://${HOST}`, 'sec-fetch-site': 'same-origin' }],
    ['an origin that is named', { origin: 'https://admin.example.com', 'sec-fetch-site': 'same-site' }],
    ['no browser', {}],
  ])('from %s is done', async (_who, headers) => {
    const { limiter, post } = await mounted({ origins: ['https://admin.example.com'] });
    await limiter.check('org-1', 'FREE');
    expect((await post('/reset', { key: 'org-1' }, headers)).body).toEqual({ key: 'org-1', forgotten: true });
  });

  test.each([
    ['a form', 'key=org-1', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['no JSON', '{', {}, 400],
    ['no key', '{}', {}, 400],
    ['null', 'null', {}, 400],
    ['too much', JSON.stringify({ key: 'a'.repeat(9_000) }), {}, 413],
    ['a kind that there is not', JSON.stringify({ key: 'a', kind: 'moon' }), {}, 400],
    ['a rule that there is not', JSON.stringify({ key: 'a', rule: 'moon' }), {}, 400],
  ])('%s is refused', async (_what, body, headers, status) => {
    const { post } = await mounted();
    expect((await post('/reset', body, headers)).status).toBe(status);
  });

  test('a GET changes nothing, and says what to send', async () => {
    const { ask } = await mounted();
    const { status, headers } = await ask('/reset');
    expect([status, headers.get('allow')]).toEqual([405, 'POST']);
  });
});

test('they are limited themselves, each caller apart, and those who are refused apart from all', async () => {
  const { ask } = await mounted({ rate: '3/h' });
  const guess = () => ask('/config', { headers: { authorization: 'Bearer guessed' } });
  for (let i = 0; i < 3; i++) expect((await guess()).status).toBe(403);
  const { status, headers } = await guess();
  expect([status, Number(headers.get('retry-after')) > 3_000]).toEqual([429, true]);
  for (let i = 0; i < 3; i++) expect((await ask('/config')).status).toBe(200);
  expect((await ask('/config')).status).toBe(429);
});

test('a store that is away is said with a 503, and no address', async () => {
  const { redis, ask, post } = await mounted();
  await redis.kill();
  for (const answer of [
    await ask('/status/org-1'),
    await ask('/list'),
    await post('/reset', { key: 'org-1' }),
  ]) {
    expect(answer).toMatchObject({ status: 503, body: { error: 'ERR_UNAVAILABLE' } });
  }
  expect(await ask('/nothing/here')).toMatchObject({
    status: 404,
    body: { message: expect.stringContaining('metrics') },
  });
  const { headers } = await ask('/config');
  expect(headers.get('cache-control')).toBe('no-store');
});
