/** What health says of a Redis that is there and does not count, or answers too slowly to be of use. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { closeRedisConnection, configureRateLimit, createRateLimiter, isRedisHealthy } from 'spillway';
import { FakeRedis, STALL } from './support/fake-redis';
import { owner } from './support/owned';
import { Script } from './support/process';
import { RedisServer } from './support/redis';
import { delay, until } from './support/wait';

const own = owner();
afterEach(() => closeRedisConnection());

const USER = 'app-user-of-mine';
const PASSWORD = 'hunter2-is-my-secret';
type Change = (server: RedisServer) => Promise<unknown>;
const config =
  (...args: string[]): Change =>
  (server) =>
    server.command('CONFIG', 'SET', ...args);
const acl =
  (...rules: string[]): Change =>
  (server) =>
    server.command('ACL', 'SETUSER', USER, ...rules);

/** A snapshot that cannot be written: where its file should be stands a folder. */
const failSnapshots: Change = async (server) => {
  const [, folder] = (await server.command('CONFIG', 'GET', 'dir')) as [string, string];
  mkdirSync(join(folder, 'dump.rdb', 'full'), { recursive: true });
  await server.command('CONFIG', 'SET', 'save', '3600 1');
  await server.command('BGSAVE');
  await until('failed', async () => (await server.info('rdb_last_bgsave_status')) === 'err');
};

async function serve(): Promise<{ server: RedisServer; redis: object }> {
  const server = await own(RedisServer.start());
  await acl('on', `>${PASSWORD}`, '~*', '&*', '+@all')(server);
  return { server, redis: { url: server.url, username: USER, password: PASSWORD } };
}

test.each<[string, Change, RegExp, Change]>([
  ['maxmemory', config('maxmemory', '1'), /OOM command not allowed/, config('maxmemory', '0')],
  ['snapshots that fail', failSnapshots, /MISCONF/, config('save', '')],
  ['an ACL without our keys', acl('resetkeys', '~other:*'), /NOPERM/, acl('~*')],
  ['an ACL without INCR', acl('-incr'), /NOPERM .* 'incr'/, acl('+incr')],
  [
    'a replica',
    (s) => s.command('REPLICAOF', '127.0.0.1', '1'),
    /READONLY/,
    (s) => s.command('REPLICAOF', 'NO', 'ONE'),
  ],
])(
  "%s: not healthy, for the server's reason, and ready again by being asked alone",
  async (_name, harm, said, heal) => {
    const { server, redis } = await serve();
    configureRateLimit({ redis });
    const limiter = await own(createRateLimiter({ redis, rate: '1000/h' }));
    await until('healthy', () => isRedisHealthy());
    expect((await limiter.health()).healthy).toBe(true);
    await harm(server);
    await until('unhealthy by asking alone', () => !isRedisHealthy(), { withinMs: 1_000 });
    const health = await limiter.health();
    expect(health).toMatchObject({ healthy: false, latencyMs: null });
    expect(health.lastError).toMatch(said);
    expect(health.lastError).toContain(`127.0.0.1:${server.port}: `);
    expect(health.lastError).not.toContain(USER);
    for (let i = 0; i < 10; i++) {
      expect(isRedisHealthy()).toBe(false);
      await delay(20);
    }
    await heal(server);
    await until('ready by being asked alone', () => isRedisHealthy(), { withinMs: 1_000 });
    expect(await limiter.health()).toMatchObject({ healthy: true, latencyMs: expect.any(Number) });
    expect((await limiter.check('k')).source).toBe('redis');
  },
);

test('a check that is refused makes unhealthy at once, one that is counted healthy', async () => {
  const { server, redis } = await serve();
  configureRateLimit({ redis });
  const limiter = await own(createRateLimiter({ redis, rate: '1000/h' }));
  await limiter.check('k');
  expect(isRedisHealthy()).toBe(true);
  await config('maxmemory', '1')(server);
  expect((await limiter.check('k')).source).toBe('none');
  expect(isRedisHealthy()).toBe(false);
  await config('maxmemory', '0')(server);
  expect((await limiter.check('k')).source).toBe('redis');
  expect(isRedisHealthy()).toBe(true);
});

test('a user with our keys and without that of health is healthy by checks', async () => {
  const { server, redis } = await serve();
  await acl('resetkeys', '~{ratelimit:*')(server);
  configureRateLimit({ redis });
  const limiter = await own(createRateLimiter({ redis, rate: '1000/h' }));
  expect((await limiter.check('k')).source).toBe('redis');
  const asked = performance.now() + 1_200;
  while (performance.now() < asked) {
    expect(isRedisHealthy()).toBe(true);
    await delay(20);
  }
  expect((await limiter.health()).healthy).toBe(true);
});

test('a server that trickles is given up, and never healthy meanwhile', async () => {
  const fake = await own(FakeRedis.start());
  configureRateLimit({ redis: fake.url });
  const limiter = await own(createRateLimiter({ redis: fake.url, rate: '1000/h' }));
  expect((await limiter.check('k')).source).toBe('redis');
  fake.hook = (_command, { number }) => (number === 0 ? STALL : undefined);
  const rest = [...'*2\r\n$10\r\n1700000000\r\n'];
  const trickle = setInterval(() => fake.say(rest.shift() ?? ''), 300);
  try {
    expect((await limiter.check('k')).source).toBe('none');
    const since = performance.now();
    while (limiter.stats().reconnects === 0) {
      expect(isRedisHealthy()).toBe(false);
      expect(performance.now() - since).toBeLessThan(3_000);
      await delay(10);
    }
  } finally {
    clearInterval(trickle);
  }
  await until('healthy on a new connection', () => isRedisHealthy(), { withinMs: 1_000 });
  expect((await limiter.check('k')).source).toBe('redis');
});

test('a network that heals while a dial hangs: limits hold within two seconds, on one connection', async () => {
  const fake = await own(FakeRedis.start());
  fake.onAccept = 'silent';
  configureRateLimit({ redis: fake.url });
  const limiter = await own(createRateLimiter({ redis: fake.url, rate: '1000/h' }));
  expect((await limiter.check('k')).source).toBe('none');
  await delay(2_200);
  expect(isRedisHealthy()).toBe(false);
  fake.onAccept = 'talk';
  const healed = performance.now();
  while ((await limiter.check('k')).source !== 'redis') {
    expect(performance.now() - healed).toBeLessThan(2_000);
  }
  for (const socket of fake.silent) socket.resume();
  await until('the silent ones are let go', () => fake.silent.every(({ destroyed }) => destroyed));
  expect(fake.peers).toHaveLength(1);
});

test('an event loop that is blocked for six seconds during the login keeps the connection', async () => {
  const fake = await own(FakeRedis.start());
  // The dial is under way when check() returns; the login is sent once the loop comes to it.
  const script = new Script(
    `const limiter = require('spillway').createRateLimiter({ redis: given, rate: '9/h', timeoutMs: 2_000 });
     const first = limiter.check('k');
     const end = Date.now() + 6_000;
     while (Date.now() < end);
     first.then(({ source }) => {
       report({ source, reconnects: limiter.stats().reconnects });
       return limiter.close();
     });`,
    { given: fake.url },
  );
  expect(await script.report(0)).toEqual({ source: 'redis', reconnects: 0 });
  expect(fake.accepted).toHaveLength(1);
  await script.ended;
});

test('a full server is dialled once a second at most, and found when it has room', async () => {
  const server = await own(RedisServer.start());
  await server.command('PING');
  await config('maxclients', '1')(server);
  configureRateLimit({ redis: server.url });
  expect(isRedisHealthy()).toBe(false);
  const since = performance.now();
  await until('refused', async () => Number(await server.info('rejected_connections')) >= 4, {
    withinMs: 9_000,
  });
  expect(performance.now() - since).toBeGreaterThan(3_000);
  await config('maxclients', '100')(server);
  await until('healthy', () => isRedisHealthy(), { withinMs: 2_500 });
});
