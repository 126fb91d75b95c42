/** What is said, shown and refused of several stores. */
import {
  checkRateLimit,
  closeRedisConnection,
  configureRateLimit,
  createRateLimiter,
  customStore,
  failoverStore,
  isRedisHealthy,
  memoryStore,
  redisStore,
} from 'spillway';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { failoverLimiter, Lines, PROBE, SwitchedStore } from './support/failover';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();

const moved = (limiter: ReturnType<typeof failoverLimiter>, index: number) =>
  until(`store ${index} is in use`, async () => {
    await limiter.check('k');
    return limiter.stats().stores![index]!.inUse;
  });

test('the log: what went away, what counts now, and back', async () => {
  const server = await own(RedisServer.start());
  const logger = new Lines();
  const limiter = await own(failoverLimiter([redisStore(server.url), memoryStore()], { logger }));
  await limiter.check('k');
  await server.kill();
  await moved(limiter, 1);
  const address = `127.0.0.1:${server.port}`;
  expect(logger.all).toEqual([
    expect.stringMatching(
      new RegExp(
        `^spillway: Redis at ${address} does not count: .*\\. Until it does, the next store counts\\.$`,
      ),
    ),
    `spillway: counting in this process now, because Redis at ${address} does not count`,
  ]);
  await server.start();
  await moved(limiter, 0);
  expect(logger.all[2]).toBe(`spillway: counting in Redis at ${address} now, which counts again`);
  await until('it is told to count again', async () => {
    await limiter.check('k');
    return logger.all.some((line) => line.startsWith('spillway: Redis counts again'));
  });
  expect(logger.all).toHaveLength(4);
});

test('the log and the channel when all are away, in one line', async () => {
  const [first, second] = [new SwitchedStore('first'), new SwitchedStore('second')];
  const logger = new Lines();
  const heard: { state: string; store: string; reason: string }[] = [];
  const hear = (message: unknown) => void heard.push(message as never);
  subscribe('spillway:state', hear);
  try {
    const limiter = await own(failoverLimiter([customStore(first), customStore(second)], { logger }));
    first.how = second.how = 'fails';
    await until('both are away', async () => {
      await limiter.check('k');
      return limiter.stats().stores!.every(({ healthy }) => !healthy);
    });
    for (let i = 0; i < 100; i++) await limiter.check('k');
    expect(logger.all.filter((line) => line.includes('failureMode'))).toEqual([
      "spillway: The failover does not count: none of its stores does. Until it does, requests are admitted without being counted (failureMode: 'open').",
    ]);
    expect(heard.filter(({ store }) => store === 'failover')).toMatchObject([
      {
        state: 'moved',
        reason: "counting in the store 'second' now, because the store 'first' does not count",
      },
      { state: 'away', reason: 'none of its stores does' },
    ]);
    first.how = second.how = 'counts';
    await until('it is told to count again', async () => {
      await limiter.check('k');
      return logger.all.some((line) => line.startsWith('spillway: The failover counts again after'));
    });
  } finally {
    unsubscribe('spillway:state', hear);
  }
});

test('health asks all, and is good while one is', async () => {
  const server = await own(RedisServer.start());
  const first = new SwitchedStore('first');
  const limiter = await own(
    failoverLimiter([customStore(first), redisStore(server.url)], { probe: { intervalMs: 60_000 } }),
  );
  expect(await limiter.health()).toMatchObject({
    healthy: true,
    enabled: true,
    store: 'first',
    latencyMs: expect.any(Number),
    stores: [
      { store: 'first', inUse: true, healthy: true, latencyMs: expect.any(Number), lastError: null },
      { store: 'redis', inUse: false, healthy: true, latencyMs: expect.any(Number), lastError: null },
    ],
  });
  first.how = 'fails';
  await moved(limiter, 1);
  expect(await limiter.health()).toMatchObject({
    healthy: true,
    store: 'redis',
    stores: [
      {
        inUse: false,
        healthy: false,
        latencyMs: null,
        breaker: { state: 'open' },
        lastError: 'the disk is full',
      },
      { inUse: true, healthy: true },
    ],
  });
  expect(limiter.stats()).toMatchObject({ store: 'redis', stores: [{ healthy: false }, { healthy: true }] });
  await server.kill();
  expect(await limiter.health()).toMatchObject({ healthy: false, latencyMs: null });
  first.how = 'counts';
  // A good answer is one, whoever asked.
  expect(await limiter.health()).toMatchObject({ healthy: true, store: 'first' });
  expect(await limiter.check('k')).toMatchObject({ source: 'first' });
});

test('stores that are not in use are probed, one question at a time', async () => {
  const second = new SwitchedStore('second');
  const limiter = await own(
    failoverLimiter([memoryStore(), customStore(second)], { probe: { intervalMs: 10, timeoutMs: 200 } }),
  );
  expect(second.asked).toBe(0);
  await limiter.check('k');
  await until('it was probed', () => second.asked > 2);
  second.how = 'hangs';
  await until('it is known to hang', () => !limiter.stats().stores![1]!.healthy);
  const { asked } = second;
  const waitedMs = await until('it was asked again', () => second.asked > asked + 1);
  expect(waitedMs).toBeGreaterThan(150);
});

test('a store comes back without calls, for those who only ask for health', async () => {
  const first = new SwitchedStore('first');
  configureRateLimit({ store: failoverStore([customStore(first)], { probe: PROBE }), logger: false });
  try {
    first.how = 'fails';
    for (let i = 0; i < 10; i++) await checkRateLimit('k', 'FREE');
    expect(isRedisHealthy()).toBe(false);
    first.how = 'counts';
    await until('healthy', () => isRedisHealthy());
    const { asked } = first;
    await checkRateLimit('k', 'FREE');
    expect(first.asked).toBeGreaterThan(asked);
  } finally {
    await closeRedisConnection();
  }
});

test('a store that is listed twice is one, as where a variable is not set', async () => {
  const limiter = await own(failoverLimiter([redisStore(undefined), memoryStore()]));
  await limiter.check('k');
  expect(limiter.stats().stores).toMatchObject([{ store: 'memory' }]);
});

test('limiters over equal stores share them, and what is known of them', async () => {
  const first = new SwitchedStore('first');
  const make = () =>
    createRateLimiter({
      store: failoverStore([customStore(first), memoryStore()], { probe: PROBE }),
      prefix: 'shared:',
      rate: '5/m',
      logger: false,
    });
  const [one, other] = [await own(make()), await own(make())];
  first.how = 'fails';
  await moved(one, 1);
  const { asked } = first;
  expect(await other.check('k')).toMatchObject({ source: 'memory' });
  expect(first.asked).toBe(asked);
});

describe('refused', () => {
  const whole = memoryStore();
  test.each<[string, unknown[]]>([
    ['nothing', []],
    ['no list', [whole]],
    ['an empty list', [[]]],
    ['nine stores', [Array(9).fill(whole)]],
    ['what is no store', [[whole, 'redis://127.0.0.1']]],
    ['a store of one’s own without customStore', [[new SwitchedStore('bare')]]],
    ['a failover in a failover', [[failoverStore([whole])]]],
    ['an unknown strategy', [[whole], { strategy: 'random' }]],
    ['an unknown option', [[whole], { strategies: 'round-robin' }]],
    ['an unknown option of the probe', [[whole], { probe: { interval: 5 } }]],
    ['no interval', [[whole], { probe: { intervalMs: 0 } }]],
    ['a deadline that is no number', [[whole], { probe: { timeoutMs: '5s' } }]],
    ['a probe that is none', [[whole], { probe: true }]],
    ['options that are none', [[whole], 'round-robin']],
  ])('%s', (_, given) => {
    expect(() => failoverStore(...(given as [never]))).toThrow(
      expect.objectContaining({ name: 'RateLimitError', code: 'ERR_INVALID_OPTION' }),
    );
  });

  test('a custom store of that name', () => {
    expect(() => customStore(new SwitchedStore('failover'))).toThrow(/cannot be named 'failover'/);
  });
});
