/** What a real Redis refuses, and what becomes of the checks that meet it. */
import { createRateLimiter, type Rate } from 'spillway';
import { dialogue, FakeRedis } from './support/fake-redis';
import { tally, times } from './support/ledger';
import { textWith } from './support/matchers';
import { owner } from './support/owned';
import { RawClient } from './support/raw-client';
import { RedisServer } from './support/redis';
import { error } from './support/resp';
import { delay, inTime, timed, until } from './support/wait';

const own = owner();
const TIMEOUT_MS = 250;

async function open(rate: Rate = '100/h') {
  const server = await own(RedisServer.start());
  const limiter = await own(createRateLimiter({ redis: server.url, rate }));
  expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 99 });
  return { server, limiter };
}

test('LOADING is waited out, without hammering', async () => {
  const fake = await own(FakeRedis.start());
  const limiter = await own(createRateLimiter({ redis: fake.url, rate: '100/h', timeoutMs: 2_000 }));
  await limiter.check('warm');
  const over = performance.now() + 120;
  const loading = error('LOADING Redis is loading the dataset in memory');
  fake.hook = () => (performance.now() < over ? loading : undefined);
  expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 99 });
  const tries = fake.log.filter(
    ({ command }) => command[0] === 'INCR' && command[1] === '{ratelimit:k}:@rate-1h',
  );
  expect(tries.length).toBeGreaterThan(1);
  expect(tries.length).toBeLessThanOrEqual(14);
  for (let i = 1; i < tries.length; i++) {
    expect((tries[i]?.at ?? 0) - (tries[i - 1]?.at ?? 0)).toBeGreaterThanOrEqual(8);
  }
});

test('LOADING beyond the deadline ends by the policy, and the check is forgotten', async () => {
  const fake = await own(FakeRedis.start());
  const limiter = await own(createRateLimiter({ redis: fake.url, rate: '100/h' }));
  await limiter.check('warm');
  const loading = error('LOADING Redis is loading the dataset in memory');
  fake.hook = ([name]) => (name === 'INCR' || name?.startsWith('EVAL') ? loading : undefined);
  const { value, ms } = await timed(limiter.check('k'));
  expect(value.source).toBe('none');
  expect(ms).toBeLessThanOrEqual(inTime(TIMEOUT_MS));
  // One more that is asked again when its pause is over, behind all that were refused before.
  fake.hook = dialogue(['INCR', loading]);
  expect(await limiter.check('barrier')).toMatchObject({ source: 'redis', remaining: 99 });
  expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 99 });
});

test('a server that is loading its data at the start is found when it is ready', async () => {
  const server = await own(RedisServer.start());
  await server.command('DEBUG', 'POPULATE', 20_000, 'other', 16);
  await server.command('SAVE');
  await server.kill();
  const limiter = await own(createRateLimiter({ redis: server.url, rate: '100/h' }));
  // About a second of loading, during which it accepts connections and answers LOADING.
  const starting = server.start('--key-load-delay', '20', '--loading-process-events-interval-bytes', '1024');
  const decisions = [];
  const end = performance.now() + 600;
  while (performance.now() < end) decisions.push(await limiter.check('k'));
  expect(tally(decisions).bySource.none).toBeGreaterThan(0);
  await starting;
  await until('answered', async () => (await limiter.check('k')).source === 'redis', { withinMs: 2_500 });
  expect(await server.command('DBSIZE')).toBeGreaterThan(20_000);
});

test('NOSCRIPT: the script is sent along, in the same check', async () => {
  const { server, limiter } = await open();
  for (const remaining of [97, 95, 93]) {
    await server.command('SCRIPT', 'FLUSH');
    expect(await limiter.check('k', { cost: 2 })).toMatchObject({ source: 'redis', remaining });
  }
});

test('SCRIPT FLUSH every few milliseconds costs nothing but time', async () => {
  const { server, limiter } = await open();
  let flushing = true;
  const flushes = (async () => {
    while (flushing) {
      await server.command('SCRIPT', 'FLUSH');
      await delay(5);
    }
  })();
  const decisions = [];
  for (let i = 0; i < 150; i++)
    decisions.push(...(await times(4, () => limiter.check(`s${i % 5}`, { cost: 2 }))));
  flushing = false;
  await flushes;
  expect(tally(decisions)).toMatchObject({ admittedByStore: 250, bySource: { redis: 600 } });
  for (let i = 0; i < 5; i++) expect(await server.charged(`{ratelimit:s${i}}:@rate-1h`)).toBe(100);
});

test('out of memory: the policy answers at once, and Redis again when there is room', async () => {
  const { server, limiter } = await open();
  await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction', 'maxmemory', 1);
  for (const options of [{ cost: 1 }, { cost: 2 }]) {
    const { value, ms } = await timed(limiter.check('full', options));
    expect(value).toMatchObject({ allowed: true, source: 'none' });
    expect(ms).toBeLessThanOrEqual(inTime(TIMEOUT_MS));
  }
  expect(await limiter.health()).toMatchObject({ healthy: false, lastError: textWith('OOM') });
  expect(await server.command('EXISTS', '{ratelimit:full}:@rate-1h')).toBe(0);
  await server.command('CONFIG', 'SET', 'maxmemory', 0);
  expect(await limiter.check('full')).toMatchObject({ source: 'redis', remaining: 99 });
  expect(await limiter.health()).toMatchObject({ healthy: true });
});

test.each([
  ['without expiry', -1],
  ['with an expiry of its own', 90_000],
])('a key of another type, %s: it alone is out of order, and it stays as it was', async (_name, ttl) => {
  const { server, limiter } = await open();
  await server.command('LPUSH', '{ratelimit:list}:@rate-1h', 'a', 'b');
  if (ttl > 0) await server.command('PEXPIRE', '{ratelimit:list}:@rate-1h', ttl);
  const keys = ['list', 'good', 'list', 'fine'];
  const decisions = await Promise.all(keys.map((key) => limiter.check(key)));
  expect(decisions.map(({ source }) => source)).toEqual(['none', 'redis', 'none', 'redis']);
  expect((await limiter.check('list', { cost: 3 })).source).toBe('none');
  expect((await limiter.peek('list')).source).toBe('none');
  expect((await limiter.check('good')).remaining).toBe(98);
  await until('the expiry is as before', async () => {
    const left = Number(await server.command('PTTL', '{ratelimit:list}:@rate-1h'));
    return ttl < 0 ? left === -1 : left <= ttl && left > ttl - 10_000;
  });
  expect(await server.command('LRANGE', '{ratelimit:list}:@rate-1h', 0, -1)).toEqual(['b', 'a']);
});

test('a value that is no count is left alone too', async () => {
  const { server, limiter } = await open();
  await server.command('SET', '{ratelimit:text}:@rate-1h', 'hello');
  expect((await limiter.check('text')).source).toBe('none');
  expect((await limiter.check('text', { cost: 2 })).source).toBe('none');
  await until('no expiry', async () => (await server.command('PTTL', '{ratelimit:text}:@rate-1h')) === -1);
  expect(await server.command('GET', '{ratelimit:text}:@rate-1h')).toBe('hello');
  expect((await limiter.check('k')).source).toBe('redis');
});

test('READONLY, as after a failover: waited out, then the policy; counted again when it is a master', async () => {
  const { server, limiter } = await open();
  await server.command('REPLICAOF', '127.0.0.1', 1);
  const { value, ms } = await timed(limiter.check('k'));
  expect(value.source).toBe('none');
  expect(ms).toBeLessThanOrEqual(inTime(TIMEOUT_MS));
  // The same connection, with time for the pause before the next dial.
  const patient = await own(createRateLimiter({ redis: server.url, rate: '100/h', timeoutMs: 5_000 }));
  const waiting = patient.check('k');
  await server.command('REPLICAOF', 'NO', 'ONE');
  expect(await waiting).toMatchObject({ source: 'redis', remaining: 98 });
});

test('BUSY: the policy answers while a script blocks the server', async () => {
  const { server, limiter } = await open();
  await server.command('CONFIG', 'SET', 'lua-time-limit', 10);
  const other = await own(RawClient.connect(server.port));
  const endless = other.send('EVAL', 'while true do end', 0).catch((reason: Error) => reason.message);
  const isBusy = (reason: Error) => reason.message.startsWith('BUSY');
  await until('busy', () => server.command('PING').then(() => false, isBusy));
  const results = await times(20, () => timed(limiter.check('k')));
  expect(tally(results.map(({ value }) => value)).bySource).toEqual({ none: 20 });
  expect(Math.max(...results.map(({ ms }) => ms))).toBeLessThanOrEqual(inTime(TIMEOUT_MS));
  await server.command('SCRIPT', 'KILL');
  expect(await endless).toMatch(/killed/);
  await until('counted again', async () => (await limiter.check('k')).source === 'redis');
});

test('a key expired in mid-use, or a FLUSHALL, starts a new window with an expiry', async () => {
  const { server, limiter } = await open();
  await times(40, () => limiter.check('k'));
  await server.command('FLUSHALL');
  expect((await limiter.check('k')).remaining).toBe(99);
  // Somebody took the expiry off: left so, the key would deny for ever.
  await server.command('PERSIST', '{ratelimit:k}:@rate-1h');
  await limiter.check('k');
  expect(Number(await server.command('PTTL', '{ratelimit:k}:@rate-1h'))).toBeGreaterThan(3_500_000);
  await server.command('PERSIST', '{ratelimit:k}:@rate-1h');
  await limiter.check('k', { cost: 2 });
  expect(Number(await server.command('PTTL', '{ratelimit:k}:@rate-1h'))).toBeGreaterThan(3_500_000);
});
