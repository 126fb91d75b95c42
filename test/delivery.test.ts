/** What was written and not answered is never sent again; what was never answered never blocks. Counted at a fake. */
import { createRateLimiter } from 'spillway';
import { textWith } from './support/matchers';
import { array, error, integer } from './support/resp';
import { CLOSE, dialogue, FakeRedis, RESET, STALL, type Answer } from './support/fake-redis';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { inTime, timed, until } from './support/wait';

const own = owner();

async function open(options = {}) {
  const fake = await own(FakeRedis.start());
  const limiter = await own(createRateLimiter({ redis: fake.url, rate: '100/h', ...options }));
  await limiter.check('warm');
  return { fake, limiter };
}

const endings: [string, Answer][] = [
  ['reset', RESET],
  ['closed', CLOSE],
];

test.each(endings)('connection %s in mid-flight: the check is not sent again', async (_name, ending) => {
  const { fake, limiter } = await open({ timeoutMs: 3_000 });
  fake.hook = dialogue(['INCR', ending]);
  const { value, ms } = await timed(limiter.check('k'));
  expect(value).toMatchObject({ allowed: true, source: 'none' });
  // The loss is known at once; waiting for the deadline would help nobody.
  expect(ms).toBeLessThan(1_000);
  await until('connected again', () => limiter.stats().connected);
  expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 99 });
  expect(fake.received('INCR').filter(([, key]) => key === '{ratelimit:k}:@rate-1h')).toHaveLength(2);
});

test.each(endings)(
  'connection %s while a script runs: neither EVALSHA nor EVAL again',
  async (_name, ending) => {
    const { fake, limiter } = await open({ timeoutMs: 3_000 });
    fake.hook = ([name]) => (name === 'EVALSHA' || name === 'EVAL' ? ending : undefined);
    expect(await limiter.check('k', { cost: 5 })).toMatchObject({ source: 'none' });
    // What would be sent again stands in front of this one.
    expect(await limiter.check('after')).toMatchObject({ source: 'redis' });
    expect([...fake.received('EVALSHA'), ...fake.received('EVAL')]).toHaveLength(1);
  },
);

test('lost between two replies of one check: not repeated, not half believed', async () => {
  const { fake, limiter } = await open({ timeoutMs: 3_000 });
  fake.hook = dialogue(['PEXPIRE', RESET]);
  expect(await limiter.check('k')).toMatchObject({ source: 'none' });
  expect(await limiter.check('after')).toMatchObject({ source: 'redis' });
  expect(fake.received('INCR').filter(([, key]) => key === '{ratelimit:k}:@rate-1h')).toHaveLength(1);
});

test('a hundred checks in mid-flight: each ends by the policy, none is sent again', async () => {
  const { fake, limiter } = await open({ timeoutMs: 3_000 });
  fake.hook = dialogue(['INCR', RESET]);
  const decisions = await times(100, (i) => limiter.check(`k${i}`));
  expect(decisions.every(({ source }) => source === 'none')).toBe(true);
  await until('connected again', () => limiter.stats().connected);
  await limiter.check('after');
  const keys = fake.received('INCR').map(([, key]) => key);
  expect(new Set(keys).size).toBe(keys.length);
});

test('a check that was not yet written when the connection was lost is sent on the next one', async () => {
  const { fake, limiter } = await open({ timeoutMs: 8_000 });
  fake.onAccept = 'silent';
  for (const { socket } of fake.peers) socket.resetAndDestroy();
  await until('noticed', () => !limiter.stats().connected);
  const waiting = limiter.check('k');
  await until('dialled', () => fake.silent.length > 0);
  fake.onAccept = 'talk';
  for (const socket of fake.silent) socket.destroy();
  expect(await waiting).toMatchObject({ source: 'redis', remaining: 99 });
  expect(fake.received('INCR').filter(([, key]) => key === '{ratelimit:k}:@rate-1h')).toHaveLength(1);
});

test('late answers go to nobody: the checks after them get their own', async () => {
  const { fake, limiter } = await open({ timeoutMs: 150 });
  // Holds back this reply and all behind it, as a busy server does.
  fake.hook = ([name]) => {
    if (name === 'INCR') fake.pause();
    return undefined;
  };
  const { value, ms, wallMs } = await timed(limiter.check('slow'));
  expect(value.source).toBe('none');
  expect(wallMs).toBeGreaterThanOrEqual(149);
  expect(ms).toBeLessThanOrEqual(inTime(150));
  fake.hook = () => undefined;
  const next = times(5, () => limiter.check('quick'));
  await fake.saw('INCRBY');
  fake.resume();
  expect((await next).map(({ source, remaining }) => [source, remaining])).toEqual([
    ['redis', 99],
    ['redis', 98],
    ['redis', 97],
    ['redis', 96],
    ['redis', 95],
  ]);
  expect((await limiter.check('slow')).remaining).toBe(98);
});

describe('silence', () => {
  test('at accept: checks are answered in time, and the dial is given up and made again', async () => {
    const fake = await own(FakeRedis.start());
    fake.onAccept = 'silent';
    const options = {
      redis: { url: fake.url, connectTimeoutMs: 400 },
      rate: '100/h',
      timeoutMs: 100,
    } as const;
    const limiter = await own(createRateLimiter(options));
    const { value, ms } = await timed(limiter.check('k'));
    expect(value.source).toBe('none');
    expect(ms).toBeLessThanOrEqual(inTime(100));
    fake.onAccept = 'talk';
    await until('connected', () => limiter.stats().connected, { withinMs: 3_000 });
    expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 99 });
    // The dial outlived the check that gave up: it had its own deadline.
    const [first = 0, second = 0] = fake.accepted;
    expect(second - first).toBeGreaterThanOrEqual(390);
  });

  test('at AUTH: nothing is sent before it is answered', async () => {
    const fake = await own(FakeRedis.start({ password: 'secret' }));
    fake.hook = dialogue(['AUTH', STALL]);
    const redis = { url: fake.url, password: 'secret', connectTimeoutMs: 300 };
    const limiter = await own(createRateLimiter({ redis, rate: '100/h', timeoutMs: 100 }));
    expect((await limiter.check('k')).source).toBe('none');
    expect(fake.received('INCR')).toHaveLength(0);
    await until('connected', () => limiter.stats().connected, { withinMs: 3_000 });
    expect((await limiter.check('k')).remaining).toBe(99);
    expect(fake.received('INCR').filter(([, key]) => key === '{ratelimit:k}:@rate-1h')).toHaveLength(1);
  });

  test('in mid-conversation: only one dial is in flight however many checks ask', async () => {
    const fake = await own(FakeRedis.start());
    fake.onAccept = 'silent';
    const limiter = await own(createRateLimiter({ redis: fake.url, rate: '100/h', timeoutMs: 50 }));
    for (let i = 0; i < 10; i++) await times(20, (j) => limiter.check(`k${i}-${j}`));
    expect(fake.accepted).toHaveLength(1);
  });
});

test('a server that resets every connection is dialled with growing pauses', async () => {
  const fake = await own(FakeRedis.start());
  fake.onAccept = 'reset';
  const limiter = await own(createRateLimiter({ redis: fake.url, rate: '100/h', timeoutMs: 20 }));
  const end = performance.now() + 3_000;
  while (performance.now() < end) await limiter.check('k');
  // 50, 100, 200, 400, 800, 1600 ms at most, half of that on average; fewer than 25 unless the pauses do not grow.
  expect(fake.accepted.length).toBeLessThan(25);
  expect(fake.accepted.length).toBeGreaterThan(3);
  fake.onAccept = 'talk';
  await until('connected', () => limiter.stats().connected, { withinMs: 2_500 });
});

test('the wire form: plain commands for a cost of 1, a script for more and for servers before 7', async () => {
  const { fake, limiter } = await open();
  const scripted: Answer = array(integer(1), integer(5), integer(3_600_000), integer(0));
  fake.hook = ([name]) => (name === 'EVALSHA' ? scripted : undefined);
  await limiter.check('k');
  expect(fake.received('EVALSHA')).toHaveLength(0);
  expect(await limiter.check('k', { cost: 5 })).toMatchObject({ source: 'redis', remaining: 95 });
  expect(fake.received('EVALSHA')).toHaveLength(1);

  for (const version of ['6.2.14', undefined]) {
    const older = await own(FakeRedis.start({ version: '6.2.14' }));
    older.hook = ([name]) => {
      if (name === 'INFO' && version === undefined)
        return error("NOPERM this user has no permissions to run 'info'");
      return name === 'EVALSHA' ? scripted : undefined;
    };
    const scripts = await own(createRateLimiter({ redis: older.url, rate: '100/h' }));
    expect(await scripts.check('k')).toMatchObject({ source: 'redis', remaining: 95 });
    expect(older.received('INCR')).toHaveLength(0);
  }
});

test('the handshake is one write: name, database and version; nothing else is asked first', async () => {
  const fake = await own(FakeRedis.start({ username: 'me', password: 'secret' }));
  const redis = { url: `redis://me:secret@127.0.0.1:${fake.port}/7` };
  const limiter = await own(createRateLimiter({ redis, rate: '100/h' }));
  expect((await limiter.check('k')).source).toBe('redis');
  const [peer] = fake.peers;
  expect(peer).toMatchObject({ authenticated: true, db: 7, name: textWith('spillway') });
  const names = peer?.commands.map(([name]) => name);
  expect(names?.[0]).toBe('AUTH');
  expect(names?.slice(0, 4).sort()).toEqual(['AUTH', 'CLIENT', 'INFO', 'SELECT']);
});
