/** What rules ask and leave in Redis, and what several of them make of keys as others left them there. */
import { createRateLimiter } from 'spillway';
import { left } from './support/decisions';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';

const own = owner();
let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(() => server.command('FLUSHALL'));
afterAll(() => server.close());

const FIRST = 'ratelimit:k';
const SECOND = '{ratelimit:k}:@1m';
/** Of fixed windows alone, and among others: each has a script of its own. */
const plans = {
  windows: ['10/h', '5/m'],
  mixed: ['10/h', '5/m', { rate: '50/d', algorithm: 'sliding-log' }],
} as const;
const open = () => own(createRateLimiter({ redis: server.url, plans }));

describe.each(['windows', 'mixed'] as const)('%s', (plan) => {
  test.each([
    ['a list', ['RPUSH', SECOND, 'x']],
    ['a text', ['SET', SECOND, 'x']],
    ['a number that is no count', ['SET', SECOND, '0x2']],
    ['a fraction', ['SET', SECOND, '1.0']],
  ])('%s in the place of a counter: the policy answers, and no other rule is charged', async (_, command) => {
    const limiter = await open();
    await server.command(...command);
    const decision = await limiter.check('k', plan);
    expect(decision).toMatchObject({ allowed: true, source: 'none' });
    expect(await server.command('EXISTS', FIRST)).toBe(0);
    await server.command('SET', FIRST, 3, 'PX', 60_000);
    expect(await times(4, () => limiter.check('k', plan))).toHaveLength(4);
    expect(await server.charged(FIRST)).toBe(3);
    await server.command('DEL', SECOND);
    expect(left(await limiter.check('k', plan)).slice(0, 2)).toEqual([6, 4]);
  });

  test('a list in the place of a counter is noticed also where another rule denies', async () => {
    const limiter = await open();
    await server.command('RPUSH', SECOND, 'x');
    await server.command('SET', FIRST, 10, 'PX', 60_000);
    expect(await limiter.check('k', plan)).toMatchObject({ allowed: true, source: 'none' });
  });

  test('a missing expiry and one beyond the window are mended, also by a denial', async () => {
    const limiter = await open();
    await server.command('SET', FIRST, 3);
    await server.command('SET', SECOND, 5, 'PX', 3_600_000);
    const denied = await limiter.check('k', plan);
    expect(denied).toMatchObject({ allowed: false, limit: 5, retryAfter: 60 });
    expect(left(denied).slice(0, 2)).toEqual([7, 0]);
    const [first, second] = [await server.command('PTTL', FIRST), await server.command('PTTL', SECOND)];
    expect(first).toBeGreaterThan(3_590_000);
    expect(first).toBeLessThanOrEqual(3_600_000);
    expect(second).toBeGreaterThan(50_000);
    expect(second).toBeLessThanOrEqual(60_000);
  });

  test('a block that is longer than the window stays, and charges none', async () => {
    const limiter = await open();
    await limiter.check('k', plan);
    await limiter.block('k', 7_200_000);
    await server.command('DEL', FIRST);
    const denied = await limiter.check('k', plan);
    expect(denied).toMatchObject({ allowed: false, reason: 'blocked' });
    expect(denied.retryAfterMs).toBeGreaterThan(7_100_000);
    expect(denied.rules.map(({ allowed }) => allowed).slice(0, 2)).toEqual([true, false]);
    expect(await server.command('EXISTS', FIRST)).toBe(0);
    expect(await server.command('PTTL', SECOND)).toBeGreaterThan(7_100_000);
  });

  test('checks of several units that ask at once get what fits, in their order', async () => {
    const limiter = await open();
    const decisions = await times(4, () => limiter.check('k', plan, { cost: 2 }));
    expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, false, false]);
    expect(decisions.map((decision) => left(decision).slice(0, 2))).toEqual([
      [8, 3],
      [6, 1],
      [6, 1],
      [6, 1],
    ]);
    expect([await server.charged(FIRST), await server.charged(SECOND)]).toEqual([4, 4]);
    expect(await limiter.refund(decisions[0]!)).toBe(true);
    expect([await server.charged(FIRST), await server.charged(SECOND)]).toEqual([2, 2]);
  });
});

test('a check of one fixed window is three plain commands, and so are several of one key', async () => {
  const limiter = await own(createRateLimiter({ redis: server.url, rate: '10/h' }));
  await limiter.check('warm');
  await server.command('CONFIG', 'RESETSTAT');
  await limiter.check('k');
  expect(await server.calls()).toMatchObject({ time: 1, pexpiretime: 1, incr: 1, pexpire: 1 });
  await times(3, () => limiter.check('k'));
  expect(await server.calls()).toMatchObject({ time: 2, pexpiretime: 2, incr: 1, incrby: 1, pexpire: 2 });
  expect(await server.charged('{ratelimit:k}:@rate-1h')).toBe(4);
});

test('each kind of rules has its script', async () => {
  const limiter = await open();
  await limiter.check('warm', 'windows');
  await server.command('CONFIG', 'RESETSTAT');
  await times(3, () => limiter.check('k', 'windows'));
  // One command with one read of all counters; the general script reads them one by one.
  expect(await server.calls()).toMatchObject({ evalsha: 1, mget: 1, incrby: 2, pexpireat: 2, time: 1 });
});

test.each(['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const)(
  '%s: no key stays without an expiry',
  async (algorithm) => {
    const limiter = await own(createRateLimiter({ redis: server.url, rate: '5/10s', algorithm }));
    const decisions = await times(8, (i) => limiter.check(`k${i % 3}`, { cost: 1 + (i % 3) }));
    await Promise.all([
      limiter.refund(decisions[0]!),
      limiter.penalize('k1', 20),
      limiter.penalize('fresh', 2),
      limiter.block('k2', 5_000),
    ]);
    const keys = (await server.command('KEYS', '*')) as string[];
    expect(keys).toHaveLength(4);
    for (const key of keys) expect(Number(await server.command('PTTL', key))).toBeGreaterThan(0);
  },
);
