/** Wall clocks that are wrong or jump: Redis alone decides, deadlines do not notice, and no window outlasts its rule. */
import { createRateLimiter } from 'spillway';
import { SetClock } from './support/clock';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { Script } from './support/process';
import { RedisServer } from './support/redis';
import { inTime } from './support/wait';

const own = owner();
const HOUR = 3_600_000;

const CLIENT = `
const limiter = require('spillway').createRateLimiter({ redis: given ?? undefined, rate: '100/h', timeoutMs: 250 });
const look = async () => {
  const now = Date.now();
  const start = performance.now();
  const decisions = await Promise.all(Array.from({ length: 60 }, () => limiter.check('shared')));
  report({
    allowed: decisions.filter(({ allowed }) => allowed).length,
    sources: [...new Set(decisions.map(({ source }) => source))],
    resetInMs: decisions[0].resetTime - now,
    ms: performance.now() - start,
  });
};
process.stdin.on('data', (line) => (String(line).trim() === 'end' ? process.stdin.destroy() : look()));
report('started');
`;

interface Seen {
  allowed: number;
  sources: string[];
  resetInMs: number;
  ms: number;
}

test.each([HOUR, -HOUR])('a client whose clock is %d ms off counts as all others do', async (skew) => {
  const server = await own(RedisServer.start());
  const clock = await own(new SetClock({ node: true }));
  const client = new Script(CLIENT, { given: server.url, env: clock.env });
  await client.report(0);
  client.tell('look');
  const before = (await client.report(1)) as Seen;
  // It jumps in mid-window, as when a machine is set right.
  clock.skew(skew);
  client.tell('look');
  const after = (await client.report(2)) as Seen;
  client.tell('end');
  expect(await client.ended).toMatchObject({ code: 0, stderr: '' });
  expect([before.allowed, after.allowed]).toEqual([60, 40]);
  for (const { sources, resetInMs, ms } of [before, after]) {
    expect(sources).toEqual(['redis']);
    expect(Math.abs(resetInMs - HOUR)).toBeLessThan(10_000);
    expect(ms).toBeLessThan(inTime(250));
  }
  const left = Number(await server.command('PTTL', '{ratelimit:shared}:@rate-1h'));
  expect(left).toBeGreaterThan(HOUR - 10_000);
  expect(left).toBeLessThanOrEqual(HOUR);
});

test.each([HOUR, -HOUR])('in process a window goes on when the clock jumps %d ms', async (skew) => {
  const clock = await own(new SetClock({ node: true }));
  const client = new Script(CLIENT, { env: clock.env });
  await client.report(0);
  client.tell('look');
  const before = (await client.report(1)) as Seen;
  clock.skew(skew);
  client.tell('look');
  const after = (await client.report(2)) as Seen;
  client.tell('end');
  expect(await client.ended).toMatchObject({ code: 0 });
  expect([before.allowed, after.allowed]).toEqual([60, 40]);
  for (const { sources, resetInMs } of [before, after]) {
    expect(sources).toEqual(['memory']);
    expect(Math.abs(resetInMs - HOUR)).toBeLessThan(10_000);
  }
});

test('a server whose clock jumps ahead ends the window; one that jumps back makes it no longer', async () => {
  const clock = await own(new SetClock());
  const server = await own(RedisServer.start({ env: clock.env }));
  const limiter = await own(createRateLimiter({ redis: server.url, rate: '100/h' }));
  await times(100, () => limiter.check('k'));
  expect((await limiter.check('k')).allowed).toBe(false);

  clock.skew(HOUR + 1_000);
  expect(await limiter.check('k')).toMatchObject({ allowed: true, remaining: 99, source: 'redis' });

  clock.skew(0);
  await times(99, () => limiter.check('k'));
  const { allowed, retryAfterMs, resetTime } = await limiter.check('k');
  expect(allowed).toBe(false);
  expect(retryAfterMs).toBeLessThanOrEqual(HOUR + 1);
  expect(resetTime - Date.now()).toBeLessThanOrEqual(HOUR);
  await limiter.peek('k');
  expect(Number(await server.command('PTTL', '{ratelimit:k}:@rate-1h'))).toBeLessThanOrEqual(HOUR);
});

describe('state dated beyond now, because the clock of the server was moved back', () => {
  const START = 1_900_000_000_000;
  const own = owner(afterAll);
  let clock: SetClock;
  let server: RedisServer;
  beforeAll(async () => {
    clock = await own(new SetClock());
    clock.set(START);
    server = await own(RedisServer.start({ env: clock.env }));
  });

  const algorithms = ['sliding-window', 'sliding-log', 'token-bucket'] as const;
  const forms = algorithms.flatMap((algorithm) => [
    [algorithm, 'alone'] as const,
    [algorithm, 'beside another'] as const,
  ]);
  test.each(forms)('a %s, %s, starts afresh, and what is dated now counts', async (algorithm, form) => {
    const rule = { rate: '5/h', algorithm } as const;
    const rules = form === 'alone' ? [rule] : ([{ rate: '1000/d' }, rule, { rate: '900/2d' }] as const);
    const options = { redis: server.url, plans: { p: rules }, prefix: `${algorithm} ${form}:` };
    const limiter = await own(createRateLimiter({ ...options, timeoutMs: 10_000 }));
    const left = async (ask: 'check' | 'peek', cost: number) => {
      const { rules: said, source } = await limiter[ask]('k', 'p', { cost });
      return [source, said.find((one) => one.algorithm === algorithm)!.remaining];
    };
    // Beyond now by less than a window: an expiry alone would not end it.
    clock.set(START + HOUR / 2);
    expect(await left('check', 5)).toEqual(['redis', 0]);
    clock.set(START);
    expect(await left('peek', 1)).toEqual(['redis', 5]);
    expect(await left('check', 2)).toEqual(['redis', 3]);
    expect(await left('check', 2)).toEqual(['redis', 1]);
    expect(await left('peek', 1)).toEqual(['redis', 1]);
    // What was dated here is not found again when the clock comes back; a bucket has refilled by half.
    clock.set(START + HOUR / 2);
    expect(await left('peek', 1)).toEqual(['redis', algorithm === 'token-bucket' ? 3 : 1]);
  });
});
