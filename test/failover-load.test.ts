/** A store that stops and comes back under 2,000 checks a second: every answer in time, and never more than is promised. */
import { memoryStore, redisStore } from 'spillway';
import { failoverLimiter } from './support/failover';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { delay, inTime, timed, until } from './support/wait';

const own = owner();
const LIMIT = 1_000;

test('stopped and continued, three times over', async () => {
  const [first, second] = [await own(RedisServer.start()), await own(RedisServer.start())];
  const limiter = await own(
    failoverLimiter([redisStore(first.url), redisStore(second.url), memoryStore()], {
      limit: LIMIT,
      failureMode: 'closed',
      probe: { intervalMs: 200, timeoutMs: 500 },
    }),
  );
  await limiter.check('warm');
  let running = true;
  const under: Promise<unknown>[] = [];
  const results: { value: Awaited<ReturnType<typeof limiter.check>>; ms: number }[] = [];
  const load = (async () => {
    while (running) {
      for (let i = 0; i < 20; i++) {
        const asked = timed(limiter.check('k')).then((result) => results.push(result));
        under.push(asked);
      }
      await delay(10);
    }
  })();
  const inUse = (index: number) =>
    until(`store ${index} is in use`, () => limiter.stats().stores![index]!.inUse, { withinMs: 15_000 });
  for (let round = 0; round < 3; round++) {
    await delay(300);
    first.freeze();
    await inUse(1);
    await delay(300);
    first.thaw();
    await inUse(0);
  }
  running = false;
  await load;
  await Promise.all(under);
  expect(Math.max(...results.map(({ ms }) => ms))).toBeLessThanOrEqual(inTime(250));
  // One window in each of the two stores that were used: N each, and not one more.
  const admitted = results.filter(({ value }) => value.allowed).length;
  expect(admitted).toBeGreaterThan(LIMIT);
  expect(admitted).toBeLessThanOrEqual(2 * LIMIT);
  expect(new Set(results.map(({ value }) => value.source))).toEqual(new Set(['redis', 'none']));
});
