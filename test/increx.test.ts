/** Redis 8.8 counts a fixed window by one command of its own; a server is asked for it where it says that it has it. */
import { createRateLimiter, type Rate } from 'spillway';
import { FakeRedis } from './support/fake-redis';
import { owner } from './support/owned';
import { error } from './support/resp';

const own = owner();

async function open(version: string, rate: Rate = '3/h') {
  const fake = await own(FakeRedis.start({ version }));
  const limiter = await own(createRateLimiter({ redis: fake.url, rate, timeoutMs: 2_000, prefix: 'p:' }));
  return { fake, limiter };
}

test('the limit holds by INCREX alone, and a denial takes nothing back', async () => {
  const { fake, limiter } = await open('8.8.0');
  for (const remaining of [2, 1, 0]) {
    expect(await limiter.check('k')).toMatchObject({ allowed: true, remaining, source: 'redis' });
  }
  const denied = await limiter.check('k');
  expect(denied).toMatchObject({ allowed: false, remaining: 0, reason: 'limit' });
  expect(denied.retryAfterMs).toBeGreaterThan(3_590_000);
  expect(denied.retryAfterMs).toBeLessThanOrEqual(3_600_000);
  expect(fake.received('INCREX')).toHaveLength(4);
  for (const name of ['INCR', 'INCRBY', 'PEXPIRE', 'EVAL', 'EVALSHA'])
    expect(fake.received(name)).toEqual([]);
  expect(fake.received('INCREX')[0]).toEqual([
    'INCREX',
    '{p:k}:@rate-1h',
    'BYINT',
    '1',
    'UBOUND',
    '3',
    'PX',
    '3599999',
    'ENX',
  ]);
});

test('checks of one turn leave as one, and where not all of them fit the script decides', async () => {
  const { fake, limiter } = await open('8.9.1');
  const both = await Promise.all([limiter.check('k'), limiter.check('k')]);
  expect(both.map(({ remaining }) => remaining)).toEqual([2, 1]);
  expect(fake.received('INCREX')).toHaveLength(1);
  fake.hook = ([name]) =>
    name === 'EVALSHA' ? `*4\r\n:1\r\n:3\r\n:3000000\r\n:${Date.now() + 3_000_000}\r\n` : undefined;
  const rest = await Promise.all([limiter.check('k'), limiter.check('k')]);
  expect(rest.map(({ allowed }) => allowed)).toEqual([true, false]);
  expect(fake.received('EVALSHA')).toHaveLength(1);
});

test.each([
  ['unknown, as behind a proxy', "ERR unknown command 'INCREX', with args beginning with: 'x'"],
  ['forbidden to this user', "NOPERM this user has no permissions to run the 'increx' command"],
])('%s: the plain commands count, and it is not tried again', async (_why, refusal) => {
  const { fake, limiter } = await open('8.8.0');
  fake.hook = ([name]) => (name === 'INCREX' ? error(refusal) : undefined);
  for (const remaining of [2, 1, 0]) {
    expect(await limiter.check('k')).toMatchObject({ allowed: true, remaining, source: 'redis' });
  }
  expect(fake.received('INCREX')).toHaveLength(1);
  expect(fake.received('INCR')).toHaveLength(3);
  expect(limiter.stats().lastError).toBeNull();
});

test('an older server is not asked for it', async () => {
  for (const version of ['7.2.4', '8.7.9', '8.0.0']) {
    const { fake, limiter } = await open(version);
    expect(await limiter.check('k')).toMatchObject({ remaining: 2 });
    expect(fake.received('INCREX')).toEqual([]);
  }
});

test('a block, a value of another type and a text are what they are under the plain commands', async () => {
  const { fake, limiter } = await open('8.8.0');
  await limiter.check('blocked');
  const key = (id: string) => `{p:${id}}:@rate-1h`;
  fake.commands.entries.set(key('blocked'), { value: '9007199254740992', expiresAt: Date.now() + 9_999_999 });
  const blocked = await limiter.check('blocked');
  expect(blocked).toMatchObject({ allowed: false, reason: 'blocked' });
  expect(blocked.retryAfterMs).toBeGreaterThan(9_990_000);
  fake.hook = ([name]) =>
    name === 'INCREX'
      ? error('WRONGTYPE Operation against a key holding the wrong kind of value')
      : undefined;
  expect(await limiter.check('list')).toMatchObject({ source: 'none' });
  fake.hook = ([name]) =>
    name === 'EVALSHA' ? `*4\r\n:1\r\n:2\r\n:3000000\r\n:${Date.now() + 3_000_000}\r\n` : undefined;
  fake.commands.entries.set(key('text'), { value: '{"count":1}', expiresAt: Date.now() + 3_000_000 });
  expect(await limiter.check('text')).toMatchObject({ allowed: true, remaining: 1 });
});

test('a refund finds the window of its charge', async () => {
  const { fake, limiter } = await open('8.8.0');
  const decision = await limiter.check('k');
  fake.hook = ([name]) => (name === 'EVAL' || name === 'EVALSHA' ? ':1\r\n' : undefined);
  expect(await limiter.refund(decision)).toBe(true);
  const ends = fake.commands.entries.get('{p:k}:@rate-1h')!.expiresAt!;
  expect(fake.received('EVAL')[0]!.at(-1)).toBe(String(ends));
});

test('a window that is longer than the rule is cut by the script', async () => {
  const { fake, limiter } = await open('8.8.0', '9/h');
  await limiter.check('k');
  fake.commands.entries.get('{p:k}:@rate-1h')!.expiresAt = Date.now() + 7_200_000;
  fake.hook = ([name]) =>
    name === 'EVALSHA' ? `*4\r\n:0\r\n:2\r\n:3600000\r\n:${Date.now()}\r\n` : undefined;
  const { resetTime, remaining } = await limiter.check('k');
  expect(remaining).toBe(7);
  expect(resetTime - Date.now()).toBeLessThanOrEqual(3_600_000);
  await fake.saw('EVALSHA');
  // No check waits for it: it only reads, and cuts.
  expect(fake.received('EVALSHA')[0]!.at(-1)).toBe('0');
});

test('a number that cannot be is no answer', async () => {
  const { fake, limiter } = await open('8.8.0');
  await limiter.check('other');
  for (const reply of [
    '*2\r\n:4\r\n:1\r\n',
    '*2\r\n:2\r\n:2\r\n',
    '*2\r\n:1\r\n:-1\r\n',
    '*1\r\n:1\r\n',
    ':1\r\n',
  ]) {
    fake.hook = ([name]) => (name === 'INCREX' ? reply : undefined);
    expect(await limiter.check('k')).toMatchObject({ source: 'none' });
  }
});
