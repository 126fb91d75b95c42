/** The master is killed under load from three processes: what was admitted, when limits hold again, who waited. */
import { owner } from './support/owned';
import { Script } from './support/process';
import { SentinelSet } from './support/sentinel';
import { delay, inTime, SLACK_MS } from './support/wait';

jest.setTimeout(90_000);
const own = owner();

const TIMEOUT_MS = 250;
const KEYS = 8;
const LIMIT = 400;
const PER_SECOND = 2_000;

/** Checks at a steady rate until told to stop; reports what the store admitted by key and how the answers came. */
const CLIENT = `
const { createRateLimiter } = require('spillway');
const limiter = createRateLimiter({ redis: given.redis, rate: given.limit + '/h', timeoutMs: given.timeoutMs });
const seen = { asked: 0, settled: 0, rejected: 0, slowest: 0, lastByPolicy: 0, bySource: {}, admitted: {}, denied: {} };
// How long the machine kept this process from running, its own work not counted: what it adds to any wait.
let due = performance.now();
let cpu = process.cpuUsage();
seen.lag = 0;
setInterval(() => {
  const now = performance.now();
  const used = process.cpuUsage(cpu);
  seen.lag = Math.max(seen.lag, now - due - (used.user + used.system) / 1000);
  due = now + 5;
  cpu = process.cpuUsage();
}, 5);
const started = performance.now();
const under = new Set();
const pace = setInterval(() => {
  const owed = Math.floor(((performance.now() - started) / 1000) * given.perSecond) - seen.asked;
  for (let i = 0; i < owed; i++) {
    const key = 'k' + (seen.asked++ % given.keys);
    const asked = performance.now();
    const check = limiter.check(key).then(
      ({ allowed, source }) => {
        seen.settled++;
        seen.slowest = Math.max(seen.slowest, performance.now() - asked);
        seen.bySource[source] = (seen.bySource[source] ?? 0) + 1;
        if (source === 'none') seen.lastByPolicy = Date.now();
        else if (allowed) seen.admitted[key] = (seen.admitted[key] ?? 0) + 1;
        else seen.denied[key] = Date.now();
      },
      () => seen.rejected++,
    );
    under.add(check);
    check.then(() => under.delete(check));
  }
}, 2);
process.stdin.once('data', async () => {
  clearInterval(pace);
  await Promise.all(under);
  const { pending } = limiter.stats();
  await limiter.close();
  report({ ...seen, pending });
  process.exit(0);
});
limiter.peek('warm').then(() => report('ready'));
`;

interface Seen {
  asked: number;
  settled: number;
  rejected: number;
  pending: number;
  slowest: number;
  lag: number;
  lastByPolicy: number;
  bySource: Record<string, number>;
  admitted: Record<string, number>;
  denied: Record<string, number>;
}

test('kill -9 of the master: no promise lost, answers in time, limits hold again, at most N more', async () => {
  const set = await own(SentinelSet.start());
  const old = await set.master();
  const given = {
    redis: set.redis,
    limit: LIMIT,
    keys: KEYS,
    perSecond: PER_SECOND / 3,
    timeoutMs: TIMEOUT_MS,
  };
  const scripts = [0, 1, 2].map(() => new Script(CLIENT, { given, withinMs: 60_000, abrupt: true }));
  await Promise.all(scripts.map((script) => script.report(0)));
  // In mid-count: N of each key are reached after KEYS * LIMIT / PER_SECOND = 1.6 s.
  await delay(800);
  await old.kill();
  const electedMs = await set.promoted(old);
  const promotedAt = Date.now();
  await delay(3_000);
  for (const script of scripts) script.tell('stop');
  const ended = await Promise.all(scripts.map((script) => script.ended));
  const runs = ended.map(({ reports }) => reports[1] as Seen);
  const master = await set.master();

  const asked = runs.reduce((sum, run) => sum + run.asked, 0);
  expect(asked).toBeGreaterThan((PER_SECOND * (electedMs + 3_000)) / 1_000 / 2);
  for (const run of runs) {
    expect(run).toMatchObject({ settled: run.asked, rejected: 0, pending: 0 });
    expect(run.slowest).toBeLessThanOrEqual(TIMEOUT_MS + SLACK_MS + run.lag);
    expect(run.bySource.none).toBeGreaterThan(0);
    // Down-after and the election are the sentinels' own time; a second is ours.
    expect(run.lastByPolicy - promotedAt).toBeLessThanOrEqual(inTime(1_000 - 100));
  }
  for (let i = 0; i < KEYS; i++) {
    const key = `k${i}`;
    const admitted = runs.reduce((sum, run) => sum + (run.admitted[key] ?? 0), 0);
    // What was charged when the connection broke is charged, and nobody's.
    expect(admitted).toBeGreaterThanOrEqual(LIMIT - 20);
    expect(admitted).toBeLessThanOrEqual(2 * LIMIT);
    expect(await master.charged(`{ratelimit:${key}}:@rate-1h`)).toBeLessThanOrEqual(LIMIT);
    expect(Math.max(...runs.map((run) => run.denied[key] ?? 0))).toBeGreaterThan(promotedAt);
  }
});
