/** A window that a shorter rule has cut, on Redis by plain commands: what belongs to it is found again. */
import { createRateLimiter } from 'spillway';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';

const own = owner();

async function open() {
  const server = await own(RedisServer.start());
  const plans = { day: '9/d', hour: '4/h' } as const;
  const limiter = await own(createRateLimiter({ redis: server.url, plans, timeoutMs: 5_000 }));
  // So that no script has to be sent along, behind others.
  await limiter.check('warm', 'hour', { cost: 2 });
  const [charged, left] = [() => server.charged('ratelimit:k'), () => server.command('PTTL', 'ratelimit:k')];
  return { limiter, charged, left };
}

test('the check that cuts it can be refunded', async () => {
  const { limiter, charged, left } = await open();
  await times(2, () => limiter.check('k', 'day'));
  const decision = await limiter.check('k', 'hour');
  expect(decision).toMatchObject({ allowed: true, remaining: 1 });
  await limiter.peek('k', 'hour');
  expect(Math.ceil(Number(await left()) / 3_600_000)).toBe(1);
  expect(await limiter.refund(decision)).toBe(true);
  expect(await charged()).toBe(2);
});

test('what a check that cuts it was denied is taken back', async () => {
  const { limiter, charged, left } = await open();
  await times(4, () => limiter.check('k', 'day'));
  expect(await limiter.check('k', 'hour')).toMatchObject({ allowed: false, reason: 'limit', remaining: 0 });
  for (let i = 0; i < 3; i++) await limiter.peek('k', 'hour');
  expect(Math.ceil(Number(await left()) / 3_600_000)).toBe(1);
  expect(await charged()).toBe(4);
});
