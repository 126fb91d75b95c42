/** Several processes, one limit: a ledger compares what the server charged with what was admitted. */
import { tally, descending, countdown } from './support/ledger';
import { SetClock } from './support/clock';
import { owner } from './support/owned';
import { reportsOf, Script } from './support/process';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();

interface Seen {
  key: string;
  allowed: boolean;
  remaining: number;
  cost: number;
  source: string;
}

/** Waits for the word to go, makes `given.checks` checks with `given.atOnce` under way, and reports all it saw. */
const CLIENT = `
const { createRateLimiter } = require('spillway');
const limiter = createRateLimiter({ redis: given.redis, rate: given.rate, timeoutMs: 10000 });
const seen = [];
// A fixed sequence of costs and keys for each process, so that a failure can be repeated.
let state = given.seed;
const next = (n) => (state = (state * 48271) % 2147483647) % n;
async function lane(checks) {
  for (let i = 0; i < checks; i++) {
    const key = 'k' + next(given.keys);
    const cost = given.maxCost > 1 ? 1 + next(given.maxCost) : 1;
    const { allowed, remaining, source } = await limiter.check(key, { cost });
    seen.push({ key, allowed, remaining, cost, source });
  }
}
process.stdin.once('data', async () => {
  process.stdin.unref();
  await Promise.all(Array.from({ length: given.atOnce }, () => lane(given.checks / given.atOnce)));
  await limiter.close();
  report(seen);
});
limiter.peek('warm').then(() => report('ready'));
`;

interface Load {
  rates: string[];
  checks: number;
  atOnce: number;
  keys: number;
  maxCost?: number;
}

async function run(server: RedisServer, { rates, maxCost = 1, ...load }: Load): Promise<Seen[][]> {
  const scripts = rates.map((rate, i) => {
    const given = { redis: server.url, rate, maxCost, seed: 1_000 + i, ...load };
    return new Script(CLIENT, { given });
  });
  await Promise.all(scripts.map((script) => script.report(0)));
  for (const script of scripts) script.tell('go');
  const results = await Promise.all(scripts.map((script) => script.ended));
  return results.map(({ code, reports, stderr }) => {
    expect([code, stderr]).toEqual([0, '']);
    return reports[1] as Seen[];
  });
}

function admitted(seen: readonly Seen[], key: string): number {
  const units = seen.filter((one) => one.key === key && one.allowed).map(({ cost }) => cost);
  return units.reduce((sum, cost) => sum + cost, 0);
}

/** What was taken back may still be on its way when the clients are done. */
async function expectBooks(server: RedisServer, seen: readonly Seen[]): Promise<void> {
  expect(tally(seen).bySource).toEqual({ redis: seen.length });
  for (const key of new Set(seen.map((one) => one.key))) {
    const due = admitted(seen, key);
    await until(
      `${key}: ${due} charged`,
      async () => (await server.charged(`{ratelimit:${key}}:@rate-1h`)) === due,
    );
  }
}

test('four processes share one limit exactly', async () => {
  const server = await own(RedisServer.start());
  const rates = Array<string>(4).fill('300/h');
  const seen = (await run(server, { rates, checks: 200, atOnce: 20, keys: 1 })).flat();
  const allowed = seen.filter((one) => one.allowed);
  expect(seen).toHaveLength(800);
  expect(descending(allowed.map(({ remaining }) => remaining))).toEqual(countdown(300));
  await expectBooks(server, seen);
});

test('many keys that are overrun: each admits its limit, and is charged for that and no more', async () => {
  const server = await own(RedisServer.start());
  const rates = Array<string>(3).fill('25/h');
  const seen = (await run(server, { rates, checks: 4_000, atOnce: 100, keys: 40 })).flat();
  for (let i = 0; i < 40; i++) expect(admitted(seen, `k${i}`)).toBe(25);
  await expectBooks(server, seen);
});

test('limits that differ by process: none admits beyond its own, and denials are not charged', async () => {
  const server = await own(RedisServer.start());
  const rates = ['20/h', '60/h', '200/h'];
  const runs = await run(server, { rates, checks: 1_500, atOnce: 50, keys: 6 });
  for (let i = 0; i < 6; i++) {
    expect(admitted(runs[0] ?? [], `k${i}`)).toBeLessThanOrEqual(20);
    expect(admitted(runs[1] ?? [], `k${i}`)).toBeLessThanOrEqual(60);
    expect(admitted(runs.flat(), `k${i}`)).toBeLessThanOrEqual(200);
  }
  await expectBooks(server, runs.flat());
});

test('mixed costs: all or nothing, never beyond the limit', async () => {
  const server = await own(RedisServer.start());
  const rates = Array<string>(3).fill('100/h');
  const load = { rates, checks: 1_000, atOnce: 25, keys: 5, maxCost: 7 };
  const seen = (await run(server, load)).flat();
  for (let i = 0; i < 5; i++) expect(admitted(seen, `k${i}`)).toBeLessThanOrEqual(100);
  await expectBooks(server, seen);
});

const FLOOD = `
const { createRateLimiter } = require('spillway');
const limiter = createRateLimiter({ redis: given, rate: { requests: 50, windowMs: 1000 }, timeoutMs: 10000 });
let allowed = 0;
let checks = 0;
let stopped = false;
async function lane() {
  while (!stopped) {
    const decision = await limiter.check('flooded');
    if (decision.source !== 'redis') throw new Error('not answered by Redis');
    checks++;
    if (decision.allowed) allowed++;
  }
}
const lanes = Array.from({ length: 40 }, lane);
process.stdin.on('data', async (line) => {
  if (String(line).trim() === 'count') return report({ checks, allowed });
  stopped = true;
  await Promise.all(lanes);
  await limiter.close();
  process.stdin.destroy();
  report({ checks, allowed });
});
`;

test('a flood across windows: each window admits its limit, whatever is on its way back when it turns', async () => {
  const clock = await own(new SetClock());
  const start = 1_900_000_000_000;
  clock.set(start);
  const server = await own(RedisServer.start({ env: clock.env }));
  const scripts = [0, 1].map(() => new Script(FLOOD, { given: server.url, withinMs: 30_000 }));
  let asked = 0;
  const counts = async () => {
    for (const script of scripts) script.tell('count');
    const reports = await Promise.all(scripts.map((script) => script.report(asked)));
    asked++;
    return reports as { checks: number; allowed: number }[];
  };
  const windows = 8;
  for (let i = 0; i < windows; i++) {
    clock.set(start + i * 1000);
    const before = await counts();
    await until('every process was denied in this window', async () => {
      const now = await counts();
      return now.every(({ checks }, n) => checks > (before[n]?.checks ?? 0) + 500);
    });
  }
  for (const script of scripts) script.tell('stop');
  const results = await Promise.all(scripts.map((script) => script.ended));
  const last = results.map(({ reports }) => reports.at(-1) as { checks: number; allowed: number });
  expect(results.map(({ code }) => code)).toEqual([0, 0]);
  expect(last.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(50 * windows);
  await until('50 charged', async () => (await server.charged('{ratelimit:flooded}:@rate-1s')) === 50);
});

test('a process that ends with checks under way leaves no charge beyond its attempts', async () => {
  const server = await own(RedisServer.start());
  const script = `
    const { createRateLimiter } = require('spillway');
    const limiter = createRateLimiter({ redis: given, rate: '1000/h' });
    limiter.check('k').then(() => {
      for (let i = 0; i < 100; i++) limiter.check('k');
      setImmediate(() => process.exit(0));
    });`;
  await reportsOf(script, { given: server.url, abrupt: true });
  expect(await server.charged('{ratelimit:k}:@rate-1h')).toBeLessThanOrEqual(101);
  expect(Number(await server.command('PTTL', '{ratelimit:k}:@rate-1h'))).toBeGreaterThan(0);
});
