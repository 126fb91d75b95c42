/** Several stores that stand in for each other: the first that is healthy counts. */
import { createRateLimiter, customStore, memoryStore, redisStore } from 'spillway';
import { failoverLimiter, PROBE, SwitchedStore } from './support/failover';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { delay, inTime, timed, until } from './support/wait';

const own = owner();
const LIMIT = 100;
/** Its own breaker never opens: whether it is asked is the failover's. */
const PATIENT = { breaker: { failures: 1_000_000 } };
const allowed = (decisions: { allowed: boolean }[]) => decisions.filter((one) => one.allowed).length;

/** Checks until one of them is answered by a store, the second say. */
const countedBy = (limiter: ReturnType<typeof failoverLimiter>, source: string) =>
  until(`${source} counts`, async () => (await limiter.check('probing')).source === source);

test('the first counts, and when it is killed the second, from nothing and exactly', async () => {
  const first = await own(RedisServer.start());
  const second = await own(RedisServer.start());
  const limiter = await own(failoverLimiter([redisStore(first.url), redisStore(second.url), memoryStore()]));
  expect(allowed(await times(150, () => limiter.check('k')))).toBe(LIMIT);
  expect(await second.command('DBSIZE')).toBe(0);
  await first.kill();
  await until('the second is in use', async () => {
    await limiter.check('other');
    return limiter.stats().stores![1]!.inUse;
  });
  const decisions = await times(150, () => limiter.check('k'));
  expect([...new Set(decisions.map(({ source }) => source))]).toEqual(['redis']);
  expect(allowed(decisions)).toBe(LIMIT);
  expect(limiter.stats().stores).toMatchObject([
    { store: 'redis', inUse: false, healthy: false, lastError: expect.any(String) },
    { store: 'redis', inUse: true, healthy: true },
    { store: 'memory', inUse: false, healthy: true },
  ]);
});

test('what was under way when the first was killed is counted by the second, in the same call', async () => {
  const first = await own(RedisServer.start());
  const limiter = await own(failoverLimiter([redisStore(first.url), memoryStore()], { timeoutMs: 5_000 }));
  expect(await limiter.check('k')).toMatchObject({ source: 'redis' });
  first.freeze();
  const waiting = times(50, () => limiter.check('k'));
  await delay(50);
  await first.kill();
  const { value, ms } = await timed(waiting);
  expect(value.map(({ source }) => source)).toEqual(Array(50).fill('memory'));
  expect(Math.min(...value.map(({ remaining }) => remaining))).toBe(LIMIT - 50);
  expect(ms).toBeLessThan(2_000);
});

test('one that was away is used again after a good probe, and not before', async () => {
  const first = new SwitchedStore('first');
  const limiter = await own(
    failoverLimiter([customStore(first, PATIENT), memoryStore()], { probe: { ...PROBE, intervalMs: 400 } }),
  );
  expect(await limiter.check('k')).toMatchObject({ source: 'first' });
  first.how = 'fails';
  // The one in which it is asked and fails is counted by the next store, too.
  expect((await times(20, () => limiter.check('k'))).map(({ source }) => source)).toEqual(
    Array(20).fill('memory'),
  );
  await until('it is away', async () => {
    await limiter.check('k');
    return !limiter.stats().stores![0]!.healthy;
  });
  first.how = 'counts';
  const { asked } = first;
  expect((await limiter.check('k')).source).toBe('memory');
  expect(first.asked).toBe(asked);
  const ms = await countedBy(limiter, 'first');
  expect(first.asked).toBeGreaterThan(asked + 1);
  expect(ms).toBeLessThanOrEqual(inTime(2 * 400));
});

test("one failure takes nobody away, also after a return; a store's own breaker does", async () => {
  const [first, second] = [new SwitchedStore('first'), new SwitchedStore('second')];
  const impatient = customStore(second, { breaker: { failures: 1, openMs: 60_000, maxOpenMs: 60_000 } });
  const limiter = await own(
    failoverLimiter([customStore(first), impatient, memoryStore()], { probe: { intervalMs: 60_000 } }),
  );
  const healthy = () => limiter.stats().stores!.map((one) => one.healthy);
  first.how = 'fails';
  for (let i = 0; i < 4; i++) await limiter.check('k');
  expect(healthy()).toEqual([true, true, true]);
  await until('five in a row', async () => {
    await limiter.check('k');
    return !healthy()[0];
  });
  first.how = 'counts';
  // A good answer to it is a good probe.
  expect((await limiter.health()).stores!.map((one) => one.healthy)).toEqual([true, true, true]);
  first.how = 'fails';
  expect((await limiter.check('k')).source).toBe('second');
  expect(healthy()).toEqual([true, true, true]);
  second.how = 'fails';
  expect((await limiter.check('k')).source).toBe('memory');
  expect(healthy()[1]).toBe(true);
  // It is not asked any more, and says so.
  expect((await limiter.check('k')).source).toBe('memory');
  expect(healthy()[1]).toBe(false);
});

test('a Redis that comes back is used again, with what it counted before', async () => {
  const first = await own(RedisServer.start());
  const limiter = await own(failoverLimiter([redisStore(first.url), memoryStore()]));
  await times(60, () => limiter.check('k'));
  first.freeze();
  await countedBy(limiter, 'memory');
  expect(allowed(await times(150, () => limiter.check('k')))).toBe(LIMIT);
  first.thaw();
  await countedBy(limiter, 'redis');
  expect(allowed(await times(150, () => limiter.check('k')))).toBe(LIMIT - 60);
});

test('all away: the failure mode at once', async () => {
  const [first, second] = [new SwitchedStore('first'), new SwitchedStore('second')];
  const limiter = await own(
    failoverLimiter([customStore(first, PATIENT), customStore(second, PATIENT)], {
      failureMode: 'closed',
      probe: { intervalMs: 60_000 },
    }),
  );
  await limiter.check('k');
  first.how = second.how = 'hangs';
  await until('both are away', async () => {
    await limiter.check('k');
    return limiter.stats().stores!.every(({ healthy }) => !healthy);
  });
  const asked = first.asked + second.asked;
  const { value, ms } = await timed(times(1_000, () => limiter.check('k')));
  for (const one of value) {
    expect(one).toMatchObject({ allowed: false, source: 'none', reason: 'unavailable', limit: LIMIT });
  }
  expect(ms).toBeLessThan(inTime(0));
  expect(first.asked + second.asked).toBe(asked);
  await expect(limiter.reset('k')).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
  await expect(limiter.list().next()).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
});

test("all away, failureMode 'memory': this process counts, and takes its refunds", async () => {
  const first = new SwitchedStore('first');
  const limiter = await own(failoverLimiter([customStore(first)], { failureMode: 'memory', limit: 3 }));
  first.how = 'fails';
  const decisions = await times(5, () => limiter.check('k'));
  expect(allowed(decisions)).toBe(3);
  expect(await limiter.refund(decisions[0]!)).toBe(true);
  expect(await limiter.check('k')).toMatchObject({ allowed: true, remaining: 0 });
});

test('no store is asked twice in one call', async () => {
  const stores = [new SwitchedStore('first'), new SwitchedStore('second'), new SwitchedStore('third')];
  const limiter = await own(failoverLimiter(stores.map((one) => customStore(one))));
  for (const one of stores) one.how = 'fails';
  expect(await limiter.check('k')).toMatchObject({ source: 'none', allowed: true });
  expect(stores.map(({ asked }) => asked)).toEqual([1, 1, 1]);
});

test('a store that hangs costs a call its deadline and no more, also behind one that fails', async () => {
  const [first, second] = [new SwitchedStore('first'), new SwitchedStore('second')];
  const limiter = await own(failoverLimiter([customStore(first), customStore(second), memoryStore()]));
  first.how = 'hangs';
  const alone = await timed(limiter.check('k'));
  expect(alone.value.source).toBe('none');
  expect(alone.ms).toBeLessThanOrEqual(inTime(250));
  // Refused late, so that the second has a part of the deadline only.
  first.apply = async () => {
    await delay(150);
    throw new Error('late');
  };
  second.how = 'hangs';
  const behind = await timed(limiter.check('k'));
  expect(behind.value.source).toBe('none');
  expect(behind.ms).toBeLessThanOrEqual(inTime(250));
  await countedBy(limiter, 'memory');
});

test('what a closed limiter still waits for is not asked of the next store', async () => {
  const first = new SwitchedStore('first');
  // Of this one the store stays open.
  const other = await own(createRateLimiter({ store: customStore(first), rate: '5/m', logger: false }));
  await other.check('k');
  const limiter = await own(failoverLimiter([customStore(first), memoryStore()]));
  let fail!: (error: Error) => void;
  first.apply = () => new Promise((_, reject) => (fail = reject));
  const waiting = limiter.check('k');
  await limiter.close();
  fail(new Error('the disk is full'));
  expect(await waiting).toMatchObject({ allowed: true, source: 'none', reason: 'unavailable' });
});

test('a wrong password as the first', async () => {
  const first = await own(RedisServer.start({ password: 'right' }));
  const limiter = await own(
    failoverLimiter([redisStore({ url: first.url, password: 'wrong' }), memoryStore()]),
  );
  await limiter.check('k');
  await countedBy(limiter, 'memory');
  const { stores } = limiter.stats();
  expect(stores![0]!.lastError).toMatch(/WRONGPASS|invalid/i);
  expect(JSON.stringify(stores)).not.toContain('wrong');
});

test('a refund goes to the store that was charged', async () => {
  const [first, second] = [new SwitchedStore('first'), new SwitchedStore('second')];
  const limiter = await own(
    failoverLimiter([customStore(first), customStore(second)], { limit: 3, probe: { intervalMs: 60_000 } }),
  );
  const ofFirst = await limiter.check('k');
  first.how = 'fails';
  const ofSecond = await limiter.check('k');
  expect([ofFirst.source, ofSecond.source]).toEqual(['first', 'second']);
  first.how = 'counts';
  expect((await limiter.peek('k')).remaining).toBe(2);
  expect(await limiter.refund(ofFirst)).toBe(true);
  expect((await limiter.peek('k')).remaining).toBe(3);
  expect(await limiter.refund(ofFirst)).toBe(false);
  first.how = 'fails';
  expect(await limiter.peek('k')).toMatchObject({ source: 'second', remaining: 2 });
  expect(await limiter.refund(ofSecond)).toBe(true);
  expect((await limiter.peek('k')).remaining).toBe(3);
  expect(await limiter.penalize(ofFirst, 2)).toMatchObject({ source: 'second', remaining: 1 });
});

test('a block holds also in the store that takes over, and a reset forgets everywhere', async () => {
  const first = new SwitchedStore('first');
  const limiter = await own(failoverLimiter([customStore(first), memoryStore()]));
  await limiter.block('k', 60_000);
  expect(await limiter.check('k')).toMatchObject({ allowed: false, reason: 'blocked', source: 'first' });
  first.how = 'fails';
  expect(await limiter.check('k')).toMatchObject({ allowed: false, reason: 'blocked', source: 'memory' });
  expect(await limiter.check('other')).toMatchObject({ allowed: true, source: 'memory', remaining: 99 });
  first.how = 'counts';
  // The first has nothing of it, the second has.
  expect(await limiter.reset('other')).toBe(true);
  first.how = 'fails';
  expect(await limiter.check('other')).toMatchObject({ source: 'memory', remaining: 99 });
});

test('a listing shows what the store in use counts', async () => {
  const first = new SwitchedStore('first');
  const limiter = await own(failoverLimiter([customStore(first), memoryStore()]));
  const keys = async () => {
    const found: string[] = [];
    for await (const { key } of limiter.list({ pageSize: 2 })) found.push(key);
    return found.sort();
  };
  for (const key of ['a', 'b', 'c', 'd', 'e']) await limiter.check(key);
  expect(await keys()).toEqual(['a', 'b', 'c', 'd', 'e']);
  first.how = 'fails';
  await countedBy(limiter, 'memory');
  await until('the first is away', async () => {
    await limiter.check('probing');
    return !limiter.stats().stores![0]!.healthy;
  });
  expect(await keys()).toEqual(['probing']);
});

test('while none is healthy all are asked every two seconds, however long the interval is', async () => {
  const stores = [new SwitchedStore('first'), new SwitchedStore('second')];
  const limiter = await own(
    failoverLimiter(
      stores.map((store) => customStore(store, PATIENT)),
      { probe: { intervalMs: 600_000, timeoutMs: 300 } },
    ),
  );
  for (const store of stores) store.how = 'fails';
  await until('all are away', async () => {
    await limiter.check('k');
    return limiter.stats().stores!.every(({ healthy }) => !healthy);
  });
  for (const store of stores) store.how = 'counts';
  await until('counted again', async () => (await limiter.check('k')).source === 'first', {
    withinMs: 3_000,
  });
  const { asked } = stores[1]!;
  await delay(2_500);
  expect(stores[1]!.asked).toBe(asked);
});

test.each([
  ['refuses', {}],
  ['wants another password', { password: 'right' }],
])(
  'Redis %s: only what was asked before that was known waits; it is back with its login',
  async (how, options) => {
    const server = await own(RedisServer.start(options));
    if (how === 'refuses') await server.kill();
    const limiter = await own(
      failoverLimiter([redisStore(server.url), memoryStore()], {
        probe: { intervalMs: 600_000, timeoutMs: 300 },
      }),
    );
    await limiter.check('k');
    const sources = await times(50, () => limiter.check('k').then(({ source }) => source));
    expect(new Set(sources)).toEqual(new Set(['memory']));
    expect(limiter.stats().stores![0]).toMatchObject({ healthy: false, inUse: false });
    if (how === 'refuses') await server.start();
    else await server.command('CONFIG', 'SET', 'requirepass', '');
    await until('back', async () => (await limiter.check('k')).source === 'redis', { withinMs: 5_000 });
  },
);
