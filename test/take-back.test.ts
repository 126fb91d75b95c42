/** Units of a denied check on their way back: only their own, only from their own window, and never out of nothing. */
import { createRateLimiter } from 'spillway';
import { SetClock } from './support/clock';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { Proxy } from './support/proxy';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
const START = 1_900_000_000_000;

/** A limit of 3 that was used up through a proxy, and the units of a fourth check kept back on their way. */
async function overrun() {
  const clock = await own(new SetClock());
  clock.set(START);
  const server = await own(RedisServer.start({ env: clock.env }));
  const proxy = await own(Proxy.start(server.port));
  const rate = { requests: 3, windowMs: 1_000 };
  const limiter = await own(createRateLimiter({ redis: proxy.url, rate, timeoutMs: 10_000 }));
  const other = await own(createRateLimiter({ redis: server.url, rate, timeoutMs: 10_000 }));
  for (let i = 0; i < 3; i++) await limiter.check('k');
  await other.check('warm');
  proxy.holdFrom(/EVAL/);
  expect(await limiter.check('k')).toMatchObject({ allowed: false, remaining: 0 });
  await until('the take-back is on its way', () => proxy.isHolding, { everyMs: 1 });
  const arrived = async () => {
    await server.command('CONFIG', 'RESETSTAT');
    proxy.release();
    await until('arrived', async () => {
      const calls = await server.calls();
      return (calls.evalsha ?? 0) + (calls.eval ?? 0) > 0;
    });
    // Behind it, and behind its script where that had to be sent along.
    for (let i = 0; i < 3; i++) await limiter.peek('k');
  };
  return { clock, server, other, arrived };
}

test('in the same window they are taken back', async () => {
  const { server, arrived } = await overrun();
  expect(await server.charged('{ratelimit:k}:@rate-1s')).toBe(4);
  await arrived();
  expect(await server.charged('{ratelimit:k}:@rate-1s')).toBe(3);
});

test('meanwhile nobody is admitted beyond the limit', async () => {
  const { server, other, arrived } = await overrun();
  const meanwhile = await times(5, () => other.check('k'));
  expect(meanwhile.some(({ allowed }) => allowed)).toBe(false);
  await arrived();
  await until('the excess is gone', async () => (await server.charged('{ratelimit:k}:@rate-1s')) === 3);
});

test('in the next window they are not taken back', async () => {
  const { clock, server, other, arrived } = await overrun();
  clock.set(START + 1_000);
  await times(2, () => other.check('k'));
  await arrived();
  expect(await server.charged('{ratelimit:k}:@rate-1s')).toBe(2);
});

test('where there is no window any more, none is made', async () => {
  const { clock, server, arrived } = await overrun();
  clock.set(START + 1_000);
  await arrived();
  expect(await server.command('EXISTS', '{ratelimit:k}:@rate-1s')).toBe(0);
});

test('after a reset and a new start they are not taken back', async () => {
  const { clock, server, other, arrived } = await overrun();
  clock.set(START + 400);
  await other.reset('k');
  await times(2, () => other.check('k'));
  await arrived();
  expect(await server.charged('{ratelimit:k}:@rate-1s')).toBe(2);
});
