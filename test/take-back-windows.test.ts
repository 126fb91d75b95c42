/** A take-back where the window was not known when the units were added: another client comes between the commands. */
import { createRateLimiter } from 'spillway';
import { SetClock } from './support/clock';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { Proxy } from './support/proxy';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
const START = 1_900_000_000_000;
const KEY = '{ratelimit:k}:@rate-1s';
const rate = { requests: 3, windowMs: 1_000 };

/**
 * A check whose question for the expiry was answered, while its INCR is kept back. `before` is what others did first;
 * `after` lets it go on to its take-back, which is kept back in turn, and `arrive` lets that through.
 */
async function between(before: (server: RedisServer) => Promise<unknown> = () => Promise.resolve()) {
  const clock = await own(new SetClock());
  clock.set(START);
  const server = await own(RedisServer.start({ env: clock.env }));
  const proxy = await own(Proxy.start(server.port));
  const limiter = await own(createRateLimiter({ redis: proxy.url, rate, timeoutMs: 10_000 }));
  const other = await own(createRateLimiter({ redis: server.url, rate, timeoutMs: 10_000 }));
  await Promise.all([limiter.check('warm'), other.check('warm')]);
  await before(server);
  proxy.holdFrom(/\*\d\r\n\$\d\r\nINCR/);
  const late = limiter.check('k');
  await until('asked and kept back', () => proxy.isHolding, { everyMs: 1 });
  const held = async (pattern: RegExp) => {
    proxy.release(pattern);
    await until('kept back again', () => proxy.isHolding, { everyMs: 1 });
  };
  const arrive = async () => {
    proxy.release();
    const { allowed, source } = await late;
    // Behind whatever the answer has led to.
    for (let i = 0; i < 3; i++) await limiter.peek('k');
    return { allowed, source };
  };
  return { clock, server, other, held, arrive };
}

const DENIED = { allowed: false, source: 'redis' };
const EVAL = /\*\d+\r\n\$\d\r\nEVAL/;

test('the key was new, and others have begun the window: their units stay, ours are taken back', async () => {
  const { server, other, held, arrive } = await between();
  await times(3, () => other.check('k'));
  await held(EVAL);
  expect(await server.charged(KEY)).toBe(4);
  expect(await arrive()).toEqual(DENIED);
  expect(await server.charged(KEY)).toBe(3);
});

test('the key was new, and the window has ended by then: the next one is left alone', async () => {
  const { clock, server, other, held, arrive } = await between();
  await times(3, () => other.check('k'));
  await held(EVAL);
  clock.set(START + 1_000);
  await times(3, () => other.check('k'));
  expect(await arrive()).toEqual(DENIED);
  expect(await server.charged(KEY)).toBe(3);
  expect(await server.command('PTTL', KEY)).toBe(999);
});

test('the key was new, and has ended by then: it is not made again', async () => {
  const { clock, server, other, held, arrive } = await between();
  await times(3, () => other.check('k'));
  await held(EVAL);
  clock.set(START + 1_000);
  // Whoever was kept back waits on, and finds room in a window of its own.
  expect(await arrive()).toEqual({ allowed: true, source: 'redis' });
  expect(await server.charged(KEY)).toBe(1);
});

test('the key was new, and another has begun a shorter window: that is not the one', async () => {
  const { server, other, held, arrive } = await between();
  await times(3, () => other.check('k'));
  await held(EVAL);
  await server.command('PEXPIRE', KEY, 500);
  await arrive();
  expect(await server.charged(KEY)).toBe(4);
});

test.each([
  ['at its limit', 3],
  ['beyond it', 5],
])('found without an expiry, %s: it gets one, and the units stay until it comes', async (_name, count) => {
  const { clock, server, arrive } = await between((one) => one.command('SET', KEY, count));
  expect(await arrive()).toEqual(DENIED);
  expect(await server.charged(KEY)).toBe(count + 1);
  expect(await server.command('PTTL', KEY)).toBe(999);
  clock.set(START + 1_000);
  expect(await server.command('EXISTS', KEY)).toBe(0);
});

test('found without an expiry, which another gave it meanwhile: ours are taken back', async () => {
  const { server, held, arrive } = await between((one) => one.command('SET', KEY, 3));
  await server.command('PEXPIRE', KEY, 999);
  await held(EVAL);
  expect(await server.charged(KEY)).toBe(4);
  expect(await arrive()).toEqual(DENIED);
  expect(await server.charged(KEY)).toBe(3);
});

test('the window has ended in between: the next one holds what was admitted in it, and no less', async () => {
  const { clock, server, other, arrive } = await between((one) => one.command('SET', KEY, 3, 'PX', 400));
  clock.set(START + 600);
  expect((await times(3, () => other.check('k'))).filter(({ allowed }) => allowed)).toHaveLength(3);
  expect(await arrive()).toEqual(DENIED);
  expect(await server.charged(KEY)).toBeGreaterThanOrEqual(3);
  expect(await server.command('PTTL', KEY)).toBe(999);
});
