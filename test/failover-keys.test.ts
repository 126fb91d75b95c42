/** Several stores that share the keys: each key has one of those that are healthy. */
import { createRateLimiter, customStore, failoverStore, memoryStore, redisStore } from 'spillway';
import { failoverLimiter, SwitchedStore } from './support/failover';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
const KEYS = Array.from({ length: 1_000 }, (_, i) => `org-${i}`);
// A thousand checks at once take their time on a busy machine.
const byKey = { strategy: 'round-robin', timeoutMs: 5_000 } as const;

const sourcesOf = async (limiter: ReturnType<typeof failoverLimiter>) =>
  (await times(KEYS.length, (i) => limiter.check(KEYS[i]!))).map(({ source }) => source);

test('a key stays with its store, and the stores have about half each', async () => {
  const [first, second] = [new SwitchedStore('first'), new SwitchedStore('second')];
  const stores = [customStore(first), customStore(second)];
  const limiter = await own(failoverLimiter(stores, byKey));
  const sources = await sourcesOf(limiter);
  expect(await sourcesOf(limiter)).toEqual(sources);
  const ofFirst = sources.filter((one) => one === 'first').length;
  expect(ofFirst).toBeGreaterThan(430);
  expect(ofFirst).toBeLessThan(570);
  // Another process would choose alike: nothing is drawn by lot.
  const other = [customStore(new SwitchedStore('first')), customStore(new SwitchedStore('second'))];
  expect(await sourcesOf(await own(failoverLimiter(other, byKey)))).toEqual(sources);
});

test('each key has its limit exactly, over two servers', async () => {
  const servers = [await own(RedisServer.start()), await own(RedisServer.start())];
  const limiter = await own(
    failoverLimiter(
      servers.map(({ url }) => redisStore(url)),
      { ...byKey, limit: 3, probe: { intervalMs: 60_000 } },
    ),
  );
  const decisions = await times(1_000, (i) => limiter.check(`k${i % 200}`));
  expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(200 * 3);
  const sizes = (await Promise.all(servers.map((one) => one.command('DBSIZE')))).map(Number);
  expect(sizes[0]! + sizes[1]!).toBe(200);
  expect(Math.min(...sizes)).toBeGreaterThan(60);
});

test('the keys of a store that goes away move, the others do not, and they come home', async () => {
  const stores = ['a', 'b', 'c'].map((name) => new SwitchedStore(name));
  const limiter = await own(
    failoverLimiter(
      stores.map((one) => customStore(one)),
      byKey,
    ),
  );
  const before = await sourcesOf(limiter);
  stores[1]!.how = 'fails';
  const during = await sourcesOf(limiter);
  during.forEach((source, i) => {
    if (before[i] === 'b') expect(['a', 'c']).toContain(source);
    else expect(source).toBe(before[i]);
  });
  expect(new Set(during.filter((_, i) => before[i] === 'b'))).toEqual(new Set(['a', 'c']));
  await until('it is away', async () => {
    await limiter.check('k');
    return !limiter.stats().stores![1]!.inUse;
  });
  expect(limiter.stats().stores!.map(({ inUse }) => inUse)).toEqual([true, false, true]);
  stores[1]!.how = 'counts';
  await until('it is back', async () => {
    await limiter.check('k');
    return limiter.stats().stores!.every(({ inUse }) => inUse);
  });
  expect(await sourcesOf(limiter)).toEqual(before);
});

test('a refund, a block and a reset find the store of the key', async () => {
  const stores = ['a', 'b'].map((name) => new SwitchedStore(name));
  const limiter = await own(
    failoverLimiter(
      stores.map((one) => customStore(one)),
      { ...byKey, limit: 2 },
    ),
  );
  for (const key of KEYS.slice(0, 20)) {
    const decision = await limiter.check(key);
    await limiter.check(key);
    expect(await limiter.refund(decision)).toBe(true);
    expect((await limiter.peek(key)).remaining).toBe(1);
    expect(await limiter.reset(key)).toBe(true);
    expect((await limiter.peek(key)).remaining).toBe(2);
    await limiter.block(key, 60_000);
    expect(await limiter.check(key)).toMatchObject({ reason: 'blocked', source: decision.source });
  }
});

test('a listing goes through all stores that are up, page by page, each key once', async () => {
  const stores = ['a', 'b', 'c'].map((name) => new SwitchedStore(name));
  const limiter = await own(
    failoverLimiter(
      stores.map((one) => customStore(one)),
      byKey,
    ),
  );
  await sourcesOf(limiter);
  const found: string[] = [];
  for await (const { key } of limiter.list({ pageSize: 7 })) found.push(key);
  expect(found.sort()).toEqual([...KEYS].sort());
});

describe('rules that count different identities', () => {
  const store = () =>
    failoverStore([memoryStore(), customStore(new SwitchedStore('other'))], { strategy: 'round-robin' });
  const rule = (id: string, by: never) => ({ id, by, rate: '5/m' as const });
  const refused = (make: () => unknown) => {
    expect(make).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_OPTION',
        message: expect.stringMatching(/round-robin.*'first-healthy'/),
      }),
    );
  };

  test.each([
    ['ip and organization', { rules: [rule('a', 'ip' as never), rule('b', 'organization' as never)] }],
    ['a rule and everybody', { rules: [rule('a', 'ip' as never), rule('b', 'global' as never)] }],
    [
      'lists in another order',
      { rules: [rule('a', ['ip', 'user'] as never), rule('b', ['user', 'ip'] as never)] },
    ],
    ['a plan and a rule', { plans: { FREE: '5/m' }, rules: [rule('a', 'ip' as never)] }],
    ['a rate and a rule', { rate: '5/m', rules: [rule('a', 'ip' as never)] }],
    [
      'endpoints, which depend on the pattern',
      { rules: [rule('a', 'endpoint' as never), rule('b', 'endpoint' as never)] },
    ],
  ])('%s: refused when the limiter is made', (_, options) => {
    refused(() => createRateLimiter({ store: store(), ...options } as never));
    // Everything is counted in one store at a time elsewhere.
    const firstHealthy = failoverStore([memoryStore()]);
    expect(() => createRateLimiter({ store: firstHealthy, ...options } as never)).not.toThrow();
  });

  test('and by setRules and setPlans, which then change nothing', async () => {
    const options = { store: store(), rules: [rule('a', 'ip' as never)] };
    const limiter = await own(createRateLimiter(options));
    refused(() => limiter.setRules([rule('a', 'ip' as never), rule('b', 'user' as never)]));
    refused(() => (limiter as never as { setPlans(plans: object): void }).setPlans({ FREE: '5/m' }));
    const decision = await limiter.checkRequest({ method: 'GET', path: '/', ip: '203.0.113.9' });
    expect(decision.rules.map((one) => one.rule)).toEqual(['a']);
    limiter.access.override('ip:203.0.113.9', { rules: { a: '7/m' } });
  });

  test('one identity for all of them is counted, all or nothing', async () => {
    const options = {
      store: store(),
      planBy: ['user', 'ip'] as const,
      plans: { FREE: '5/m' as const },
      rules: [{ id: 'a', by: ['user', 'ip'] as const, rate: '2/m' as const, match: '/api/*' }],
    };
    const limiter = await own(createRateLimiter(options));
    const request = { method: 'GET', path: '/api/x', user: 'jane', ip: '203.0.113.9', plan: 'FREE' as const };
    const decisions = await times(4, () => limiter.checkRequest(request));
    expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, false, false]);
    expect((await limiter.peekRequest({ ...request, path: '/' })).remaining).toBe(3);
  });
});
