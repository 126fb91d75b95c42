/** Servers that let nobody in: few attempts, answers in time, recovery without help, and no secret in any text. */
import { inspect } from 'node:util';
import { createRateLimiter, type RateLimiter } from 'spillway';
import { FakeRedis } from './support/fake-redis';
import { textWith } from './support/matchers';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { inTime, timed, until } from './support/wait';

const own = owner();
const SECRET = 'hunter2-is-my-secret';

/** Keeps checking for so long; every check has to be answered by the policy, in time. */
async function checkFor(limiter: RateLimiter, ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const { value, ms: took } = await timed(limiter.check('k'));
    expect(value).toMatchObject({ allowed: true, source: 'none' });
    expect(took).toBeLessThanOrEqual(inTime(250));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Everything that the limiter can be made to say. */
async function words(limiter: RateLimiter): Promise<string> {
  const messages = [];
  for (const act of [() => limiter.reset('k'), () => limiter.list().next()]) {
    messages.push(await act().then(String, (reason: Error) => `${reason.message} ${reason.stack}`));
  }
  const logged = inspect(limiter, { depth: 8, maxArrayLength: 3 });
  return JSON.stringify([await limiter.health(), limiter.stats(), messages, logged]);
}

const refusals: [string, object, { password?: string; refuse?: string }, RegExp][] = [
  ['NOAUTH', {}, { password: SECRET }, /NOAUTH/],
  ['WRONGPASS', { password: `${SECRET}-old` }, { password: SECRET }, /WRONGPASS/],
  ['maxclients', { password: SECRET }, { refuse: 'ERR max number of clients reached' }, /refused/],
];

test.each(refusals)('%s: at most about one attempt a second', async (_name, login, server, said) => {
  const fake = await own(FakeRedis.start({ password: server.password }));
  if (server.refuse !== undefined) fake.onAccept = { refuse: server.refuse };
  const limiter = await own(createRateLimiter({ redis: { url: fake.url, ...login }, rate: '100/h' }));
  await checkFor(limiter, 3_200);
  expect(fake.accepted.length).toBeGreaterThanOrEqual(2);
  expect(fake.accepted.length).toBeLessThanOrEqual(5);
  const text = await words(limiter);
  expect(text).toMatch(said);
  expect(text).not.toContain('hunter2');
});

test('a password that the server comes to know is used without help', async () => {
  const server = await own(RedisServer.start());
  await server.command('CONFIG', 'SET', 'requirepass', 'another');
  const limiter = await own(
    createRateLimiter({ redis: { url: server.url, password: SECRET }, rate: '100/h' }),
  );
  expect((await limiter.check('k')).source).toBe('none');
  await server.command('CONFIG', 'SET', 'requirepass', SECRET);
  await until('logged in', () => limiter.stats().connected, { withinMs: 3_000 });
  expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 99 });
  expect(await words(limiter)).not.toContain('hunter2');
});

test('a login that is taken away while connected is no reason to hammer', async () => {
  const server = await own(RedisServer.start());
  await server.command('ACL', 'SETUSER', 'app', 'on', `>${SECRET}`, '~{ratelimit:*', '+@all');
  const redis = { url: server.url, username: 'app', password: SECRET };
  const limiter = await own(createRateLimiter({ redis, rate: '100/h' }));
  expect((await limiter.check('k')).source).toBe('redis');
  await server.command('ACL', 'DELUSER', 'app');
  await until('noticed', () => !limiter.stats().connected);
  const before = Number(await server.info('total_connections_received'));
  await checkFor(limiter, 2_200);
  expect(Number(await server.info('total_connections_received')) - before).toBeLessThanOrEqual(4);
  await server.command('ACL', 'SETUSER', 'app', 'on', `>${SECRET}`, '~{ratelimit:*', '+@all');
  await until('logged in', () => limiter.stats().connected, { withinMs: 3_000 });
  expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 98 });
});

test('too many clients: found again when there is room', async () => {
  const server = await own(RedisServer.start());
  await server.command('CONFIG', 'SET', 'maxclients', 1);
  const limiter = await own(createRateLimiter({ redis: server.url, rate: '100/h' }));
  await checkFor(limiter, 600);
  expect(limiter.stats().lastError).toMatch(/max number of clients/);
  await server.command('CONFIG', 'SET', 'maxclients', 100);
  await until('connected', () => limiter.stats().connected, { withinMs: 3_000 });
  expect((await limiter.check('k')).remaining).toBe(99);
});

test('a user that may not ask INFO still counts exactly; one that may not touch the keys does not', async () => {
  const server = await own(RedisServer.start());
  await server.command('ACL', 'SETUSER', 'shy', 'on', `>${SECRET}`, '~{ratelimit:*', '+@all', '-info');
  await server.command('ACL', 'SETUSER', 'alien', 'on', `>${SECRET}`, '~elsewhere:*', '+@all');
  const login = { url: server.url, password: SECRET };
  const shy = await own(createRateLimiter({ redis: { ...login, username: 'shy' }, rate: '100/h' }));
  expect(await shy.check('k')).toMatchObject({ source: 'redis', remaining: 99 });
  expect(await shy.check('k', { cost: 4 })).toMatchObject({ source: 'redis', remaining: 95 });
  expect(await shy.peek('k')).toMatchObject({ source: 'redis', remaining: 95 });

  const alien = await own(createRateLimiter({ redis: { ...login, username: 'alien' }, rate: '100/h' }));
  expect((await timed(alien.check('k'))).ms).toBeLessThanOrEqual(inTime(250));
  expect(await alien.check('k')).toMatchObject({ allowed: true, source: 'none' });
  expect(await words(alien)).toMatch(/NOPERM/);
  expect(await words(alien)).not.toContain('hunter2');
});

test('an unreachable address shows no secret either', async () => {
  const redis = `redis://somebody:${SECRET}@127.0.0.1:1/5`;
  const limiter = await own(createRateLimiter({ redis, rate: '100/h', timeoutMs: 100 }));
  await limiter.check('k');
  const text = await words(limiter);
  expect(text).toMatch(/ECONNREFUSED|refused/i);
  expect(text).not.toContain('hunter2');
  expect(text).not.toContain('somebody');
});

test('NOAUTH in the middle of a connection: it is dropped, and the next one logs in anew', async () => {
  const fake = await own(FakeRedis.start({ password: SECRET }));
  const redis = { url: fake.url, password: SECRET };
  const limiter = await own(createRateLimiter({ redis, rate: '100/h', timeoutMs: 5_000 }));
  expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 99 });
  for (const peer of fake.peers) peer.authenticated = false;
  expect(await limiter.check('refused')).toMatchObject({ allowed: true, source: 'none' });
  expect(limiter.stats()).toMatchObject({ connected: false, reconnects: 1, lastError: textWith('NOAUTH') });
  expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 98 });
  expect(fake.peers.map(({ number, authenticated }) => [number, authenticated])).toEqual([[1, true]]);
  expect(fake.received('AUTH')).toHaveLength(2);
  // What was refused is not asked again.
  expect(fake.received('INCR').filter(([, key]) => key?.includes('refused'))).toHaveLength(1);
});
