/** A limit as the last argument of the drop-in functions, and arguments that nobody takes. */
import * as spillway from 'spillway';
import * as memory from 'spillway/memory';
import * as next from 'spillway/next';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { RedisServer } from './support/redis';
import { megabytes } from './support/wait';

type Api = Pick<typeof spillway | typeof memory, keyof typeof memory & keyof typeof spillway>;

const own = owner();
const HOUR = 3_600_000;
const TEN = { requests: 10, windowMs: HOUR };
let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.close());

const variants: [name: string, api: Api, open: () => void][] = [
  ['on Redis', spillway, () => spillway.configureRateLimit({ redis: server.url, timeoutMs: 5_000 })],
  ['in process', spillway, () => spillway.configureRateLimit({})],
  ['spillway/memory', memory, () => memory.configureRateLimit({})],
];

describe.each(variants)('%s', (_name, api, open) => {
  beforeAll(open);
  afterAll(() => api.closeRedisConnection());
  const failed = (act: () => unknown) => Promise.resolve().then(act);

  test('a limit in the call holds, apart from the count of the plan', async () => {
    const results = await times(12, () =>
      api.checkRateLimit('own', 'FREE', { requests: 10, windowMs: HOUR }),
    );
    expect(results.filter(({ allowed }) => allowed)).toHaveLength(10);
    expect(results[0]).toMatchObject({ limit: 10 });
    expect(await api.checkRateLimit('own', 'FREE')).toMatchObject({ limit: 100, remaining: 99 });
    expect(await api.getRateLimitStatus('own', 'FREE', TEN)).toMatchObject({ limit: 10, used: 10 });
    expect(await api.getRateLimitStatus('own', 'FREE', undefined)).toMatchObject({ limit: 100, used: 1 });
    const refused = await api.applyRateLimit(new Response('no'), 'own', 'FREE', TEN);
    expect([refused.status, refused.headers.get('X-RateLimit-Limit')]).toEqual([429, '10']);
  });

  test('limits of one window share a count, those of another have their own', async () => {
    await api.checkRateLimit('shared', 'PRO', TEN);
    expect(await api.checkRateLimit('shared', 'FREE', { ...TEN, requests: 20 })).toMatchObject({
      remaining: 18,
    });
    const minute = { requests: 5, windowMs: 60_000 };
    expect(await api.checkRateLimit('shared', 'FREE', minute)).toMatchObject({ remaining: 4 });
    expect(await api.checkRateLimit('shared', 'FREE', TEN)).toMatchObject({ remaining: 7 });
  });

  test('a reset forgets them, and a listing of plans does not show them', async () => {
    await times(10, () => api.checkRateLimit('back', 'FREE', TEN));
    await api.checkRateLimit('back', 'FREE', { requests: 1, windowMs: 1_234_567 });
    expect([...(await api.getAllRateLimits()).keys()]).not.toContain('ratelimit:back');
    await api.resetRateLimit('back');
    expect(await api.checkRateLimit('back', 'FREE', TEN)).toMatchObject({ remaining: 9 });
    expect(await api.getRateLimitStatus('back', 'FREE', { requests: 1, windowMs: 1_234_567 })).toMatchObject({
      used: 0,
    });
  });

  test('the plan has to be one all the same', async () => {
    await expect(failed(() => api.checkRateLimit('k', 'GOLD' as 'FREE', TEN))).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_PLAN',
    });
  });

  test.each<[unknown, RegExp]>([
    [5, /^limit must be an object \{ requests, windowMs \}, not 5/],
    ['10/h', /^limit must be an object/],
    [null, /^limit must be an object/],
    [[10, 1000], /^limit must be an object/],
    [{}, /requests/],
    [{ requests: 10 }, /window/],
    [{ requests: '10', windowMs: HOUR }, /requests/],
    [{ requests: 10, windowMs: 0 }, /window/],
    [{ requests: NaN, windowMs: HOUR }, /requests/],
    [{ ...TEN, window: 5 }, /unknown field "window"/],
  ])('%j is refused, also where that of the same numbers is known', async (given, message) => {
    const limit = given as spillway.RateObject;
    await api.checkRateLimit('k', 'FREE', TEN);
    for (const act of [
      () => api.checkRateLimit('k', 'FREE', limit),
      () => api.getRateLimitStatus('k', 'FREE', limit),
      () => api.applyRateLimit(new Response(''), 'k', 'FREE', limit),
    ]) {
      const error = await failed(act).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION' });
      expect((error as Error).message).toMatch(message);
    }
  });

  test('more limits than are remembered: each holds, and one that comes again does, too', async () => {
    const limitOf = (i: number) => ({ requests: i + 1, windowMs: HOUR });
    const ids = Array.from({ length: 2_500 }, (_, i) => i);
    const first = await Promise.all(
      ids.map(async (i) => api.checkRateLimit(`many-${i}`, 'FREE', limitOf(i))),
    );
    expect(first.map(({ limit, remaining }) => [limit, remaining])).toEqual(ids.map((i) => [i + 1, i]));
    const again = await Promise.all(
      ids.map(async (i) => api.checkRateLimit(`many-${i}`, 'FREE', limitOf(i))),
    );
    expect(again.map(({ allowed, remaining }) => [allowed, remaining])).toEqual(
      ids.map((i) => [i > 0, Math.max(0, i - 1)]),
    );
  });

  test.each<[string, number, (...args: unknown[]) => unknown]>([
    ['checkRateLimit', 3, api.checkRateLimit as () => unknown],
    ['getRateLimitStatus', 3, api.getRateLimitStatus as () => unknown],
    ['applyRateLimit', 4, api.applyRateLimit as () => unknown],
    ['resetRateLimit', 1, api.resetRateLimit as () => unknown],
    ['configureRateLimit', 1, api.configureRateLimit as () => unknown],
  ])('%s refuses more than %d arguments', async (name, takes, act) => {
    const all = name === 'configureRateLimit' ? [{}] : name === 'applyRateLimit' ? [new Response('')] : [];
    const args = [...all, 'k', 'FREE', undefined].slice(0, takes);
    await expect(failed(() => act(...args, TEN))).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringMatching(new RegExp(`^${name} takes .*${takes === 1 ? 'one' : takes}`)),
    });
    await expect(failed(() => act(...args, undefined, 0))).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTION',
    });
  });

  test('what is undefined is no argument, and a callback of map says how it is written', async () => {
    const check = api.checkRateLimit as (...args: unknown[]) => Promise<unknown>;
    await expect(failed(() => check('k', 'FREE', undefined, undefined))).resolves.toMatchObject({
      limit: 100,
    });
    const reset = api.resetRateLimit as (...args: unknown[]) => unknown;
    await expect(failed(() => Promise.all(['k'].map(reset)))).rejects.toThrow(
      /write \(id\) => resetRateLimit\(id/,
    );
  });
});

test('on Redis such a limit has the key of one rate', async () => {
  await server.command('FLUSHALL');
  spillway.configureRateLimit({ redis: server.url });
  await spillway.checkRateLimit('org-123', 'FREE', TEN);
  expect(await server.command('KEYS', '*')).toEqual(['{ratelimit:org-123}:@rate-1h']);
  const limiter = await own(spillway.createRateLimiter({ redis: server.url, rate: '10/h' }));
  expect((await limiter.check('org-123')).remaining).toBe(8);
  await spillway.closeRedisConnection();
});

test('limits without end cost no memory without end', async () => {
  const script = `const { checkRateLimit } = require('spillway/memory');
    let requests = 0;
    const rssAfter = (limits) => {
      for (let i = 0; i < limits; i++) checkRateLimit('k', 'FREE', { requests: ++requests, windowMs: 60000 });
      gc();
      return process.memoryUsage().rss;
    };
    const before = rssAfter(60000);
    report(rssAfter(40000) - before);`;
  const [grown] = await reportsOf<number>(script, { nodeArgs: ['--expose-gc'], measured: true });
  expect(grown).toBeLessThan(megabytes(6));
});

test('the number of a limit whose call is still on its way is not given to another', async () => {
  const limits = Array.from({ length: 3_000 }, (_, i) => ({ requests: i + 1, windowMs: HOUR }));
  spillway.configureRateLimit({ redis: server.url, timeoutMs: 10_000 });
  await spillway.checkRateLimit('warm', 'FREE');
  server.freeze();
  const waiting = limits.map((limit, i) => spillway.checkRateLimit(`slow-${i}`, 'FREE', limit));
  server.thaw();
  const results = await Promise.all(waiting);
  expect(results.map(({ remaining }) => remaining)).toEqual(limits.map(({ requests }) => requests - 1));
  await spillway.closeRedisConnection();
});

describe('limiters and what else is given limits', () => {
  const refusal = { code: 'ERR_INVALID_OPTION', message: expect.stringMatching(/ takes .* argument/) };
  type Loose = (...args: unknown[]) => unknown;
  const request = { method: 'GET', path: '/', ip: '192.0.2.1' };

  test.each<[string, unknown[]]>([
    ['check', ['k', undefined, {}]],
    ['peek', ['k', undefined, {}]],
    ['penalize', ['k', undefined, 1]],
    ['block', ['k', 1_000]],
    ['reset', ['k', {}]],
    ['checkRequest', [request]],
    ['peekRequest', [request]],
  ])('%s', async (name, args) => {
    const limiter = await own(spillway.createRateLimiter({ rate: '5/m', prefix: `surplus-${name}:` }));
    const act = (limiter as unknown as Record<string, Loose>)[name]!.bind(limiter);
    await expect(Promise.resolve().then(() => act(...args, 5))).rejects.toMatchObject(refusal);
    await act(...args, undefined);
  });

  test('refund and penalize of a decision, lists, plans', async () => {
    const limiter = await own(spillway.createRateLimiter({ plans: { FREE: '5/m' }, prefix: 'surplus-d:' }));
    const decision = await limiter.check('k', 'FREE');
    await expect((limiter.refund as Loose).call(limiter, decision, 1, 2)).rejects.toMatchObject(refusal);
    await expect((limiter.penalize as Loose).call(limiter, decision, 1, 2)).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTION',
    });
    expect((await limiter.peek('k', 'FREE')).remaining).toBe(4);
    const { access } = limiter;
    for (const act of [
      () => (limiter.setPlans as Loose).call(limiter, { FREE: '9/m' }, '5/m'),
      () => (access.allow as Loose).call(access, 'k', 60_000),
      () => (access.deny as Loose).call(access, 'k', 60_000),
      () => (access.override as Loose).call(access, 'k', '9/m', 60_000),
    ]) {
      expect(act).toThrow(expect.objectContaining(refusal));
    }
    expect(await limiter.check('k', 'FREE')).toMatchObject({ allowed: true, limit: 5 });
  });

  test('functions', async () => {
    const handler = () => Response.json({});
    for (const act of [
      () => (spillway.createRateLimiter as Loose)({ rate: '5/m' }, { prefix: 'x:' }),
      () => (spillway.clientIp as Loose)({}, { trustedProxies: 1 }, 2),
      () => (next.rateLimited as Loose)(handler, {}, '5/m'),
      () => (next.rateLimitedApi as Loose)(handler, {}, '5/m'),
    ]) {
      expect(act).toThrow(expect.objectContaining(refusal));
    }
    const asked = (next.checkRequest as Loose)(new Request('http://localhost/'), {}, '5/m');
    await expect(asked).rejects.toMatchObject(refusal);
  });
});
