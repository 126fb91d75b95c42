/** What the environment says: as files of secrets leave it, wrong, or misspelled. */
import { createRateLimiter } from 'spillway';
import { FakeRedis } from './support/fake-redis';
import { owner } from './support/owned';
import { reportsOf, runScript } from './support/process';
import { RedisServer } from './support/redis';

const own = owner();
const LOUD = { RATELIMIT_LOG_LEVEL: 'warn' };
const SECRET = 'hunter2';

const CHECK = `require('spillway').checkRateLimit('org', 'FREE').then(report);`;

describe('what secrets and env files leave around a value', () => {
  const url = (server: RedisServer) => `redis://127.0.0.1:${server.port}`;

  test.each<[string, (text: string) => string]>([
    ['a line break at the end', (text) => `${text}\n`],
    ['one of Windows', (text) => `${text}\r\n`],
    ['double quotes', (text) => `"${text}"`],
    ['single quotes and a line break', (text) => `'${text}'\n`],
  ])('%s is no part of REDIS_URL and REDIS_PASSWORD', async (_name, wrapped) => {
    const server = await own(RedisServer.start({ password: SECRET }));
    const env = { REDIS_URL: wrapped(url(server)), REDIS_PASSWORD: wrapped(SECRET) };
    expect(await reportsOf(CHECK, { env })).toMatchObject([{ remaining: 99 }]);
    expect(await server.charged('ratelimit:org')).toBe(1);
  });

  test('blanks are no part of a URL, but may be of a password', async () => {
    const server = await own(RedisServer.start({ password: ` ${SECRET}"` }));
    const env = { REDIS_URL: `  ${url(server)} `, REDIS_PASSWORD: ` ${SECRET}"` };
    await reportsOf(CHECK, { env });
    expect(await server.charged('ratelimit:org')).toBe(1);
  });

  test.each([' \n', '""', "''\n"])('REDIS_URL=%j is one that is not set', async (value) => {
    const script = `${CHECK} report(require('spillway').isRedisHealthy());`;
    expect(await reportsOf(script, { env: { REDIS_URL: value } })).toMatchObject([false, { remaining: 99 }]);
  });

  test('an option is read as the variable is that it comes from', async () => {
    const fake = await own(FakeRedis.start());
    for (const redis of [` ${fake.url}\n`, `"${fake.url}"`, { url: `'${fake.url}'\n` }]) {
      const limiter = await own(createRateLimiter({ redis, rate: '5/m' }));
      expect((await limiter.check('k')).source).toBe('redis');
    }
    const inProcess = await own(createRateLimiter({ redis: '"" \n', rate: '5/m' }));
    expect((await inProcess.check('k')).source).toBe('memory');
  });
});

describe('a REDIS_URL that cannot be used', () => {
  const WRONG = `memcached://app:${SECRET}@localhost`;
  const SCRIPT = `
const api = require('spillway');
const next = require('spillway/next');
const codeOf = (act) => Promise.resolve().then(act).then(() => 'accepted', ({ code, message }) => code + ' ' + message);
(async () => {
  if (given) api.configureRateLimit(given);
  const results = [];
  for (let i = 0; i < 105; i++) results.push(await api.checkRateLimit('org', 'FREE'));
  const route = await next.healthRoute()(new Request('http://localhost/health'));
  report({
    allowed: results.filter(({ allowed }) => allowed).length,
    healthy: api.isRedisHealthy(),
    route: [route.status, (await route.json()).status],
    reset: await codeOf(() => api.resetRateLimit('org')),
    plan: await codeOf(() => api.checkRateLimit('org', 'GOLD')),
    key: await codeOf(() => api.checkRateLimit('', 'FREE')),
  });
})();`;

  test.each<[string, object | null, number]>([
    ['admitted', null, 105],
    ['admitted, with plans of their own', { plans: { FREE: '3/h' } }, 105],
    ['denied where failureMode is closed', { failureMode: 'closed' }, 0],
  ])('is an outage: requests are %s', async (_name, given, allowed) => {
    const env = { ...LOUD, REDIS_URL: WRONG };
    const { code, reports, stderr, stdout } = await runScript(SCRIPT, { env, given });
    expect(code).toBe(0);
    expect(reports).toMatchObject([{ allowed, healthy: false, route: [200, 'degraded'] }]);
    const { reset, plan, key } = reports[0] as Record<string, string>;
    expect(reset).toMatch(/^ERR_INVALID_OPTION The Redis URL in REDIS_URL cannot be used/);
    expect([plan, key]).toEqual([
      expect.stringMatching(/^ERR_UNKNOWN_PLAN/),
      expect.stringMatching(/^ERR_INVALID_KEY/),
    ]);
    // Said once, however many requests there are.
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(
      /^spillway: Redis does not count: The Redis URL in REDIS_URL cannot be used: .*redis:\/\//,
    );
    expect(stderr + stdout).not.toContain(SECRET);
  });

  test('is told by health, with the parameter that is not known', async () => {
    const script = `require('spillway/next').healthRoute(undefined, { unhealthyStatus: 503 })(new Request('http://localhost/'))
        .then(({ status }) => report(status));`;
    const env = { REDIS_URL: `redis://:${SECRET}@localhost?family=0` };
    expect(await reportsOf(script, { env })).toEqual([503]);
    const { stderr } = await runScript(CHECK, { env: { ...env, ...LOUD } });
    expect(stderr).toMatch(/REDIS_URL .*the parameter "family" is not known/);
    expect(stderr).not.toContain(SECRET);
  });

  test('fails at once where code says it', async () => {
    const script = `const { configureRateLimit, createRateLimiter } = require('spillway');
      for (const act of [
        () => createRateLimiter({ redis: given, rate: '5/m' }),
        () => createRateLimiter({ redis: { url: given }, rate: '5/m' }),
        () => configureRateLimit({ redis: given }),
      ]) {
        try { act(); report('accepted'); } catch ({ code, message }) { report(code + ' ' + message); }
      }`;
    const reports = await reportsOf<string>(script, { given: WRONG });
    expect(reports).toEqual(
      ['redis', 'redis.url', 'redis'].map((name) =>
        expect.stringContaining(`ERR_INVALID_OPTION The Redis URL in ${name} cannot be used: `),
      ),
    );
    expect(reports.join('')).not.toContain(SECRET);
  });
});

describe('RATELIMIT_ENABLE', () => {
  const script = `const { checkRateLimit } = require('spillway');
    Promise.all(Array.from({ length: 105 }, () => checkRateLimit('org', 'FREE')))
      .then((results) => report(results.filter(({ allowed }) => allowed).length));`;
  const saidOf = async (value: string) => {
    const { reports, stderr } = await runScript(script, { env: { ...LOUD, RATELIMIT_ENABLE: value } });
    return [reports[0], stderr];
  };

  test.each(['"false"', "'off'\n", ' No '])('%j switches limits off', async (value) => {
    expect(await saidOf(value)).toEqual([105, '']);
  });

  test.each(['"true"', 'ON', '1', '""'])('%j is understood, and limits hold', async (value) => {
    expect(await saidOf(value)).toEqual([100, '']);
  });

  test.each(['flase', 'disabled', '2'])(
    '%j is not known: limits hold, and it is said once',
    async (value) => {
      const [allowed, stderr] = await saidOf(value);
      expect(allowed).toBe(100);
      expect(stderr).toMatch(/^spillway: RATELIMIT_ENABLE .*Write true or false\.\n$/);
    },
  );
});
