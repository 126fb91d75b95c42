/** A blocked key stays blocked: whoever asks, by whichever form, and whatever others have added to its mark meanwhile. */
import { createRateLimiter, type Plan } from 'spillway';
import { SetClock } from './support/clock';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { Proxy } from './support/proxy';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
const WINDOW_MS = 60_000;
const BLOCK_MS = 2 * WINDOW_MS;
/** What `block` writes, and what INCR, INCRBY and older versions made of it. */
const MARKS = ['9007199254740992', '9007199254740993', '9007199254840993', '9223372036854775807'];

const rate = '10/m';
const plans: Record<string, Plan & readonly unknown[]> = {
  plain: [rate],
  windows: [rate, '50/h'],
  shadow: [rate, { rate: '50/h', shadow: true }],
  'sliding-window': [{ rate, algorithm: 'sliding-window' }],
  'sliding-log': [{ rate, algorithm: 'sliding-log' }],
  'token-bucket': [{ rate, algorithm: 'token-bucket' }],
  mixed: [rate, { rate, algorithm: 'token-bucket' }],
};

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(() => server.command('FLUSHALL'));
afterAll(() => server.close());

const open = (host = '127.0.0.1') =>
  own(createRateLimiter({ redis: { host, port: server.port }, plans, timeoutMs: 5_000 }));
const keys = async () => (await server.command('KEYS', '*')) as string[];

describe.each(Object.keys(plans))('%s', (plan) => {
  test.each(MARKS)('%s', async (mark) => {
    const limiter = await open();
    const before = await limiter.check('k', plan, { cost: 2 });
    await limiter.block('k', BLOCK_MS);
    const names = await keys();
    for (const key of names) await server.command('SET', key, mark, 'PX', BLOCK_MS);
    for (const ask of [
      () => limiter.check('k', plan),
      () => limiter.check('k', plan, { cost: 3 }),
      () => limiter.peek('k', plan),
      () => limiter.peek('k', plan, { cost: 3 }),
      () => limiter.penalize('k', plan, 4),
    ]) {
      const decision = await ask();
      expect(decision).toMatchObject({ allowed: false, reason: 'blocked', source: 'redis', remaining: 0 });
      expect(decision.retryAfterMs).toBeGreaterThan(BLOCK_MS - 10_000);
      // As an older version wrote it: it ends in the millisecond behind.
      expect(decision.retryAfterMs).toBeLessThanOrEqual(BLOCK_MS + 1);
    }
    expect(await limiter.refund(before)).toBe(false);
    for (const key of names) {
      expect(BigInt(String(await server.command('GET', key)))).toBeGreaterThanOrEqual(BigInt(mark));
      expect(await server.command('PTTL', key)).toBeGreaterThan(WINDOW_MS);
    }
  });
});

test('a block without an expiry gets one window', async () => {
  const limiter = await open();
  for (const plan of Object.keys(plans)) {
    await limiter.check('k', plan);
    for (const key of await keys()) await server.command('SET', key, MARKS[1]!);
    await limiter.peek('k', plan);
    for (const key of await keys()) expect(await server.command('PTTL', key)).toBe(-1);
    expect(await limiter.check('k', plan)).toMatchObject({ allowed: false, reason: 'blocked' });
    const own = (await keys()).filter((key) => key === 'ratelimit:k' || plans[plan]!.length === 1);
    for (const key of own) expect(await server.command('PTTL', key)).toBeGreaterThan(0);
    await server.command('FLUSHALL');
  }
});

test('a listing shows a block, wherever its mark was moved', async () => {
  const limiter = await open();
  for (const [i, mark] of MARKS.entries())
    await server.command('SET', `ratelimit:k${i}`, mark, 'PX', BLOCK_MS);
  const items = [];
  for await (const { count, blocked } of limiter.list()) items.push([count, blocked]);
  expect(items).toEqual(MARKS.map(() => [0, true]));
});

test('sixteen at once by every form: nobody is admitted, and the mark is not below where it was', async () => {
  const [one, two] = [await open(), await open('localhost')];
  await one.check('k', 'mixed');
  await one.block('k', BLOCK_MS);
  const decisions = [];
  for (let round = 0; round < 60; round++) {
    decisions.push(
      ...(await times(16, (i) => [one, two][i % 2]!.check('k', ['plain', 'mixed', 'windows'][i % 3]))),
    );
    // Another process's plain command, which knows nothing of the block.
    await server.command('INCR', 'ratelimit:k');
  }
  expect(decisions.filter(({ reason }) => reason !== 'blocked')).toEqual([]);
  expect(BigInt(String(await server.command('GET', 'ratelimit:k')))).toBeGreaterThanOrEqual(2n ** 53n + 60n);
});

test('units on their way back leave a block that came meanwhile as it is', async () => {
  const clock = await own(new SetClock());
  clock.set(1_900_000_000_000);
  const timed = await own(RedisServer.start({ env: clock.env }));
  const proxy = await own(Proxy.start(timed.port));
  const limited = { rate: { requests: 3, windowMs: 1_000 }, timeoutMs: 10_000 };
  const limiter = await own(createRateLimiter({ redis: proxy.url, ...limited }));
  const other = await own(createRateLimiter({ redis: timed.url, ...limited }));
  await times(3, () => limiter.check('k'));
  proxy.holdFrom(/EVAL/);
  expect(await limiter.check('k')).toMatchObject({ allowed: false, reason: 'limit' });
  await until('the take-back is on its way', () => proxy.isHolding, { everyMs: 1 });
  // It ends when the window would have: by its expiry alone nobody could tell them apart.
  await other.block('k', 1_000);
  await timed.command('CONFIG', 'RESETSTAT');
  proxy.release();
  await until('arrived', async () => {
    const calls = await timed.calls();
    return (calls.evalsha ?? 0) + (calls.eval ?? 0) > 0;
  });
  for (let i = 0; i < 3; i++) expect(await limiter.peek('k')).toMatchObject({ reason: 'blocked' });
  expect(await timed.command('GET', '{ratelimit:k}:@rate-1s')).toBe(MARKS[0]);
});

test('a penalty as large as can be is no block, and can be given back', async () => {
  const limiter = await open();
  const penalty = await limiter.penalize('k', 'plain', Number.MAX_SAFE_INTEGER);
  for (let i = 0; i < 3; i++) {
    expect(await limiter.check('k', 'plain')).toMatchObject({ allowed: false, reason: 'limit' });
    const other = await open('localhost');
    expect(await other.check('k', 'plain')).toMatchObject({ allowed: false, reason: 'limit' });
  }
  expect(await limiter.refund(penalty)).toBe(true);
  await until('what was denied is given back', async () => (await server.charged('ratelimit:k')) === 0);
});
