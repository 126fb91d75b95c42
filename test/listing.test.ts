/** A hundred thousand keys: listed in pages, once each, while checks go on as ever. */
import { createRateLimiter } from 'spillway';
import { FakeRedis } from './support/fake-redis';
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { RedisServer } from './support/redis';
import { array, bulk } from './support/resp';
import { megabytes, until } from './support/wait';

const own = owner();
const KEYS = 100_000;

async function fill(server: RedisServer, from: number, to: number): Promise<void> {
  const script = `for i = ARGV[1], ARGV[2] do redis.call('SET', '{ratelimit:org-' .. i .. '}:@rate-1h', i % 100 + 1, 'PX', 3600000) end`;
  await server.command('EVAL', script, 0, from, to - 1);
}

async function open() {
  const server = await own(RedisServer.start());
  const limiter = await own(createRateLimiter({ redis: server.url, rate: '1000/h', timeoutMs: 5_000 }));
  return { server, limiter };
}

test('every key once, by SCAN, on a connection of its own', async () => {
  const { server, limiter } = await open();
  await fill(server, 0, KEYS);
  await server.command('SET', 'elsewhere:org-1', 5);
  await server.command('CONFIG', 'RESETSTAT');
  const seen = new Set<number>();
  let wrong = 0;
  let most = 0;
  for await (const { key, count } of limiter.list()) {
    const number = Number(key.slice('org-'.length));
    if (seen.has(number) || count !== (number % 100) + 1) wrong++;
    seen.add(number);
    if (seen.size % 20_000 === 0) most = Math.max(most, Number(await server.info('connected_clients')));
  }
  expect([seen.size, wrong]).toEqual([KEYS, 0]);
  const calls = await server.calls();
  expect(calls.keys ?? 0).toBe(0);
  expect(calls.scan).toBeGreaterThan(50);
  // The test's own; the listing's; the checks' where one was made.
  expect(most).toBeLessThanOrEqual(3);
});

test('checks go on while it lists, each on time', async () => {
  const { server, limiter } = await open();
  await fill(server, 0, KEYS);
  await limiter.check('warm');
  let listing = true;
  const waits: number[] = [];
  const checks = (async () => {
    while (listing) {
      const start = performance.now();
      expect((await limiter.check('busy', { cost: 1 })).source).toBe('redis');
      waits.push(performance.now() - start);
      await new Promise(setImmediate);
    }
  })();
  let listed = 0;
  for await (const { count } of limiter.list({ pageSize: 500 })) listed += Math.sign(count);
  listing = false;
  await checks;
  expect(listed).toBeGreaterThanOrEqual(KEYS);
  expect(waits.length).toBeGreaterThan(50);
  // A check that had to wait for the pages of a listing would wait for all that are under way.
  const sorted = waits.sort((a, b) => a - b);
  expect(sorted[Math.floor(sorted.length * 0.99)]).toBeLessThan(250);
});

test('what stays is found, once, while the table grows and shrinks under the listing', async () => {
  const { server, limiter } = await open();
  const stay = 4_000;
  await fill(server, 0, stay);
  const buckets = async () =>
    Number(/table size: (\d+)/.exec(String(await server.command('DEBUG', 'HTSTATS', 0)))?.[1]);
  const remove = `for i = ${stay}, 59999 do redis.call('UNLINK', '{ratelimit:org-' .. i .. '}:@rate-1h') end`;
  const seen = new Map<string, number>();
  for await (const { key } of limiter.list({ pageSize: 100 })) {
    seen.set(key, (seen.get(key) ?? 0) + 1);
    if (seen.size === 1_000) await fill(server, stay, 60_000);
    if (seen.size === 10_000) {
      await server.command('EVAL', remove, 0);
      await until('the table has shrunk', async () => (await buckets()) < 16_384);
    }
  }
  expect([...seen.values()].filter((times) => times > 1)).toEqual([]);
  const missing = Array.from({ length: stay }, (_, i) => `org-${i}`).filter((key) => !seen.has(key));
  expect(missing).toEqual([]);
});

test('what SCAN repeats is left out', async () => {
  const fake = await own(FakeRedis.start());
  const limiter = await own(createRateLimiter({ redis: fake.url, rate: '100/h' }));
  for (const key of ['a', 'b', 'c', 'd', 'e']) await limiter.check(key);
  const pages: Record<string, [next: string, keys: string]> = {
    0: ['7', 'abca'],
    7: ['9', ''],
    9: ['4', 'bcdd'],
    4: ['0', 'ae'],
  };
  fake.hook = ([name, cursor = '']) => {
    const page = name === 'SCAN' ? pages[cursor] : undefined;
    if (page === undefined) return undefined;
    const names = [...page[1]].map((key) => bulk(`{ratelimit:${key}}:@rate-1h`));
    return array(bulk(page[0]), array(...names));
  };
  const listed = [];
  for await (const { key, count } of limiter.list()) listed.push(`${key} ${count}`);
  expect(listed).toEqual(['a 1', 'b 1', 'c 1', 'd 1', 'e 1']);
});

test('what others left under the prefix does not stop it', async () => {
  const { server, limiter } = await open();
  await limiter.check('good');
  await server.command('LPUSH', '{ratelimit:list}:@rate-1h', 'x');
  await server.command('SET', '{ratelimit:text}:@rate-1h', 'hello', 'PX', 60_000);
  await server.command('HSET', '{ratelimit:hash}:@rate-1h', 'a', 1);
  await server.command('SET', '{ratelimit:eternal}:@rate-1h', 7);
  const listed = [];
  for await (const { key, count } of limiter.list()) listed.push([key, count]);
  expect(listed).toContainEqual(['good', 1]);
  expect(listed.map(([key]) => key)).not.toContain('list');
  expect(listed.map(([key]) => key)).not.toContain('hash');
  expect(await server.command('LRANGE', '{ratelimit:list}:@rate-1h', 0, -1)).toEqual(['x']);
  expect(await server.command('PTTL', '{ratelimit:eternal}:@rate-1h')).toBe(-1);
});

test('memory stays bounded: pages come as they are asked for', async () => {
  const { server } = await open();
  await fill(server, 0, KEYS);
  const script = `const limiter = require('spillway').createRateLimiter({ redis: given, rate: '5/h', timeoutMs: 5000 });
    (async () => {
      const walk = async () => { let n = 0; for await (const one of limiter.list({ pageSize: 1000 })) n++; return n; };
      let n = await walk();
      gc();
      const before = process.memoryUsage().rss;
      let most = 0;
      for (let i = 0; i < 2; i++) {
        for await (const one of limiter.list({ pageSize: 1000 })) {
          if (++n % 10000 === 0) { gc(); most = Math.max(most, process.memoryUsage().rss); }
        }
      }
      report([n, most - before]);
    })();`;
  const [result] = await reportsOf<[number, number]>(script, {
    given: server.url,
    nodeArgs: ['--expose-gc'],
    measured: true,
  });
  expect(result?.[0]).toBe(3 * KEYS);
  expect(result?.[1]).toBeLessThan(megabytes(40));
});

test('a listing that nobody reads on asks for nothing more', async () => {
  const { server, limiter } = await open();
  await fill(server, 0, 10_000);
  const listing = limiter.list({ pageSize: 100 });
  await listing.next();
  const scans = async () => (await server.calls()).scan ?? 0;
  const before = await scans();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await scans()).toBe(before);
  await listing.return?.();
  expect((await listing.next()).done).toBe(true);
});

test('a listing survives neither close nor the loss of Redis, and says so', async () => {
  const { server, limiter } = await open();
  await fill(server, 0, 5_000);
  const interrupted = limiter.list({ pageSize: 10 });
  await interrupted.next();
  await server.kill();
  const drain = async (iterable: AsyncIterable<unknown>) => {
    for await (const one of iterable) void one;
  };
  await expect(drain(interrupted)).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
  await server.start();
  await fill(server, 0, 5_000);
  await until('connected', () => limiter.check('k').then(({ source }) => source === 'redis'));
  const closed = limiter.list({ pageSize: 10 });
  await closed.next();
  await limiter.close();
  await expect(drain(closed)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
});
