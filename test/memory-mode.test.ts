/** `failureMode: 'memory'`: while the store is away each process counts for itself, and never more than its share. */
import { createRateLimiter, customStore, type Algorithm, type CustomStore, type Decision } from 'spillway';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { freePort } from './support/ports';
import { reportsOf, Script } from './support/process';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
const log = { debug() {}, warn() {}, error() {} };

/** Rejects for as long as it is told to, and else admits and counts nothing. */
class Switched implements CustomStore {
  readonly name = 'switched';
  away = true;
  calls = 0;

  async apply(op: Parameters<CustomStore['apply']>[0]) {
    this.calls++;
    await Promise.resolve();
    if (this.away) throw new Error('it is away');
    return op.items.map(({ rule }) => ({
      allowed: true,
      remaining: rule.burst,
      resetInMs: rule.windowMs,
      retryAfterMs: 0,
      used: 0,
      blocked: false,
    }));
  }

  reset(): Promise<number> {
    return this.away ? Promise.reject(new Error('it is away')) : Promise.resolve(0);
  }
}

const admitted = (decisions: readonly Decision[]) => decisions.filter(({ allowed }) => allowed).length;

async function nowhere(): Promise<string> {
  return `redis://127.0.0.1:${await freePort()}`;
}

test('Redis away: the same limit, counted here, and denied as a limit is', async () => {
  const limiter = await own(
    createRateLimiter({ redis: await nowhere(), rate: '5/h', failureMode: 'memory', logger: log }),
  );
  const decisions = await times(8, () => limiter.check('k'));
  expect(admitted(decisions)).toBe(5);
  expect(decisions[0]).toMatchObject({
    allowed: true,
    reason: 'ok',
    source: 'memory',
    limit: 5,
    remaining: 4,
  });
  expect(decisions[7]).toMatchObject({ allowed: false, reason: 'limit', source: 'memory', remaining: 0 });
  expect(decisions[7]!.toResponse!().status).toBe(429);
  expect(decisions[7]!.headers['X-RateLimit-Limit']).toBe('5');
  expect(await limiter.check('other')).toMatchObject({ allowed: true, remaining: 4 });
});

test('back: the store counts what it counted, and nothing of what was counted here', async () => {
  const server = await own(RedisServer.start());
  const limiter = await own(
    createRateLimiter({ redis: server.url, rate: '10/h', failureMode: 'memory', logger: log }),
  );
  await times(4, () => limiter.check('k'));
  await server.kill();
  const away = await times(12, () => limiter.check('k'));
  expect(admitted(away)).toBe(10);
  expect(new Set(away.map(({ source }) => source))).toEqual(new Set(['memory']));
  await server.start();
  await until('counted again', async () => (await limiter.peek('k')).source === 'redis', { withinMs: 3_000 });
  expect(await limiter.peek('k')).toMatchObject({ source: 'redis', remaining: 10 });
});

test('a store that comes and goes gives the limit once in a window, not with each outage', async () => {
  const store = new Switched();
  const limiter = await own(
    createRateLimiter({
      store: customStore(store, { breaker: { failures: 1, openMs: 1 } }),
      rate: '7/h',
      failureMode: 'memory',
      logger: log,
    }),
  );
  const decisions: Decision[] = [];
  for (let outage = 0; outage < 5; outage++) {
    store.away = true;
    decisions.push(...(await times(4, () => limiter.check('k'))));
    store.away = false;
    await until('asked again', async () => (await limiter.check('other')).source === 'switched');
  }
  const local = decisions.filter(({ source }) => source === 'memory');
  expect(local.length).toBe(20);
  expect(admitted(local)).toBe(7);
});

test.each<[Algorithm, object, number]>([
  ['fixed-window', {}, 3],
  ['sliding-window', {}, 3],
  ['sliding-log', {}, 3],
  ['token-bucket', { burst: 9 }, 3],
])('share: %s, each process its part, rounded up', async (algorithm, more, part) => {
  const limiter = await own(
    createRateLimiter({
      redis: await nowhere(),
      rate: '11/h',
      algorithm,
      ...more,
      failureMode: 'memory',
      share: 4,
      logger: log,
    }),
  );
  const decisions = await times(10, () => limiter.check('k'));
  expect(admitted(decisions)).toBe(part);
  expect(decisions[0]!.limit).toBe(part);
});

test('three processes: N by the store, and N by each or its share while it is away', async () => {
  const server = await own(RedisServer.start());
  const total = async (share: number) => {
    const source = `
      const { createRateLimiter } = require('spillway');
      const limiter = createRateLimiter({ redis: given.url, prefix: given.prefix, rate: '60/h', failureMode: 'memory', share: given.share, logger: false });
      const count = async () => {
        const decisions = await Promise.all(Array.from({ length: 100 }, () => limiter.check('k')));
        report(decisions.filter(({ allowed }) => allowed).length);
      };
      count();
      process.stdin.once('data', async () => { await count(); await limiter.close(); process.exit(); });
    `;
    const given = { url: server.url, prefix: `share-${share}:`, share };
    const scripts = [1, 2, 3].map(() => new Script(source, { given, abrupt: true }));
    const sum = async (index: number) => {
      const counts = await Promise.all(scripts.map((script) => script.report(index)));
      return (counts as number[]).reduce((all, one) => all + one, 0);
    };
    const byStore = await sum(0);
    await server.kill();
    for (const script of scripts) script.tell('go');
    const locally = await sum(1);
    await Promise.all(scripts.map(({ ended }) => ended));
    await server.start();
    return [byStore, locally];
  };
  expect(await total(1)).toEqual([60, 180]);
  expect(await total(3)).toEqual([60, 60]);
  expect(await total(7)).toEqual([60, 27]);
});

test('rules that disagree: closed denies for all, memory counts, open only watches', async () => {
  const redis = await nowhere();
  const rules = [
    { id: 'a', by: 'ip', rate: '3/h', failureMode: 'memory' },
    { id: 'b', by: 'organization', rate: '1/h', failureMode: 'open' },
  ] as const;
  const limiter = await own(createRateLimiter({ redis, rules, logger: log }));
  const request = { method: 'GET', path: '/', ip: '203.0.113.1', organization: 'o' };
  const decisions = await times(5, () => limiter.checkRequest(request));
  expect(admitted(decisions)).toBe(3);
  expect(decisions[4]).toMatchObject({ rule: 'a', source: 'memory' });
  const closed = await own(
    createRateLimiter({
      redis,
      rules: [...rules, { id: 'c', by: 'ip', rate: '100/h', failureMode: 'closed' }],
      logger: log,
    }),
  );
  expect(await closed.checkRequest(request)).toMatchObject({ allowed: false, reason: 'unavailable' });
});

test('one call may say so, and a rule that is tried out never denies', async () => {
  const limiter = await own(createRateLimiter({ redis: await nowhere(), rate: '1/h', logger: log }));
  await limiter.check('k', { failureMode: 'memory' });
  expect((await limiter.check('k', { failureMode: 'memory' })).allowed).toBe(false);
  expect(await limiter.check('k')).toMatchObject({ allowed: true, reason: 'unavailable' });
  const shadow = await own(
    createRateLimiter({
      redis: await nowhere(),
      plans: {
        p: [
          { id: 'p', rate: '3/h' },
          { id: 'tried', rate: '1/h', shadow: true },
        ],
      },
      failureMode: 'memory',
      logger: log,
    }),
  );
  expect(admitted(await times(5, () => shadow.check('k', 'p')))).toBe(3);
});

test('what is done with counts of this process: look, penalize, refund, reset', async () => {
  const limiter = await own(
    createRateLimiter({ redis: await nowhere(), rate: '5/h', failureMode: 'memory', logger: log }),
  );
  const first = await limiter.check('k', { cost: 2 });
  expect(await limiter.peek('k')).toMatchObject({ source: 'memory', remaining: 3 });
  expect(await limiter.penalize('k', 2)).toMatchObject({ source: 'memory', remaining: 1 });
  expect(await limiter.penalize(first, 1)).toMatchObject({ source: 'memory', remaining: 0 });
  expect(await limiter.refund(first)).toBe(true);
  expect(await limiter.refund(first)).toBe(false);
  expect(await limiter.peek('k')).toMatchObject({ remaining: 2 });
  await expect(limiter.reset('k')).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
  expect(await limiter.peek('k')).toMatchObject({ remaining: 5 });
});

test('limiters of one prefix count together, those of others do not, also as a store in this process', async () => {
  const redis = await nowhere();
  const options = { redis, rate: '5/h', failureMode: 'memory', logger: log } as const;
  const one = await own(createRateLimiter(options));
  const same = await own(createRateLimiter(options));
  const other = await own(createRateLimiter({ ...options, prefix: 'other:' }));
  const inProcess = await own(createRateLimiter({ rate: '5/h', logger: log }));
  await times(3, () => one.check('k'));
  expect((await same.check('k')).remaining).toBe(1);
  expect((await other.check('k')).remaining).toBe(4);
  expect((await inProcess.check('k')).remaining).toBe(4);
  await one.close();
  expect((await same.check('k')).remaining).toBe(0);
});

test('whoever runs it reads what happens meanwhile, and watchers see each decision once', async () => {
  const lines: string[] = [];
  const told: Decision[] = [];
  const limiter = await own(
    createRateLimiter({
      redis: await nowhere(),
      rate: '5/h',
      failureMode: 'memory',
      logger: { ...log, error: (line: string) => lines.push(line) },
      onDecision: (decision) => told.push(decision),
    }),
  );
  await times(7, () => limiter.check('k'));
  await until('told', () => told.length >= 7);
  expect(told.map(({ allowed, source }) => [allowed, source])).toEqual(
    Array.from({ length: 7 }, (_, i) => [i < 5, 'memory']),
  );
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(
    'does not count: connection refused. Until it does, requests are counted by each process',
  );
});

test('a Redis that is written wrong is counted here as well', async () => {
  const env = { REDIS_URL: 'redis:/wrong' };
  const [counts] = await reportsOf<boolean[]>(
    `
    const { checkRateLimit, configureRateLimit, closeRedisConnection } = require('spillway');
    configureRateLimit({ plans: { FREE: '2/h' }, failureMode: 'memory', logger: false });
    (async () => {
      const allowed = [];
      for (let i = 0; i < 3; i++) allowed.push((await checkRateLimit('o', 'FREE')).allowed);
      report(allowed);
      await closeRedisConnection();
    })();
  `,
    { env },
  );
  expect(counts).toEqual([true, true, false]);
});

test('a process whose counts are its own ends by itself', async () => {
  const [allowed] = await reportsOf(
    `
    const { createRateLimiter, customStore } = require('spillway');
    const store = { name: 'away', apply: () => Promise.reject(new Error('away')), reset: async () => 0 };
    const limiter = createRateLimiter({ store: customStore(store), rate: '5/d', failureMode: 'memory', logger: false });
    limiter.check('k').then(({ source }) => report(source));
  `,
  );
  expect(allowed).toBe('memory');
});

test.each([
  [{ failureMode: 'local' }, "failureMode must be 'open', 'closed' or 'memory', not \"local\"."],
  [{ failureMode: 'memory', share: 0 }, 'share must be'],
  [{ failureMode: 'memory', share: 1.5 }, 'share must be'],
  [{ failureMode: 'memory', share: '4' }, 'share must be'],
])('bad input %j', (options, message) => {
  expect(() => createRateLimiter({ rate: '5/h', ...options } as never)).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(message) }),
  );
});
