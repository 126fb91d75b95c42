/** No wait is longer than the window, and whoever waits it is admitted, to the millisecond. */
import { createRateLimiter, type Algorithm } from 'spillway';
import { SetClock } from './support/clock';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { Proxy } from './support/proxy';
import { RedisServer } from './support/redis';
import { reportsOf } from './support/process';

const START = 1_900_000_000_000;
const own = owner(afterAll);
let clock: SetClock;
let server: RedisServer;
beforeAll(async () => {
  clock = await own(new SetClock());
  clock.set(START);
  server = await own(RedisServer.start({ env: clock.env }));
});
let keys = 0;
beforeEach(() => {
  keys++;
  clock.set(START);
});

const algorithms: Algorithm[] = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'];

describe.each([1, 2, 3, 999, 1_000, 60_000, 3_600_000])('a window of %i ms', (windowMs) => {
  test.each(algorithms)('%s', async (algorithm) => {
    // A sliding window gives room back up to a tenth late, and what lasts 1 ms lasts 2.
    const late = algorithm === 'sliding-window' ? Math.ceil(windowMs / 10) - 1 : 0;
    const most = algorithm === 'fixed-window' ? Math.max(2, windowMs) : windowMs + late;
    const rule = { rate: { requests: 2, windowMs }, algorithm };
    const plans = { alone: [rule], several: [rule, { rate: '1000/d' }] } as const;
    const limiter = await own(createRateLimiter({ redis: server.url, plans, timeoutMs: 10_000 }));
    for (const [n, plan] of (['alone', 'several'] as const).entries()) {
      const key = `${algorithm}-${keys}-${n}`;
      clock.set(START);
      for (const cost of [1, 2]) {
        if (cost === 2) clock.set(START + 10 * 3_600_000);
        const start = cost === 2 ? START + 10 * 3_600_000 : START;
        await times(2, () => limiter.check(key, plan));
        const denied = await limiter.check(key, plan, { cost });
        expect(denied).toMatchObject({ allowed: false, reason: 'limit' });
        expect(denied.retryAfterMs).toBeLessThanOrEqual(most);
        expect(denied.retryAfter).toBe(Math.ceil(denied.retryAfterMs / 1_000));
        const looked = await limiter.peek(key, plan, { cost });
        expect(looked.retryAfterMs).toBe(denied.retryAfterMs);
        clock.set(start + denied.retryAfterMs - 1);
        expect(await limiter.peek(key, plan, { cost })).toMatchObject({ allowed: false, retryAfterMs: 1 });
        clock.set(start + denied.retryAfterMs);
        expect(await limiter.check(key, plan, { cost })).toMatchObject({ allowed: true });
      }
    }
  });
});

test.each(algorithms)('%s: a block ends when it says', async (algorithm) => {
  const limiter = await own(
    createRateLimiter({ redis: server.url, plans: { p: [{ rate: '5/h', algorithm }] }, timeoutMs: 10_000 }),
  );
  const key = `block-${keys}`;
  await limiter.block(key, 60_000);
  expect(await limiter.check(key, 'p')).toMatchObject({
    reason: 'blocked',
    retryAfter: 60,
    retryAfterMs: 60_000,
  });
  clock.set(START + 59_999);
  expect(await limiter.check(key, 'p')).toMatchObject({ reason: 'blocked', retryAfterMs: 1 });
  clock.set(START + 60_000);
  expect(await limiter.check(key, 'p')).toMatchObject({ allowed: true, remaining: 4 });
});

test('denied by plain commands in the millisecond in which another began the window, asked a moment earlier', async () => {
  const limiter = await own(createRateLimiter({ redis: server.url, rate: '1/m', timeoutMs: 10_000 }));
  const key = `plain-${keys}`;
  const decisions = await times(2, () => limiter.check(key));
  expect(decisions.map(({ allowed, retryAfter }) => [allowed, retryAfter])).toEqual([
    [true, 0],
    [false, 60],
  ]);
  expect(await server.command('PTTL', `{ratelimit:${key}}:@rate-1m`)).toBe(59_999);
});

test('a window of an older version, 1 ms longer, is gone when this one says', async () => {
  for (const plan of ['alone', 'several'] as const) {
    const plans = { alone: '2/m', several: ['2/m', '1000/d'] } as const;
    const limiter = await own(createRateLimiter({ redis: server.url, plans, timeoutMs: 10_000 }));
    const key = `old-${plan}-${keys}`;
    clock.set(START);
    await server.command('SET', `ratelimit:${key}`, 2, 'PX', 60_000);
    const denied = await limiter.check(key, plan);
    expect(denied).toMatchObject({ allowed: false, retryAfterMs: 60_000 });
    await limiter.peek(key, plan);
    clock.set(START + 60_000);
    expect(await limiter.check(key, plan)).toMatchObject({ allowed: true, remaining: 1 });
  }
});

test('units and refunds find the window that was charged, also where it began with that very command', async () => {
  const proxy = await own(Proxy.start(server.port));
  const rate = { requests: 3, windowMs: 1_000 };
  const limiter = await own(createRateLimiter({ redis: proxy.url, rate, timeoutMs: 10_000 }));
  const key = `refund-${keys}`;
  const [first, late] = [await limiter.check(key), await limiter.check(key)];
  clock.set(START + 999);
  expect(await limiter.refund(first)).toBe(true);
  expect(await server.charged(`{ratelimit:${key}}:@rate-1s`)).toBe(1);
  clock.set(START + 1_000);
  const second = await limiter.check(key);
  expect(await limiter.refund(late)).toBe(false);
  expect(await server.charged(`{ratelimit:${key}}:@rate-1s`)).toBe(1);
  expect(await limiter.refund(second)).toBe(true);
});

test('in process, the same', async () => {
  const script = `
    const { createRateLimiter } = require('spillway');
    const { openSync, writeSync } = require('node:fs');
    const fd = openSync(given.file, 'r+');
    const set = (ms) => { const ns = BigInt(ms) * 1000000n; writeSync(fd, Buffer.from(new BigInt64Array([ns, ns]).buffer), 0, 16, 0); };
    (async () => {
      const limiter = createRateLimiter({ rate: '1/m' });
      set(given.start);
      await new Promise(setImmediate);
      await limiter.check('k');
      const { retryAfter, retryAfterMs } = await limiter.check('k');
      const said = [retryAfter, retryAfterMs];
      await limiter.block('b', 60000);
      said.push((await limiter.check('b')).retryAfterMs);
      for (const ms of [59999, 60000]) {
        set(given.start + ms);
        await new Promise(setImmediate);
        for (const key of ['k', 'b']) said.push((await limiter.check(key)).allowed);
      }
      report(said);
    })();`;
  const lived = new SetClock({ monotonic: true });
  lived.set(START);
  try {
    const [said] = await reportsOf(script, { env: lived.env, given: { file: lived.file, start: START } });
    expect(said).toEqual([60, 60_000, 60_000, false, false, true, true]);
  } finally {
    lived.close();
  }
});
