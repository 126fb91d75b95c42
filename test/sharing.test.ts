/** Limiters with equal connections share one; closing takes from nobody else. */
import { createRateLimiter } from 'spillway';
import { tally, times } from './support/ledger';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { timed } from './support/wait';

const own = owner();

async function connections(server: RedisServer): Promise<number> {
  const clients = String(await server.command('CLIENT', 'LIST'));
  return clients.split('\n').filter((line) => line.includes('name=spillway')).length;
}

test('fifty limiters with equal options, as hot reloads make them, hold one connection', async () => {
  const server = await own(RedisServer.start());
  const limiters = Array.from({ length: 50 }, () => createRateLimiter({ redis: server.url, rate: '1000/m' }));
  const decisions = await Promise.all(limiters.map((limiter) => limiter.check('k')));
  expect(tally(decisions)).toMatchObject({ admittedByStore: 50 });
  expect(await connections(server)).toBe(1);
  await Promise.all(limiters.slice(1).map((limiter) => limiter.close()));
  expect(await limiters[0]?.check('k')).toMatchObject({ remaining: 949, source: 'redis' });
  await limiters[0]?.close();
  const gone = async () => (await connections(server)) === 0;
  for (let i = 0; i < 200 && !(await gone()); i++);
  expect(await connections(server)).toBe(0);
});

test('another database is another connection, and other keys', async () => {
  const server = await own(RedisServer.start());
  const zero = await own(createRateLimiter({ redis: server.url, rate: '5/m' }));
  const three = await own(createRateLimiter({ redis: `${server.url}/3`, rate: '5/m' }));
  await zero.check('k');
  expect((await three.check('k')).remaining).toBe(4);
  expect(await connections(server)).toBe(2);
  await server.command('SELECT', 3);
  expect(await server.charged('{ratelimit:k}:@rate-1m')).toBe(1);
});

test('limiters with different plans, prefixes and deadlines share the connection, not the keys', async () => {
  const server = await own(RedisServer.start());
  const one = await own(createRateLimiter({ redis: server.url, prefix: 'a:', rate: '5/m' }));
  const two = await own(createRateLimiter({ redis: server.url, prefix: 'b:', rate: '9/m', timeoutMs: 500 }));
  await times(2, () => one.check('k'));
  expect((await two.check('k')).remaining).toBe(8);
  expect(await connections(server)).toBe(1);
});

test.each(['open', 'closed'] as const)(
  'close settles 10,000 waiting checks at once, by the policy "%s"',
  async (onError) => {
    const server = await own(RedisServer.start());
    const limiter = await own(
      createRateLimiter({ redis: server.url, rate: '10/m', timeoutMs: 60_000, onError }),
    );
    await limiter.check('warm');
    server.freeze();
    let settled = 0;
    const waiting = times(10_000, async (i) => {
      const decision = await limiter.check(`k${i}`);
      settled++;
      return decision;
    });
    await new Promise(setImmediate);
    expect(limiter.stats().pending).toBe(10_000);
    const { ms } = await timed(limiter.close());
    const decisions = await waiting;
    expect(ms).toBeLessThan(2_000);
    expect(settled).toBe(10_000);
    expect(tally(decisions).bySource).toEqual({ none: 10_000 });
    expect(tally(decisions).allowed).toBe(onError === 'open' ? 10_000 : 0);
    await expect(limiter.check('k')).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  },
);
