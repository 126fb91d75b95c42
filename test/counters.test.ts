/** What a limiter counts of its own checks: exactly, by rule and source, and without the store by why. */
import { createRateLimiter, customStore, failoverStore, memoryStore, redisStore } from 'spillway';
import type { AnyLimiter, Source, StoreOption } from 'spillway';
import { checkRateLimit } from 'spillway/memory';
import { sqliteStore } from 'spillway/sqlite';
import { bothStores } from './support/both-stores';
import { FakeRedis, STALL } from './support/fake-redis';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { freePort } from './support/ports';
import { reportsOf } from './support/process';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
type Watched = Pick<AnyLimiter, 'stats'>;

const rowOf = (limiter: Watched, rule: string, source: string) =>
  limiter.stats().rules.find((row) => row.rule === rule && row.source === source);
/** Those above zero. */
const reasonsOf = (counts: Record<string, number>) =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));

/** A store of one's own that counts nothing and answers what it is told to. */
function answering(apply: () => Promise<never> | never) {
  return customStore({ name: 'own', apply, reset: () => Promise.resolve(0) }, { breaker: { failures: 2 } });
}

describe.each(bothStores())('%s', (source, options) => {
  test('counts a known sequence exactly; looks and penalties are no checks', async () => {
    const limiter = await own(createRateLimiter({ ...options(), rate: '5/h', timeoutMs: 5_000 }));
    for (let i = 0; i < 7; i++) await limiter.check('k');
    await limiter.peek('k');
    await limiter.penalize('k');
    expect(limiter.stats().decisions).toMatchObject({ ok: 5, limit: 2, blocked: 0, unavailable: 0 });
    expect(limiter.stats().rules).toHaveLength(1);
    const row = rowOf(limiter, 'rate', source);
    // From 80 %: the fourth and the fifth, and those that found it full.
    expect(row).toMatchObject({ checked: 7, admitted: 5, denied: 2, wouldDeny: 0, nearLimit: 4 });
    expect(reasonsOf(row!.withoutStore)).toEqual({});
    expect(row!.firstDeniedAt).toBeGreaterThan(Date.now() - 60_000);
    expect(row!.lastDeniedAt).toBeGreaterThanOrEqual(row!.firstDeniedAt!);
  });

  test('counts each rule of a layered check by itself, and those that are only tried out', async () => {
    const limiter = await own(
      createRateLimiter({
        ...options(),
        rules: [
          { id: 'wide', match: '/a', by: 'ip', rate: '100/h' },
          { id: 'narrow', match: '/a', by: 'user', rate: '2/h' },
          { id: 'trial', match: '/a', by: 'global', rate: '1/h', shadow: true },
        ],
      }),
    );
    for (let i = 0; i < 3; i++)
      await limiter.checkRequest({ method: 'GET', path: '/a', ip: '10.0.0.1', user: 'u' });
    expect(rowOf(limiter, 'wide', source)).toMatchObject({ checked: 3, admitted: 3, denied: 0 });
    expect(rowOf(limiter, 'narrow', source)).toMatchObject({ checked: 3, admitted: 2, denied: 1 });
    expect(rowOf(limiter, 'trial', source)).toMatchObject({
      checked: 3,
      admitted: 1,
      denied: 0,
      wouldDeny: 2,
    });
    expect(reasonsOf(limiter.stats().decisions)).toEqual({ ok: 2, limit: 1 });
    expect(limiter.topDenied()).toEqual([
      {
        kind: 'user',
        subject: 'user:u',
        rule: 'narrow',
        count: 1,
        error: 0,
        firstDeniedAt: expect.any(Number),
        lastDeniedAt: expect.any(Number),
      },
    ]);
  });

  test('counts what no store is asked for by its reason', async () => {
    const limiter = await own(
      createRateLimiter({
        ...options(),
        plans: { FREE: '1/h', ALL: 'unlimited' },
        access: { deny: ['evil'], allow: ['good'] },
      }),
    );
    await limiter.check('evil', 'FREE');
    await limiter.check('good', 'FREE');
    await limiter.check('k', 'ALL');
    await limiter.check('k', 'FREE', { cost: 2 });
    await limiter.block('b', 60_000);
    await limiter.check('b', 'FREE');
    expect(reasonsOf(limiter.stats().decisions)).toEqual({
      denied: 1,
      bypass: 1,
      unlimited: 1,
      'never-fits': 1,
      blocked: 1,
    });
  });

  test('limiters that share a store count for themselves', async () => {
    const shared = options();
    const [one, other] = [
      createRateLimiter({ ...shared, rate: '5/h' }),
      createRateLimiter({ ...shared, rate: '5/h' }),
    ];
    await own(one);
    await own(other);
    await times(6, () => one.check('k'));
    await other.check('k');
    expect(rowOf(one, 'rate', source)).toMatchObject({ checked: 6, denied: 1 });
    expect(rowOf(other, 'rate', source)).toMatchObject({ checked: 1, denied: 1 });
  });
});

test('decisions that are watched are counted once', async () => {
  const limiter = await own(createRateLimiter({ rate: '5/h', prefix: 'watched:', onDecision: () => {} }));
  await limiter.check('k');
  expect(rowOf(limiter, 'rate', 'memory')).toMatchObject({ checked: 1 });
  expect(checkRateLimit('counted', 'FREE').allowed).toBe(true);
});

test('on Redis it times each check, and tells commands and round trips', async () => {
  const server = await own(RedisServer.start());
  const limiter = await own(createRateLimiter({ redis: server.url, rate: '1000/h', timeoutMs: 5_000 }));
  await limiter.check('first');
  const before = limiter.stats();
  await times(100, (i) => limiter.check(`k${i}`));
  const { latency, commands, roundTrips } = limiter.stats();
  expect(latency.count - before.latency.count).toBe(100);
  expect(latency.buckets.reduce((sum, { count }) => sum + count, 0)).toBe(latency.count);
  expect(latency.p50Us).toBeGreaterThan(0);
  expect(latency.p50Us).toBeLessThanOrEqual(latency.p99Us);
  expect(roundTrips - before.roundTrips).toBe(1);
  // PEXPIRETIME, INCR and PEXPIRE NX for each, and TIME once.
  expect(commands - before.commands).toBe(301);
  await limiter.peek('k0');
  expect(limiter.stats().latency.count).toBe(latency.count);
});

test('a check that is not answered in time is timed as long as it waited', async () => {
  const redis = await own(FakeRedis.start());
  redis.hook = ([name]) => (name === 'INCR' || name === 'INCRBY' ? STALL : undefined);
  const limiter = await own(createRateLimiter({ redis: redis.url, rate: '5/h', timeoutMs: 300 }));
  await limiter.check('k');
  const { latency } = limiter.stats();
  expect(latency.count).toBe(1);
  expect(latency.sumUs).toBeGreaterThanOrEqual(299_000);
});

test.each(['open', 'closed', 'memory'] as const)(
  'without the store, failureMode %s: by why',
  async (failureMode) => {
    const limiter = await own(
      createRateLimiter({
        redis: `redis://127.0.0.1:${await freePort()}`,
        rate: '1/h',
        timeoutMs: 50,
        failureMode,
      }),
    );
    await limiter.check('k');
    await until('its breaker is open', async () => {
      await limiter.check('k');
      return limiter.stats().rules.some(({ withoutStore }) => withoutStore['breaker-open'] > 0);
    });
    const { rules, decisions } = limiter.stats();
    const { checked, withoutStore } = rowOf(limiter, 'rate', 'redis')!;
    const decidedBy = rowOf(limiter, 'rate', failureMode === 'memory' ? 'memory' : 'none')!;
    const missed = Object.values(withoutStore).reduce((sum, count) => sum + count, 0);
    expect(rules).toHaveLength(2);
    expect(withoutStore.timeout).toBeGreaterThan(0);
    expect(checked).toBe(0);
    expect(decidedBy.checked).toBe(missed);
    expect(decidedBy.denied).toBe(
      failureMode === 'open' ? 0 : failureMode === 'closed' ? missed : missed - 1,
    );
    expect(Object.values(decisions).reduce((sum, count) => sum + count, 0)).toBe(missed);
    // A denial by the failure mode is nobody's fault.
    expect(limiter.topDenied()).toHaveLength(failureMode === 'memory' ? 1 : 0);
  },
);

test('each reason by itself', async () => {
  const redis = await own(FakeRedis.start());
  const limiter = await own(createRateLimiter({ redis: redis.url, rate: '5/h', timeoutMs: 100 }));
  const reasons = () => reasonsOf(rowOf(limiter, 'rate', 'redis')?.withoutStore ?? {});
  await limiter.check('k');
  expect(reasons()).toEqual({});
  redis.hook = ([name]) =>
    name === 'INCR' || name === 'INCRBY' ? '-OOM command not allowed\r\n' : undefined;
  await limiter.check('k');
  expect(reasons()).toEqual({ refused: 1 });
  redis.hook = ([name]) => (name === 'INCR' || name === 'INCRBY' ? STALL : undefined);
  await limiter.check('k');
  expect(reasons()).toEqual({ refused: 1, timeout: 1 });
  const waiting = limiter.check('k');
  await limiter.close();
  await waiting;
  expect(reasons()).toEqual({ refused: 1, timeout: 1, closed: 1 });
});

test.each<[string, (stall: string) => StoreOption, Source]>([
  ['Redis', redisStore, 'redis'],
  ['a store of one’s own', () => answering(() => new Promise<never>(() => {})), 'own'],
])('%s: what is behind 65,536 that wait is not asked', async (_, storeOf, source) => {
  const redis = await own(FakeRedis.start());
  redis.hook = ([name]) => (name === 'INCR' || name === 'INCRBY' ? STALL : undefined);
  const limiter = await own(createRateLimiter({ store: storeOf(redis.url), rate: '5/h', timeoutMs: 60_000 }));
  const waiting = Array.from({ length: 65_536 }, () => limiter.check('k'));
  const more = await times(3, () => limiter.check('k'));
  expect(more.map(({ reason, source: by }) => `${reason} by ${by}`)).toEqual(
    Array(3).fill('unavailable by none'),
  );
  expect(reasonsOf(rowOf(limiter, 'rate', source)!.withoutStore)).toEqual({ 'queue-full': 3 });
  expect(rowOf(limiter, 'rate', 'none')).toMatchObject({ checked: 3, admitted: 3 });
  await limiter.close();
  await Promise.all(waiting);
  expect(reasonsOf(rowOf(limiter, 'rate', source)!.withoutStore)).toEqual({
    'queue-full': 3,
    closed: 65_536,
  });
});

test('a store of one’s own: refused, then not asked', async () => {
  const limiter = await own(
    createRateLimiter({ store: answering(() => Promise.reject(new Error('no'))), rate: '5/h' }),
  );
  for (let i = 0; i < 5; i++) await limiter.check('k');
  expect(reasonsOf(rowOf(limiter, 'rate', 'own')!.withoutStore)).toEqual({ refused: 2, 'breaker-open': 3 });
  expect(rowOf(limiter, 'rate', 'none')).toMatchObject({ checked: 5, admitted: 5 });
  expect(limiter.stats()).toMatchObject({ roundTrips: 2, latency: { count: 2 } });
});

test('a key that is not ours, and a connection that is lost', async () => {
  const server = await own(RedisServer.start());
  const limiter = await own(createRateLimiter({ redis: server.url, plans: { FREE: '5/h' }, prefix: 'c:' }));
  await server.command('SET', 'c:k', 'theirs');
  await limiter.check('k', 'FREE');
  const reasons = () => reasonsOf(rowOf(limiter, 'FREE', 'redis')!.withoutStore);
  expect(reasons()).toEqual({ 'foreign-key': 1 });
  server.freeze();
  const waiting = limiter.check('other', 'FREE');
  await until('it was written', () => limiter.stats().pending === 1);
  await server.kill();
  await waiting;
  expect(reasons()).toEqual({ 'foreign-key': 1, disconnected: 1 });
});

test('a database: as the others, a round trip for each call', async () => {
  const limiter = await own(
    createRateLimiter({ store: sqliteStore(':memory:'), rate: '2/h', timeoutMs: 5_000 }),
  );
  for (let i = 0; i < 3; i++) await limiter.check('k');
  expect(rowOf(limiter, 'rate', 'sqlite')).toMatchObject({ checked: 3, admitted: 2, denied: 1 });
  expect(limiter.stats()).toMatchObject({ roundTrips: 3, commands: 0, latency: { count: 3 } });
});

test('a worker counts for itself', async () => {
  const script = `
    const { Worker } = require('node:worker_threads');
    const limiter = require('spillway').createRateLimiter({ rate: '2/h' });
    const counted = async (times) => {
      for (let i = 0; i < times; i++) await limiter.check('k');
      return limiter.stats().rules.map(({ checked, denied }) => [checked, denied]);
    };
    const inWorker = '(' + (() => {
      const limiter = require('spillway').createRateLimiter({ rate: '2/h' });
      const all = Array.from({ length: 5 }, () => limiter.check('k'));
      Promise.all(all).then(() => require('node:worker_threads').parentPort.postMessage(limiter.stats().rules[0].denied));
    }) + ')()';
    const worker = new Worker(inWorker, { eval: true });
    worker.once('message', async (denied) => report([denied, await counted(3)]));`;
  expect(await reportsOf(script)).toEqual([[3, [[3, 1]]]]);
});

test('a failover: what the next store counts is counted once, under its name', async () => {
  const store = failoverStore([answering(() => Promise.reject(new Error('no'))), memoryStore()]);
  const limiter = await own(createRateLimiter({ store, rate: '2/h', prefix: 'counted-failover:' }));
  for (let i = 0; i < 3; i++) await limiter.check('k');
  const rows = limiter.stats().rules;
  expect(rows.map(({ source, checked, denied }) => ({ source, checked, denied }))).toEqual([
    { source: 'memory', checked: 3, denied: 1 },
  ]);
});

test('limits that are switched off', async () => {
  process.env['RATELIMIT_ENABLE'] = 'false';
  try {
    const limiter = await own(createRateLimiter({ rate: '1/h' }));
    await times(3, () => limiter.check('k'));
    expect(reasonsOf(limiter.stats().decisions)).toEqual({ disabled: 3 });
    expect(limiter.stats().rules).toEqual([]);
  } finally {
    delete process.env['RATELIMIT_ENABLE'];
  }
});

test('rules that come and go keep their counts, and more than a thousand count together', async () => {
  const limiter = await own(createRateLimiter({ plans: { FREE: '5/h' }, prefix: 'many-rules:' }));
  for (let i = 0; i < 1_200; i++) {
    limiter.setRules([{ id: `r${i}`, by: 'global', rate: '5/h' }]);
    await limiter.checkRequest({ method: 'GET', path: '/', plan: 'FREE', organization: 'o' });
  }
  const { rules } = limiter.stats();
  expect(rules.length).toBe(1_001);
  expect(rules.find(({ rule }) => rule === '_other')!.checked).toBe(1_200 - 999);
  expect(rules.reduce((sum, { checked }) => sum + checked, 0)).toBe(2_400);
});

test('topDenied refuses what is no number of entries', async () => {
  const limiter = await own(createRateLimiter({ rate: '1/h' }));
  for (const most of [0, 1_001, 1.5, '5', null]) {
    expect(() => limiter.topDenied(most as number)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining('most') }),
    );
  }
});
