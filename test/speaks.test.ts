/** What those who run the application are told when limits do not hold: once, by name, and without secrets. */
import { createRateLimiter, type RateLimiter } from 'spillway';
import { FakeRedis } from './support/fake-redis';
import { textWith } from './support/matchers';
import { owner } from './support/owned';
import { freePort } from './support/ports';
import { reportsOf } from './support/process';
import { RedisServer } from './support/redis';
import { error } from './support/resp';
import { until } from './support/wait';

const own = owner();
const SECRET = 'hunter2-is-my-secret';
const USER = 'app-user-of-mine';
const KEY = 'org-of-a-customer';

/** A logger that keeps what it was told. */
function ear() {
  const heard = { error: [] as string[], warn: [] as string[], debug: [] as string[] };
  const hear = (level: keyof typeof heard) => (message: string) => void heard[level].push(message);
  return { heard, logger: { error: hear('error'), warn: hear('warn'), debug: hear('debug') } };
}

/** Checks until the store is told to be away, and some more; every line so far. */
async function untilSaid(limiter: RateLimiter, heard: ReturnType<typeof ear>['heard']): Promise<string> {
  await until('said', async () => {
    await limiter.check(KEY);
    return heard.error.length > 0;
  });
  for (let i = 0; i < 20; i++) await limiter.check(KEY);
  expect(heard.error).toHaveLength(1);
  return heard.error[0]!;
}

async function untilBack(limiter: RateLimiter, heard: ReturnType<typeof ear>['heard']): Promise<void> {
  await until('back', async () => {
    await limiter.check(KEY);
    return heard.warn.length > 0;
  });
  expect(heard.warn).toEqual([
    expect.stringMatching(/Redis counts again .* \d+ checks were decided without it/),
  ]);
  expect(heard.error).toHaveLength(1);
}

type Break = (server: RedisServer) => Promise<unknown>;
const config =
  (...args: string[]): Break =>
  (server) =>
    server.command('CONFIG', 'SET', ...args);
const acl =
  (...rules: string[]): Break =>
  (server) =>
    server.command('ACL', 'SETUSER', USER, ...rules);

const outages: [string, Break, RegExp, Break][] = [
  ['OOM', config('maxmemory', '1'), /OOM command not allowed/, config('maxmemory', '0')],
  ['NOPERM', acl('resetkeys', '~other:*'), /NOPERM/, acl('resetkeys', '~*')],
  [
    'frozen',
    (server) => Promise.resolve(server.freeze()),
    /no answer within 60 ms|stopped answering/,
    (server) => Promise.resolve(server.thaw()),
  ],
  ['gone', (server) => server.kill(), /connection refused|closed the connection/, (server) => server.start()],
];

test.each(outages)(
  '%s: one line with address and reason, one when it counts again',
  async (name, harm, said, heal) => {
    const server = await own(RedisServer.start());
    const login = ['on', `>${SECRET}`, '~*', '&*', '+@all'];
    await acl(...login)(server);
    const { heard, logger } = ear();
    const redis = name === 'gone' ? server.url : { url: server.url, username: USER, password: SECRET };
    const limiter = await own(createRateLimiter({ redis, rate: '1000/h', timeoutMs: 60, logger }));
    expect((await limiter.check(KEY)).source).toBe('redis');
    await harm(server);
    const line = await untilSaid(limiter, heard);
    expect(line).toMatch(said);
    expect(line).toContain(`Redis at 127.0.0.1:${server.port} does not count: `);
    expect(line).toContain("requests are admitted without being counted (failureMode: 'open')");
    await heal(server);
    await untilBack(limiter, heard);
    const all = JSON.stringify(heard);
    for (const hidden of [SECRET, USER, KEY]) expect(all).not.toContain(hidden);
  },
);

test.each([
  ['a wrong password', { password: `${SECRET}-old` }, /AUTH was refused: WRONGPASS/],
  ['no password', {}, /NOAUTH/],
])('%s is said with the first check', async (_name, login, said) => {
  const server = await own(RedisServer.start({ password: SECRET }));
  const { heard, logger } = ear();
  const redis = { url: server.url, ...login };
  const limiter = await own(
    createRateLimiter({ redis, rate: '5/h', failureMode: 'closed', timeoutMs: 60, logger }),
  );
  const line = await untilSaid(limiter, heard);
  expect(line).toMatch(said);
  expect(line).toContain("requests are denied (failureMode: 'closed')");
  expect(JSON.stringify(heard)).not.toContain('hunter2');
});

test.each([
  ['the user', `WRONGPASS invalid password for ${USER}.`, 'WRONGPASS'],
  ['the password', `ERR ${SECRET} is not the password`, 'ERR'],
  ['both', `DENIED AUTH ${USER} ${SECRET}`, 'DENIED'],
  ['the user first of all', `${USER}: denied`, ''],
  ['nobody', 'WRONGPASS the pair is not known', 'WRONGPASS the pair is not known'],
])(
  'of an AUTH that was refused with a text that quotes %s, no secret is said',
  async (_whom, text, shown) => {
    const fake = await own(FakeRedis.start({ username: USER, password: SECRET }));
    fake.hook = ([name]) => (name === 'AUTH' ? error(text) : undefined);
    const { heard, logger } = ear();
    const redis = { url: fake.url, username: USER, password: SECRET };
    const limiter = await own(createRateLimiter({ redis, rate: '5/h', timeoutMs: 500, logger }));
    void limiter.check(KEY);
    await until('said', () => heard.error.length > 0);
    const { lastError } = limiter.stats();
    expect(lastError).toBe(shown === '' ? 'AUTH was refused' : `AUTH was refused: ${shown}`);
    expect(heard.error).toEqual([textWith(lastError!)]);
    const refused = await limiter.reset(KEY).catch((reason: Error) => reason.message);
    const all = JSON.stringify([heard, lastError, await limiter.health(), refused]);
    for (const hidden of [SECRET, USER]) expect(all).not.toContain(hidden);
  },
);

test('a port where nobody listens is said also where only health is asked', async () => {
  const { heard, logger } = ear();
  const port = await freePort();
  const limiter = await own(createRateLimiter({ redis: { host: '127.0.0.1', port }, rate: '5/h', logger }));
  await limiter.health();
  await until('said', () => heard.error.length > 0);
  expect(heard.error).toEqual([
    expect.stringContaining(`127.0.0.1:${port} does not count: connection refused`),
  ]);
});

test('an idle connection that the server closes is no news', async () => {
  const server = await own(RedisServer.start());
  const { heard, logger } = ear();
  const limiter = await own(createRateLimiter({ redis: server.url, rate: '1000/h', logger }));
  for (let i = 0; i < 3; i++) {
    expect((await limiter.check(KEY)).source).toBe('redis');
    const before = limiter.stats().reconnects;
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await until('reconnected', () => limiter.stats().reconnects > before && limiter.stats().connected);
  }
  expect([...heard.error, ...heard.warn]).toEqual([]);
  expect(heard.debug).toContain(`spillway: Redis: connected to 127.0.0.1:${server.port}`);
});

test('a policy by which the server drops live counts is said once', async () => {
  const server = await own(
    RedisServer.start({ args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] }),
  );
  const { heard, logger } = ear();
  for (const timeoutMs of [250, 251]) {
    const limiter = await own(createRateLimiter({ redis: server.url, rate: '5/h', timeoutMs, logger }));
    await limiter.check(KEY);
  }
  await until('said', () => heard.warn.length > 0);
  expect(heard.warn).toEqual([expect.stringContaining('maxmemory-policy is allkeys-lru')]);
});

test('a request without the address that a rule counts is told once, with what is missing', async () => {
  const { heard, logger } = ear();
  const rules = [{ id: 'api', by: ['user', 'ip'], rate: '5/h' }] as const;
  const limiter = await own(createRateLimiter({ rules, logger, prefix: 'speaks:' }));
  const request = { method: 'GET', path: '/' };
  expect((await limiter.checkRequest({ ...request, user: 'somebody' })).reason).toBe('ok');
  expect((await limiter.checkRequest({ ...request, ip: '192.0.2.1' })).reason).toBe('ok');
  expect(heard.warn).toEqual([]);
  for (let i = 0; i < 3; i++) expect((await limiter.checkRequest(request)).reason).toBe('unidentified');
  expect(heard.warn).toEqual([expect.stringMatching(/without an address.*trustedProxies/)]);
});

describe('on the console', () => {
  const script = `
    const said = [];
    for (const level of ['error', 'warn', 'debug']) console[level] = (line) => said.push(level + ' ' + line);
    const { createRateLimiter, checkRateLimit, closeRedisConnection } = require('spillway');
    (async () => {
      for (let i = 0; i < 5; i++) await checkRateLimit('org', 'FREE');
      const limiter = createRateLimiter({ redis: process.env.EMPTY, rate: '5/h' });
      await limiter.check('k');
      await closeRedisConnection();
      report(said);
    })();`;
  const run = async (env: NodeJS.ProcessEnv) => (await reportsOf<string[]>(script, { env }))[0]!;
  const dead = 'redis://127.0.0.1:1';

  test.each([
    ['warn', ['error']],
    ['', ['error']],
    ['error', ['error']],
    ['none', []],
    [' DEBUG ', ['debug', 'error']],
  ])('RATELIMIT_LOG_LEVEL=%p', async (level, levels) => {
    const said = await run({ RATELIMIT_LOG_LEVEL: level, REDIS_URL: dead });
    expect([...new Set(said.map((line) => line.split(' ', 1)[0]))].sort()).toEqual(levels);
    expect(said.filter((line) => line.startsWith('error'))).toHaveLength(levels.includes('error') ? 1 : 0);
  });

  test('a word that is none is said, and taken as warn', async () => {
    const said = await run({ RATELIMIT_LOG_LEVEL: 'verbose', REDIS_URL: dead });
    expect(said).toEqual([
      'warn spillway: RATELIMIT_LOG_LEVEL is none of debug, warn, error, none; it is taken as "warn".',
      expect.stringMatching(/^error spillway: Redis at 127\.0\.0\.1:1 does not count: connection refused/),
    ]);
  });

  test('in production, a Redis that is not given is said once; in a build and elsewhere it is not', async () => {
    const production = { NODE_ENV: 'production', RATELIMIT_LOG_LEVEL: 'warn' };
    expect(await run(production)).toEqual([
      'warn spillway: REDIS_URL is not set, so every process counts for itself and limits are per process. Set REDIS_URL to share them.',
    ]);
    expect(await run({ ...production, REDIS_URL: dead })).toEqual([
      expect.stringContaining('does not count'),
      'warn spillway: The option redis is given, and empty, so every process counts for itself and limits are per process. Set the variable that it comes from to share them.',
    ]);
    expect(await run({ ...production, NEXT_PHASE: 'phase-production-build' })).toEqual([]);
    expect(await run({ NODE_ENV: 'development', RATELIMIT_LOG_LEVEL: 'warn' })).toEqual([]);
  });
});
