/** Ways to a server: a unix socket, addresses of both families, a name with several, and what a URL may say. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRateLimiter } from 'spillway';
import { FakeRedis } from './support/fake-redis';
import { owner } from './support/owned';
import { reportsOf, Script } from './support/process';
import { RedisServer } from './support/redis';
import { bulk } from './support/resp';
import { Shim } from './support/shim';
import { delay } from './support/wait';

const own = owner();
const folder = mkdtempSync(join(tmpdir(), 'spillway-socket-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fifth = { db: 5 };

test.each([
  ['a URL', (path: string) => `redis+unix://${path}?db=5`],
  ['a short URL', (path: string) => ({ url: `unix://${path}`, ...fifth })],
  ['a path', (path: string) => ({ path, ...fifth })],
])('a unix socket by %s', async (_name, optionOf) => {
  const path = join(folder, 'redis.sock');
  const server = await own(RedisServer.start({ args: ['--unixsocket', path] }));
  const limiter = await own(createRateLimiter({ redis: optionOf(path), rate: '100/h' }));
  expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 99 });
  expect(await server.info('db5')).toMatch(/^keys=1,/);
  expect(await server.command('CLIENT', 'LIST')).toMatch(/:0 .*name=spillway .*flags=\w*U/);
});

test('a unix socket that is not there, is no socket, or has too long a path', async () => {
  for (const [path, said] of [
    [join(folder, 'nothing'), /no such file/],
    [folder, /refused|denied/],
    [`/${'x'.repeat(200)}`, /name too long/],
  ] as const) {
    const limiter = await own(createRateLimiter({ redis: { path }, rate: '100/h', timeoutMs: 60 }));
    expect(await limiter.check('k')).toMatchObject({ source: 'none' });
    expect(limiter.stats().lastError).toMatch(said);
  }
});

test('an IPv6 address in a URL and as a host', async () => {
  const server = await own(RedisServer.start({ args: ['--bind', '127.0.0.1', '::1'] }));
  const byUrl = await own(createRateLimiter({ redis: `redis://[::1]:${server.port}`, rate: '100/h' }));
  expect(await byUrl.check('k')).toMatchObject({ source: 'redis', remaining: 99 });
  const byHost = await own(createRateLimiter({ redis: { host: '::1', port: server.port }, rate: '100/h' }));
  expect(await byHost.check('k')).toMatchObject({ source: 'redis', remaining: 98 });
});

describe('a name with several addresses', () => {
  const shim = new Shim('names-shim');
  afterAll(() => shim.close());
  const script = `
    const redis = { host: 'several.test', port: given.port };
    const limiter = require('spillway').createRateLimiter({ redis, rate: '9/h', timeoutMs: given.timeoutMs });
    limiter.check('k').then(({ source }) => {
      report({ source, lastError: limiter.stats().lastError });
      return limiter.close();
    });
  `;
  const check = async (addresses: string, port: number, timeoutMs: number) => {
    const env = { LD_PRELOAD: shim.preloadForNode, TEST_ADDRESSES: addresses };
    const [said] = await reportsOf<{ source: string; lastError: string | null }>(script, {
      given: { port, timeoutMs },
      env,
    });
    return said;
  };

  test('those that refuse are passed over, of either family', async () => {
    const { port } = await own(RedisServer.start());
    expect(await check('::1,127.0.0.2,127.0.0.1', port, 2_000)).toMatchObject({ source: 'redis' });
    expect(await check('127.0.0.2,::1', port, 200)).toMatchObject({
      source: 'none',
      lastError: expect.stringMatching(/refused/),
    });
  });

  test('one that is silent is left for the next', async () => {
    const { port } = await own(RedisServer.start());
    // Nobody accepts here: once its queue is full, the kernel drops what asks for a connection.
    const silent = new Script(
      `require('net').createServer().listen({ port: given, host: '127.0.0.3', backlog: 1 }, () => report('listening'))`,
      { given: port },
    );
    await silent.report(0);
    silent.kill('SIGSTOP');
    const queued = Array.from({ length: 8 }, () => connect(port, '127.0.0.3').on('error', () => {}));
    await delay(100);
    expect(queued.some(({ connecting }) => connecting)).toBe(true);
    expect(await check('127.0.0.3,127.0.0.1', port, 3_000)).toMatchObject({ source: 'redis' });
    for (const socket of queued) socket.destroy();
    silent.kill('SIGKILL');
    await silent.ended;
  });
});

test('credentials with every kind of sign, percent-encoded in a URL or as they are beside it', async () => {
  const [username, password] = ['a:b@/c%', 'p@ss/w?rd#%:é "&='];
  const server = await own(RedisServer.start());
  await server.command('ACL', 'SETUSER', username, 'on', `>${password}`, '~*', '&*', '+@all');
  await server.command('ACL', 'SETUSER', 'default', 'off');
  const userinfo = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`;
  for (const redis of [
    `redis://${userinfo}@127.0.0.1:${server.port}/2`,
    { url: server.url, username, password, db: 2 },
    { url: `redis://${encodeURIComponent(username)}@127.0.0.1:${server.port}/2`, password },
  ]) {
    const limiter = await own(createRateLimiter({ redis, rate: '100/h', prefix: 'p:' }));
    expect(await limiter.check('k')).toMatchObject({ source: 'redis' });
  }
});

test('REDIS_PASSWORD completes a REDIS_URL of any kind, and one in the URL wins', async () => {
  const path = join(folder, 'environment.sock');
  const server = await own(RedisServer.start({ args: ['--unixsocket', path], password: 'right' }));
  const script = `
    const { checkRateLimit, isRedisHealthy, closeRedisConnection } = require('spillway');
    checkRateLimit('org-1', 'FREE').then(async ({ remaining }) => {
      report([remaining, isRedisHealthy()]);
      await closeRedisConnection();
    });
  `;
  const checkWith = async (url: string, password: string) =>
    (await reportsOf(script, { env: { REDIS_URL: url, REDIS_PASSWORD: password } }))[0];
  expect(await checkWith(`redis+unix://${path}?db=1`, 'right')).toEqual([99, true]);
  expect(await checkWith(`redis+unix://:right@${path}?db=1`, 'wrong')).toEqual([98, true]);
  expect(await checkWith(`redis://default@127.0.0.1:${server.port}/1`, 'right')).toEqual([97, true]);
  expect(await checkWith(`unix://${path}?db=1`, 'wrong')).toEqual([100, false]);
});

test('Valkey is Redis', async () => {
  const fake = await own(FakeRedis.start());
  const info =
    'server_name:valkey\r\nvalkey_version:8.1.3\r\nredis_version:7.2.4\r\nserver_mode:standalone\r\n';
  fake.hook = ([name]) => (name === 'INFO' ? bulk(info) : undefined);
  const limiter = await own(createRateLimiter({ redis: fake.url, rate: '100/h' }));
  expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 99 });
  expect(fake.received('PEXPIRETIME')).toHaveLength(1);
  expect(limiter.stats().serverVersion).toBe('7.2.4');
});
