/** What a process tells of its counts, and when, by a clock of the test's. */
import type { Decision } from '../../lib/decision/types';
import { Analytics, readAnalytics } from '../../lib/fleet/analytics';
import type { Addition, Documents } from '../../lib/stores/documents';
import type { StoreTarget } from '../../lib/stores/option';
import { readLogger } from '../../lib/telemetry/logger';

const START_MS = Date.UTC(2026, 0, 1, 12);
const DAY_MS = 86_400_000;

beforeEach(() => jest.useFakeTimers({ now: START_MS }));
afterEach(() => {
  jest.useRealTimers();
  delete process.env.METRICS_RETENTION_DAYS;
});

type Answer = 'taken' | 'unsent' | 'lost' | Promise<boolean>;

function stage() {
  const world = { answer: 'taken' as Answer, calls: [] as (readonly Addition[])[], said: [] as string[] };
  const add = (additions: readonly Addition[]) => {
    if (world.answer === 'unsent') return Promise.resolve(false);
    if (world.answer instanceof Promise) return world.answer;
    world.calls.push(additions);
    return world.answer === 'lost' ? Promise.reject(new Error('lost')) : Promise.resolve(true);
  };
  const documents = { add, sums: (names: string[]) => Promise.resolve(names.map(() => new Map())) };
  const target = {
    kind: 'custom',
    custom: {
      name: 'test',
      apply: () => [],
      reset: () => 0,
      documents: () => documents as unknown as Documents,
    },
    breaker: { failures: 5, pauseMs: 1_000 },
  } as unknown as StoreTarget;
  const say = (text: string) => world.said.push(text);
  const analytics = new Analytics(target, 'p:', 'redis', readLogger({ warn: say, error: say }));
  const decision = (over: object = {}) =>
    ({
      ...{ allowed: true, reason: 'ok', source: 'redis' },
      ...{ rules: [{ rule: 'api', allowed: true, subject: 'org-1' }], ...over },
    }) as unknown as Decision;
  const record = (over?: object) => analytics.record(decision(over), { method: 'GET', path: '/a' });
  return { world, analytics, record };
}

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

/** A sum of all that arrived in hashes of a kind. */
const sumOf = (calls: readonly (readonly Addition[])[], kind: string, field: string) =>
  calls
    .flat()
    .filter(({ name }) => name.startsWith(`${kind}:`))
    .reduce((sum, { amounts }) => sum + (amounts.get(field) ?? 0), 0);

test('what was counted is told 10 s after the first of it, in one call, and nothing where nothing was', async () => {
  const { world, record } = stage();
  for (let i = 0; i < 5; i++) record();
  await pass(9_999);
  expect(world.calls).toEqual([]);
  await pass(1);
  expect(world.calls).toHaveLength(1);
  expect(sumOf(world.calls, 'hour', 'ta:')).toBe(5);
  expect(sumOf(world.calls, 'minute', 'ta:')).toBe(5);
  expect(sumOf(world.calls, 'hour', 'ea:GET /a')).toBe(5);
  await pass(600_000);
  expect(world.calls).toHaveLength(1);
});

test('an outage of three minutes takes nothing, though nobody asks any more when it is over', async () => {
  const { world, record } = stage();
  world.answer = 'unsent';
  for (let second = 0; second < 180; second++) {
    record();
    await pass(1_000);
  }
  expect(world.calls).toEqual([]);
  expect(world.said).toHaveLength(1);
  world.answer = 'taken';
  await pass(10_000);
  expect(sumOf(world.calls, 'hour', 'ta:')).toBe(180);
  const minutes = world.calls.flat().filter(({ name }) => name.startsWith('minute:'));
  expect(minutes.map(({ amounts }) => amounts.get('ta:'))).toEqual([60, 60, 60]);
  await pass(600_000);
  expect(sumOf(world.calls, 'hour', 'ta:')).toBe(180);
});

test('an outage of a day keeps the last 60 minutes', async () => {
  const { world, record } = stage();
  world.answer = 'unsent';
  for (let minute = 0; minute < 24 * 60; minute++) {
    record();
    await pass(60_000);
  }
  world.answer = 'taken';
  await pass(60_000);
  expect(sumOf(world.calls, 'hour', 'ta:')).toBe(60);
});

test('what may have arrived is not told again, and the loss is said once', async () => {
  const { world, record } = stage();
  world.answer = 'lost';
  for (let i = 0; i < 3; i++) {
    record();
    await pass(10_000);
  }
  world.answer = 'taken';
  record();
  await pass(20_000);
  expect(sumOf(world.calls, 'hour', 'ta:')).toBe(4);
  expect(world.calls).toHaveLength(4);
  expect(world.said).toHaveLength(1);
});

test('closing tells the rest, and what is decided afterwards is nobody’s', async () => {
  const { world, analytics, record } = stage();
  record({ allowed: false, reason: 'limit', rules: [{ rule: 'api', allowed: false, subject: 'org-1' }] });
  void analytics.close();
  await pass(0);
  expect(sumOf(world.calls, 'hour', 'sd:org-1')).toBe(1);
  record();
  await pass(60_000);
  expect(world.calls).toHaveLength(1);
  expect(jest.getTimerCount()).toBe(0);
});

test('closing waits for what is being told: what that could not send goes with the rest', async () => {
  const { world, analytics, record } = stage();
  let end = (_isSent: boolean) => {};
  world.answer = new Promise((resolve) => (end = resolve));
  record();
  await pass(10_000);
  record();
  void analytics.close();
  await pass(0);
  world.answer = 'taken';
  end(false);
  await pass(0);
  expect(sumOf(world.calls, 'hour', 'ta:')).toBe(2);
  expect(jest.getTimerCount()).toBe(0);
});

test.each([1, 0])(
  'closing ends within 3 s where the store says nothing, and says so (%d counted)',
  async (counted) => {
    const { world, analytics, record } = stage();
    world.answer = new Promise(() => {});
    for (let i = 0; i < counted; i++) record();
    let isOver = false;
    void analytics.close().then(() => (isOver = true));
    await pass(0);
    expect(isOver).toBe(counted === 0);
    await pass(2_999);
    expect(isOver).toBe(counted === 0);
    await pass(1);
    expect(isOver).toBe(true);
    expect(world.said).toHaveLength(counted);
    expect(jest.getTimerCount()).toBe(0);
  },
);

test('a flood of names is bounded, in sums and in each call', async () => {
  const { world, record } = stage();
  for (let i = 0; i < 5_000; i++) {
    record({ allowed: false, reason: 'limit', rules: [{ rule: 'api', allowed: false, subject: `ip:${i}` }] });
  }
  await pass(10_000);
  expect(sumOf(world.calls, 'hour', 'td:')).toBe(5_000);
  expect(sumOf(world.calls, 'hour', 'sd:other')).toBe(4_800);
  for (const call of world.calls)
    for (const { amounts } of call) expect(amounts.size).toBeLessThanOrEqual(500);
});

test.each([
  ['', 7, false],
  ['1', 1, false],
  ['90', 90, false],
  ['30', 30, false],
  ['0', 7, true],
  ['91', 7, true],
  ['7.5', 7, true],
  ['-1', 7, true],
  ['a week', 7, true],
  ['Infinity', 7, true],
])('METRICS_RETENTION_DAYS=%j keeps counts for %d days', async (value, days, isSaid) => {
  process.env.METRICS_RETENTION_DAYS = value;
  const { world, analytics, record } = stage();
  record();
  await pass(10_000);
  const [hour, minute] = world.calls[0]!;
  expect(hour!.expiresInMs).toBe(days * DAY_MS);
  expect(minute!.expiresInMs).toBe(600_000);
  expect(world.said.filter((text) => text.includes('METRICS_RETENTION_DAYS'))).toHaveLength(isSaid ? 1 : 0);
  await analytics.view({ hours: days * 24 });
  const tooMany = expect.objectContaining({ code: 'ERR_INVALID_OPTION' });
  await expect(analytics.view({ hours: days * 24 + 1 })).rejects.toEqual(tooMany);
});

test.each(['yes', 1, null, {}])('analytics: %j is refused', (value) => {
  expect(() => readAnalytics(value)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }));
});
