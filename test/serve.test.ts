/** `spillway serve`, as programs of any language ask it. */
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { request } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { runIn } from './support/cli';
import { owner } from './support/owned';
import { ROOT } from './support/process';
import { RedisServer } from './support/redis';
import { Service, type ServiceOptions } from './support/service';
import { until } from './support/wait';

const own = owner();
const KEY = 'a-key-of-the-tests-which-is-long';
const OTHER = 'another-key-which-is-as-long';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const CONFIG = {
  plans: { FREE: '3/h' },
  rules: [{ id: 'login', match: 'POST:/login', by: 'ip', rate: '2/m' }],
};

async function started(options: ServiceOptions = {}) {
  const redis = await own(RedisServer.start());
  const env = { REDIS_URL: redis.url, SPILLWAY_API_KEYS: `web:${KEY}`, ...options.env };
  const service = await own(Service.start({ config: CONFIG, ...options, env }));
  const post = (path: string, body: unknown) => service.post(path, body, KEY);
  return { redis, service, post };
}

test('a key is checked under its plan: 200 for both answers, with the headers of the limit', async () => {
  const { redis, post } = await started();
  const check = { key: 'org-1', plan: 'FREE' };
  const first = await post('/v1/check', check);
  expect(first).toMatchObject({
    status: 200,
    body: { allowed: true, reason: 'ok', limit: 3, remaining: 2, rule: 'FREE', source: 'redis' },
  });
  expect(first.headers.get('x-ratelimit-remaining')).toBe('2');
  expect(first.headers.get('retry-after')).toBeNull();
  expect((await post('/v1/check', { ...check, cost: 3 })).body).toMatchObject({
    allowed: false,
    remaining: 2,
  });
  expect((await post('/v1/check', { ...check, peek: true })).body).toMatchObject({ remaining: 2 });
  await post('/v1/check', { ...check, cost: 2 });
  const denied = await post('/v1/check', check);
  expect(denied).toMatchObject({ status: 200, body: { allowed: false, reason: 'limit', remaining: 0 } });
  expect(Number(denied.headers.get('retry-after'))).toBeGreaterThan(3_000);
  expect(await redis.charged('ratelimit:org-1')).toBe(3);
});

test('a request is checked under the rules that match it', async () => {
  const { post } = await started();
  const login = { request: { method: 'POST', path: '/login', ip: '203.0.113.9', user: null } };
  const allowed = [];
  for (let i = 0; i < 3; i++) allowed.push((await post('/v1/check', login)).body.allowed);
  expect(allowed).toEqual([true, true, false]);
  expect((await post('/v1/check', { ...login, peek: true })).body).toMatchObject({
    rule: 'login',
    remaining: 0,
  });
  const elsewhere = { request: { ...login.request, path: '/', organization: 'org-9' }, plan: 'FREE' };
  expect((await post('/v1/check', elsewhere)).body).toMatchObject({ rule: 'FREE', remaining: 2 });
});

test('several checks in one call are answered in order, each for itself', async () => {
  const { redis, post } = await started();
  const checks = [
    { key: 'a', plan: 'FREE' },
    { key: 'a', plan: 'GOLD' },
    { key: 'b', plan: 'FREE', cost: 4 },
    { request: { method: 'POST', path: '/login', ip: 'nowhere' } },
  ];
  const { status, body } = await post('/v1/checks', { checks });
  expect(status).toBe(200);
  expect(body.decisions).toMatchObject([
    { allowed: true, remaining: 2 },
    { error: 'ERR_UNKNOWN_PLAN', message: expect.stringContaining('FREE') },
    { allowed: false, reason: 'never-fits' },
    { allowed: false, reason: 'unidentified' },
  ]);
  expect(await redis.charged('ratelimit:a')).toBe(1);
  expect((await post('/v1/checks', { checks: [] })).status).toBe(400);
  expect((await post('/v1/checks', { checks: Array(101).fill(checks[0]) })).status).toBe(400);
});

test('what is counted for one subject is shown and forgotten, whatever is in its key', async () => {
  const { service, post } = await started();
  const key = 'org/1 ? % ü';
  await post('/v1/check', { key, plan: 'FREE' });
  await post('/v1/check', { request: { method: 'POST', path: '/login', ip: '203.0.113.9' } });
  const status = (path: string) => service.ask(`/v1/status/${path}`, { key: KEY });
  const found = await status(encodeURIComponent(key));
  expect(found).toMatchObject({
    status: 200,
    body: { subject: key, items: [{ key, rule: 'FREE', count: 1 }] },
  });
  expect(found.headers.get('cache-control')).toBe('no-store');
  expect((await status('203.0.113.9?kind=ip&rule=login')).body.items).toMatchObject([
    { rule: 'login', count: 1 },
  ]);
  expect((await status('nobody')).body.items).toEqual([]);
  expect((await post('/v1/reset', { key })).body).toEqual({ key, forgotten: true });
  expect((await post('/v1/reset', { key })).body).toEqual({ key, forgotten: false });
  expect((await post('/v1/reset', { key: '203.0.113.9', kind: 'ip' })).body).toMatchObject({
    forgotten: true,
  });
  expect((await status('a'.repeat(1_024))).status).toBe(200);
  expect(await status('ü'.repeat(512))).toMatchObject({ status: 200 });
  expect(await status('a'.repeat(1_025))).toMatchObject({ status: 400, body: { error: 'ERR_INVALID_KEY' } });
  expect(await status('a'.repeat(3_073))).toMatchObject({ status: 414, body: { error: 'too-large' } });
  expect(await status('%zz')).toMatchObject({ status: 400, body: { error: 'bad-request' } });
});

describe('what cannot be used is refused with a code and a sentence', () => {
  let service: Service;
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
    service = await Service.start({
      config: CONFIG,
      env: { REDIS_URL: redis.url, SPILLWAY_API_KEYS: KEY },
    });
  });
  afterAll(async () => {
    await service.close();
    await redis.close();
  });

  test.each([
    [
      'a field that is misspelled',
      { key: 'a', plna: 'FREE' },
      400,
      'bad-request',
      /plna.*Did you mean plan\?/,
    ],
    [
      'one inside a request',
      { request: { method: 'GET', path: '/', iq: '' } },
      400,
      'bad-request',
      /request\.ip\?/,
    ],
    ['no key and no request', { plan: 'FREE' }, 400, 'bad-request', /The body must have key or request/],
    ['both', { key: 'a', request: { method: 'GET', path: '/' } }, 400, 'bad-request', /not both/],
    ['a request without a path', { request: { method: 'GET' } }, 400, 'bad-request', /request .*'path'/],
    [
      'a cost that is no number',
      { key: 'a', plan: 'FREE', cost: '2' },
      400,
      'bad-request',
      /^cost must be integer/,
    ],
    [
      'a policy that there is not',
      { key: 'a', failureMode: 'x' },
      400,
      'bad-request',
      /failureMode .*: open, closed, memory/,
    ],
    ['an unknown plan', { key: 'a', plan: 'GOLD' }, 400, 'ERR_UNKNOWN_PLAN', /"GOLD" is not a plan/],
    ['no plan', { key: 'a' }, 400, 'ERR_UNKNOWN_PLAN', /FREE/],
    ['an empty key', { key: '', plan: 'FREE' }, 400, 'ERR_INVALID_KEY', /is empty/],
    ['no JSON', '{"key":', 400, 'bad-request', /The body is not JSON/],
    ['a list', [], 400, 'bad-request', /The body must have key or request/],
    ['a prototype', '{"key":"a","__proto__":{"x":1}}', 400, 'bad-request', /./],
    ['a large body', { key: 'a'.repeat(20_000), plan: 'FREE' }, 413, 'too-large', /too large/],
  ])('%s', async (_what, body, status, error, message) => {
    const answer = await service.post('/v1/check', body, KEY);
    expect(answer).toMatchObject({ status, body: { error, message: expect.stringMatching(message) } });
  });

  test.each([
    ['POST', '/v1/check', { 'content-type': 'text/plain' }, 415, 'unsupported-media-type'],
    [
      'POST',
      '/v1/check',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'unsupported-media-type',
    ],
    ['GET', '/v1/check', {}, 405, 'method-not-allowed'],
    ['DELETE', '/v1/status/a', {}, 405, 'method-not-allowed'],
    ['PUT', '/health', { 'content-type': 'text/plain' }, 405, 'method-not-allowed'],
    ['GET', '/v1/other', {}, 404, 'not-found'],
    ['GET', '/', {}, 404, 'not-found'],
    ['GET', '/v1/status/a?knd=ip', {}, 400, 'bad-request'],
    ['GET', '/v1/status/a?kind=moon', {}, 400, 'bad-request'],
    ['GET', '/v1/status/a?rule=none', {}, 400, 'ERR_INVALID_OPTION'],
  ])('%s %s', async (method, path, headers, status, error) => {
    const body = method === 'POST' || method === 'PUT' ? 'key=a' : undefined;
    const answer = await service.ask(path, { method, key: KEY, headers, body });
    expect(answer).toMatchObject({ status, body: { error, message: expect.any(String) } });
    if (status === 405) expect(answer.headers.get('allow')).toMatch(/^(POST|GET, HEAD)$/);
  });

  test('a body that is too large is read to its end, so that who sends it hears why', async () => {
    const { status, headers, body } = await service.post('/v1/reset', { key: 'a'.repeat(300_000) }, KEY);
    expect([status, body.error, headers.get('connection')]).toEqual([413, 'too-large', 'keep-alive']);
  });

  test('what is no HTTP', async () => {
    const socket = connect(service.port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.write('hello\r\n\r\n');
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\n\r\n\{"error":"bad-request"/);
  });

  test('and the service goes on', async () => {
    expect((await service.post('/v1/check', { key: 'a', plan: 'FREE' }, KEY)).status).toBe(200);
    expect(service.lines.map(({ event }) => event)).toEqual(['started']);
  });
});

describe('keys', () => {
  test('who has none is answered 401 everywhere but at health', async () => {
    const { service } = await started({ env: { SPILLWAY_API_KEYS: KEY } });
    for (const key of [undefined, '', 'guessed', KEY.slice(0, -1), `${KEY}x`, sha256(KEY)]) {
      const answer = await service.post('/v1/check', { key: 'a', plan: 'FREE' }, key);
      expect(answer).toMatchObject({ status: 401, body: { error: 'unauthorized' } });
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
    for (const path of ['/v1/status/a', '/metrics']) expect((await service.ask(path)).status).toBe(401);
    for (const path of ['/health', '/openapi.json']) expect((await service.ask(path)).status).toBe(200);
    expect((await service.ask('/monitoring/config')).status).toBe(403);
  });

  test('of the environment, plain or hashed, and of the configuration hold side by side', async () => {
    const third = 'the-third-key-of-the-tests';
    const serve = { keys: [{ name: 'jobs', sha256: sha256(OTHER) }] };
    const { service } = await started({
      config: { ...CONFIG, serve },
      env: { SPILLWAY_API_KEYS: ` ${KEY}, ops:sha256:${sha256(third)}\n` },
    });
    expect(service.said('started')).toMatchObject({ plans: 1, rules: 1, keys: 3 });
    for (const key of [KEY, OTHER, third]) expect((await service.ask('/metrics', { key })).status).toBe(200);
    const lower = await service.ask('/metrics', { headers: { authorization: `bearer ${KEY}` } });
    expect(lower.status).toBe(200);
  });

  test('stand in no log and no answer', async () => {
    const { service } = await started();
    const answers = [
      await service.ask('/health', { key: KEY }),
      await service.ask('/metrics', { key: KEY }),
      await service.ask('/monitoring/config', { key: KEY }),
      await service.post('/v1/check', '{', KEY),
    ];
    service.signal('SIGTERM');
    expect(await service.ended).toBe(0);
    const all = JSON.stringify([answers.map(({ body }) => body), service.lines, service.err]);
    expect(all).not.toContain(KEY);
    expect(all).not.toContain(sha256(KEY));
  });

  test('are named in the audit of a reset, with where it came from', async () => {
    const entry = JSON.stringify(join(ROOT, 'dist/index.mjs'));
    const module = `import { redisStore } from ${entry};
      export default {
        store: redisStore(process.env.STORE), plans: { FREE: '3/h' }, serve: { trustedProxies: 1 },
        onChange: ({ kind, by, from }) => console.log(JSON.stringify({ event: 'change', kind, by, from })),
      };`;
    const redis = await own(RedisServer.start());
    const env = { STORE: redis.url, SPILLWAY_API_KEYS: `web:${KEY}` };
    const service = await own(Service.start({ module, env }));
    await service.ask('/v1/reset', {
      ...{ method: 'POST', key: KEY, body: '{"key":"a"}' },
      headers: { 'content-type': 'application/json', 'x-forwarded-for': '192.0.2.7, 203.0.113.9' },
    });
    expect(await service.hears('change')).toMatchObject({
      kind: 'reset',
      by: 'key:web',
      from: '203.0.113.9',
    });
  });

  test('without any, who is on this machine may ask, and no page that has another name for it', async () => {
    const { service } = await started({ env: { SPILLWAY_API_KEYS: '' } });
    expect((await service.post('/v1/check', { key: 'a', plan: 'FREE' })).status).toBe(200);
    for (const [host, status] of [
      ['evil.example.com', 403],
      ['127.0.0.1.example.com', 403],
      [`localhost:${service.port}`, 200],
      ['[::1]:80', 200],
    ] as const) {
      const asked = request({
        port: service.port,
        host: '127.0.0.1',
        path: '/health',
        headers: { host },
      }).end();
      const [{ statusCode }] = (await once(asked, 'response')) as [{ statusCode: number }];
      expect([host, statusCode]).toEqual([host, status]);
    }
  });
});

test.each([
  [
    'no keys and another host',
    { args: ['--host', '0.0.0.0'] },
    /code 1: spillway: Without API keys .* not on 0\.0\.0\.0\. Set SPILLWAY_API_KEYS/,
  ],
  [
    'a short key',
    { env: { SPILLWAY_API_KEYS: 'web:secret' } },
    /SPILLWAY_API_KEYS: key 1 has fewer than 16 characters/,
  ],
  ['half a digest', { env: { SPILLWAY_API_KEYS: 'sha256:abc' } }, /key 1\.sha256 must be the SHA-256/],
  ['one key twice', { env: { SPILLWAY_API_KEYS: `a:${KEY},b:${KEY}` } }, /"b" is there twice/],
  [
    'a key in the open',
    { config: { ...CONFIG, serve: { keys: [{ name: 'a', key: KEY }] } } },
    /Unknown option "serve\.keys\[0\]\.key"/,
  ],
  [
    'a misspelled option',
    { config: { ...CONFIG, serve: { prot: 1 } } },
    /serve\.prot.*Did you mean serve\.port/,
  ],
  ['a host with a port', { args: ['--host', 'http://x'] }, /--host must be a host name/],
  [
    'a host that there is not',
    { args: ['--host', '192.0.2.1'], env: { SPILLWAY_API_KEYS: KEY } },
    /cannot listen on 192\.0\.2\.1, port 0: this machine has no such address/,
  ],
  ['a wrong rate', { config: { plans: { FREE: 'x' } } }, /plans\.FREE: "x" is not a rate/],
])('%s is said in a sentence, and nothing listens', async (_what, options, message) => {
  const starting = own(Service.start(options));
  await expect(starting).rejects.toThrow(message);
  await expect(starting).rejects.not.toThrow(/\n {4}at |hunter2|a-key-of-the-tests/);
});

test('a port that is taken is said', async () => {
  const { service } = await started();
  const spillway = runIn(service.folder);
  const env = { SPILLWAY_API_KEYS: KEY };
  const ran = await spillway(['serve', '--port', `${service.port}`], env);
  expect(ran).toMatchObject({ code: 1, out: '' });
  expect(ran.err).toMatch(
    /^spillway: The service cannot listen on 127\.0\.0\.1, port \d+: something else listens/,
  );
  expect((await spillway(['serve'], { ...env, PORT: 'x' })).err).toMatch(/PORT must be a number from 0/);
});

test('the example runs as it is, without a store: counts are its own, and it says so', async () => {
  const service = await own(
    Service.start({ args: ['--config', join(ROOT, 'examples/service/spillway.config.json')] }),
  );
  expect(await service.hears('own-counts')).toMatchObject({ level: 'warn' });
  const check = { request: { method: 'POST', path: '/api/login', ip: '203.0.113.9' } };
  const reasons = [];
  for (let i = 0; i < 6; i++) reasons.push((await service.post('/v1/check', check)).body.reason);
  expect(reasons).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'limit']);
});

describe('while the store is away', () => {
  test('checks are decided, looks are refused, and health says so; details are for those with a key', async () => {
    const { redis, service, post } = await started();
    expect(await service.ask('/health')).toMatchObject({ status: 200, body: { status: 'healthy' } });
    const known = await service.ask('/health', { key: KEY });
    expect(known.body).toMatchObject({ status: 'healthy', store: 'redis', latencyMs: expect.any(Number) });
    await redis.kill();
    await until('health is 503', async () => (await service.ask('/health')).status === 503);
    expect((await service.ask('/health')).body).toEqual({ status: 'unhealthy' });
    expect((await service.ask('/health', { key: KEY })).body).toMatchObject({
      lastError: expect.any(String),
    });
    const open = await post('/v1/check', { key: 'a', plan: 'FREE' });
    expect(open).toMatchObject({
      status: 200,
      body: { allowed: true, reason: 'unavailable', source: 'none' },
    });
    const closed = await post('/v1/check', { key: 'a', plan: 'FREE', failureMode: 'closed' });
    expect(closed).toMatchObject({ status: 200, body: { allowed: false, reason: 'unavailable' } });
    const looked = await service.ask('/v1/status/a', { key: KEY });
    expect(looked).toMatchObject({ status: 503, body: { error: 'ERR_UNAVAILABLE' } });
    expect(looked.headers.get('retry-after')).toBe('1');
    expect(await post('/v1/reset', { key: 'a' })).toMatchObject({ status: 503 });
    expect(await service.hears('limiter')).toMatchObject({ level: 'error', message: expect.any(String) });
  });

  test('no more wait for it than may', async () => {
    const serve = { maxWaiting: 2 };
    const { redis, service, post } = await started({ config: { ...CONFIG, timeoutMs: 10_000, serve } });
    await until('it is connected', async () => (await service.ask('/health')).status === 200);
    redis.freeze();
    const waiting = [1, 2].map(() => post('/v1/check', { key: 'a', plan: 'FREE' }));
    const gauge = async () =>
      ((await service.ask('/metrics', { key: KEY })).body as string).includes('_waiting 2');
    await until('both wait', gauge);
    const refused = await post('/v1/check', { key: 'a', plan: 'FREE' });
    expect(refused).toMatchObject({ status: 503, body: { error: 'overloaded' } });
    expect(refused.headers.get('retry-after')).toBe('1');
    redis.thaw();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
  });
});

test('Prometheus is told of the limiter, the answers and the process; without prom-client, how to get it', async () => {
  const { service, post } = await started();
  await post('/v1/check', { key: 'a', plan: 'FREE' });
  const { headers, body } = await service.ask('/metrics', { key: KEY });
  expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(body).toMatch(/^spillway_http_requests_total\{route="\/v1\/check",status="200"\} 1$/m);
  expect(body).toMatch(/^spillway_\w+\{limiter="service".*\} 1$/m);
  expect(body).toMatch(/^process_resident_memory_bytes \d/m);
  const hidden = join(ROOT, 'test/fixtures/serve/hide.cjs');
  const bare = await started({ env: { NODE_OPTIONS: `--require ${hidden}`, HIDDEN: 'prom-client' } });
  expect(await bare.service.ask('/metrics', { key: KEY })).toMatchObject({
    status: 501,
    body: { error: 'not-installed', message: expect.stringContaining('npm install prom-client') },
  });
});

test('without fastify the command says how to install it, and the others go on', async () => {
  const hidden = join(ROOT, 'test/fixtures/serve/hide.cjs');
  const env = { NODE_OPTIONS: `--require ${hidden}`, HIDDEN: 'fastify' };
  const spillway = runIn(ROOT);
  const ran = await spillway(['serve'], env);
  expect(ran).toMatchObject({ code: 1, out: '' });
  expect(ran.err).toBe('spillway: spillway serve needs fastify 5 beside spillway: npm install fastify.\n');
  expect((await spillway(['--help'], env)).code).toBe(0);
});

describe('mounts', () => {
  test('have what is below their path, with bodies and keys', async () => {
    const { service, post } = await started();
    await post('/v1/check', { key: 'org-1', plan: 'FREE' });
    expect((await service.ask('/monitoring/config', { key: KEY })).body).toMatchObject({
      plans: { FREE: [{ limit: 3 }] },
    });
    const { body } = await service.ask('/monitoring/status/org-1', { key: KEY });
    expect(body.items).toMatchObject([{ count: 1 }]);
    expect(await post('/monitoring/reset', { key: 'org-1' })).toMatchObject({
      status: 200,
      body: { forgotten: true },
    });
    expect(await service.ask('/monitoring/nothing', { key: KEY })).toMatchObject({ status: 404 });
    expect(await service.ask('/monitoringx', { key: KEY })).toMatchObject({
      status: 404,
      body: { error: 'not-found' },
    });
    expect(await service.ask('/monitoring/config')).toMatchObject({ status: 403 });
  });

  test('a browser is asked for a key, and then has the dashboard, which raises limits', async () => {
    const { service, post } = await started();
    const asked = await service.ask('/dashboard');
    expect([asked.status, asked.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^Basic /),
    ]);
    const as = (key: string) => ({ authorization: `Basic ${Buffer.from(`jane:${key}`).toString('base64')}` });
    expect((await service.ask('/dashboard', { headers: as(`${KEY}x`) })).status).toBe(401);
    expect((await service.ask('/dashboard/data/overview', { headers: as('') })).status).toBe(401);
    const page = await service.ask('/dashboard', { headers: as(KEY) });
    expect([page.status, page.body]).toEqual([200, expect.stringMatching(/^<!doctype html>/)]);
    const raise = (headers: Record<string, string>) =>
      service.ask('/dashboard/do/raise', {
        method: 'POST',
        headers: { ...as(KEY), 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ subject: 'org-1', to: '5x', ms: 60_000 }),
      });
    expect((await raise({ origin: 'https://evil.example' })).status).toBe(403);
    expect((await raise({ origin: service.url })).status).toBe(200);
    const limit = async () =>
      (await post('/v1/check', { key: 'org-1', plan: 'FREE', peek: true })).body.limit as number;
    await until('it is in use', async () => (await limit()) === 15);
    const changes = await service.ask('/dashboard/data/changes', { headers: as(KEY) });
    expect(changes.body).toMatchObject([
      { kind: 'override', subject: 'org-1', by: expect.stringMatching(/^key:/) },
    ]);
    // The calls themselves take no such login.
    expect((await service.ask('/v1/status/org-1', { headers: as(KEY) })).status).toBe(401);
  });
});
