/** A store of the application's own, and what its users see when it fails. */
import {
  closeRedisConnection,
  configureRateLimit,
  createRateLimiter,
  customStore,
  isRedisHealthy,
  memoryStore,
  redisStore,
  type CustomStore,
  type Outcome,
  type StoreOp,
  type StateMessage,
} from 'spillway';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { TableStore } from './support/table-store';
import { inTime, timed, until } from './support/wait';

const own = owner();
const FINE: Outcome = {
  allowed: true,
  remaining: 4,
  resetInMs: 900,
  retryAfterMs: 0,
  used: 1,
  blocked: false,
};

/** A store that answers as it is told. */
class ToldStore extends TableStore {
  override readonly name = 'told';
  constructor(private readonly answer: (op: StoreOp) => unknown) {
    super();
  }
  override apply(op: StoreOp) {
    this.calls.push(op);
    return this.answer(op) as Promise<Outcome[]>;
  }
}

function openOn(store: CustomStore, options: object = {}) {
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const logger = { warn: say, error: say };
  const made = createRateLimiter({
    store: customStore(store),
    rate: '5/h',
    timeoutMs: 200,
    logger,
    ...options,
  });
  return own(made).then((limiter) => ({ limiter, lines }));
}

describe('what it is asked', () => {
  test('keys, rules and units, with the deadline', async () => {
    const store = new TableStore();
    const { limiter } = await openOn(store, {
      rate: '5/h',
      algorithm: 'token-bucket',
      burst: 9,
      prefix: 'p:',
    });
    await limiter.check('a}b%', { cost: 2 });
    await limiter.peek('k');
    await limiter.penalize('k', 3);
    expect(store.calls).toEqual([
      {
        mode: 'charge',
        units: 2,
        deadlineMs: 200,
        items: [
          {
            key: '{p:a%7Db%25}:@rate-token-bucket-1h',
            rule: { algorithm: 'token-bucket', limit: 5, windowMs: 3_600_000, burst: 9, shadow: false },
          },
        ],
      },
      expect.objectContaining({ mode: 'peek', units: 1 }),
      expect.objectContaining({ mode: 'force', units: 3 }),
    ]);
  });

  test('all rules of a request in one call, each with the key of whom it counts', async () => {
    const store = new TableStore();
    const rules = [
      { id: 'a', by: 'ip', rate: '5/h' },
      { id: 'b', by: 'user', rate: '6/h', shadow: true },
    ];
    const { limiter } = await openOn(store, { rate: undefined, rules });
    const decision = await limiter.checkRequest({ method: 'GET', path: '/', ip: '192.0.2.1', user: '7}' });
    expect(store.calls[0]!.items.map(({ key, rule }) => [key, rule.limit, rule.shadow])).toEqual([
      ['{ratelimit:ip:192.0.2.1}:a', 5, false],
      ['{ratelimit:user:7%7D}:b', 6, true],
    ]);
    expect(decision).toMatchObject({ source: 'table', reason: 'ok', remaining: 4 });
    expect(decision.rules.map(({ remaining }) => remaining)).toEqual([4, 5]);
  });

  test('an answer need be no promise', async () => {
    const { limiter } = await openOn(new ToldStore(() => [FINE]));
    expect(await limiter.check('k')).toMatchObject({ source: 'told', remaining: 4, reason: 'ok' });
  });

  test('limits, refunds, blocks, resets and listings as in any store', async () => {
    const store = new TableStore();
    const { limiter } = await openOn(store);
    const decisions = await times(7, () => limiter.check('k'));
    expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, true, true, true, false, false]);
    expect(await limiter.refund(decisions[0]!)).toBe(true);
    expect((await limiter.check('k')).remaining).toBe(0);
    await limiter.block('other', 60_000);
    expect(await limiter.check('other')).toMatchObject({ allowed: false, reason: 'blocked' });
    const listed = [];
    for await (const { key, count, limit, blocked } of limiter.list({ pageSize: 1 })) {
      listed.push([key, count, limit, blocked]);
    }
    expect(listed).toEqual([
      ['k', 5, 5, false],
      ['other', 0, 5, true],
    ]);
    expect(await limiter.reset('k')).toBe(true);
    expect(await limiter.reset('k')).toBe(false);
    expect((await limiter.check('k')).remaining).toBe(4);
  });

  test('limiters of one store object share its counts; the last one closes it, once', async () => {
    const store = new TableStore();
    const one = await openOn(store);
    const two = await openOn(store);
    await one.limiter.check('k');
    expect((await two.limiter.check('k')).remaining).toBe(3);
    await one.limiter.close();
    expect(store.closed).toBe(0);
    await two.limiter.close();
    await two.limiter.close();
    expect(store.closed).toBe(1);
    await expect(two.limiter.check('k')).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  test.each(['', 'x'.repeat(1_025), '\ud800', 5, null])('a key that cannot be counted: %j', async (key) => {
    const store = new TableStore();
    const { limiter } = await openOn(store);
    await expect(limiter.check(key as string)).rejects.toMatchObject({ code: 'ERR_INVALID_KEY' });
    expect(store.calls).toEqual([]);
  });
});

describe('when it fails', () => {
  const failures: [how: string, answer: (op: StoreOp) => unknown, said: RegExp][] = [
    ['rejects', () => Promise.reject(new Error('disk full')), /disk full/],
    [
      'throws',
      () => {
        throw new Error('connect ECONNREFUSED postgres://u:hunter2@db/x');
      },
      /ECONNREFUSED postgres:\/\/…@db/,
    ],
    [
      'rejects with no error',
      () => ({ then: (_: unknown, failed: (why: unknown) => void) => failed('gone') }),
      /gone/,
    ],
    ['answers nothing', () => Promise.resolve(undefined), /no list of outcomes/],
    ['answers too few', () => Promise.resolve([]), /0 outcomes for 1 items/],
    ['answers no number', () => [{ ...FINE, remaining: NaN }], /outcome without/],
    ['answers a window without end', () => [{ ...FINE, resetInMs: Infinity }], /outcome without/],
    ['answers less than none', () => [{ ...FINE, remaining: -1 }], /outcome without/],
    ['answers no verdict', () => [{ ...FINE, allowed: undefined }], /outcome without/],
  ];
  test.each(failures)('%s: the failure mode answers, and it is said once', async (_how, answer, said) => {
    const store = new ToldStore(answer);
    const { limiter, lines } = await openOn(store);
    const closed = await openOn(store, { failureMode: 'closed' });
    for (let i = 0; i < 3; i++) {
      expect(await limiter.check('k')).toMatchObject({
        allowed: true,
        reason: 'unavailable',
        source: 'none',
      });
    }
    expect(await closed.limiter.check('k')).toMatchObject({ allowed: false, reason: 'unavailable' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^spillway: The store 'told' does not count: /);
    expect(lines[0]).toMatch(said);
    expect(lines[0]).not.toContain('hunter2');
    const health = await limiter.health();
    expect(health).toMatchObject({ healthy: false, store: 'told', latencyMs: null, connected: false });
    expect(health.lastError).toMatch(said);
  });

  test('is silent: the deadline holds, and an answer that comes later is nobody\u2019s', async () => {
    const late: (() => void)[] = [];
    const store = new ToldStore(
      () => new Promise((resolve) => late.push(() => resolve([{ ...FINE, remaining: 3 }]))),
    );
    const { limiter } = await openOn(store);
    const { value, ms, wallMs } = await timed(Promise.all([limiter.check('a'), limiter.check('b')]));
    expect(value.map(({ reason }) => reason)).toEqual(['unavailable', 'unavailable']);
    expect(wallMs).toBeGreaterThanOrEqual(199);
    expect(ms).toBeLessThanOrEqual(inTime(200));
    for (const answer of late) answer();
    expect(limiter.stats()).toMatchObject({ pending: 0, timeouts: 2, lastError: 'no answer in time' });
  });

  test('is silent under a flood: what waits is bounded, and the rest is decided at once', async () => {
    const store = new ToldStore(() => new Promise(() => {}));
    const { limiter, lines } = await openOn(store, { timeoutMs: 400 });
    const flood = times(70_000, () => limiter.check('k'));
    expect(limiter.stats().pending).toBe(65_536);
    expect(store.calls).toHaveLength(65_536);
    expect((await flood).every(({ reason }) => reason === 'unavailable')).toBe(true);
    expect(limiter.stats()).toMatchObject({ pending: 0, timeouts: 65_536 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/too many calls are waiting/);
  });

  test('the deadline is no business of a test’s clock', async () => {
    const store = new ToldStore(() => new Promise(() => {}));
    const { limiter } = await openOn(store);
    jest.useFakeTimers();
    try {
      expect((await limiter.check('k')).reason).toBe('unavailable');
    } finally {
      jest.useRealTimers();
    }
  });

  test('a blocked event loop is no timeout for answers that have come', async () => {
    const store = new ToldStore(() => new Promise((resolve) => setTimeout(() => resolve([FINE]), 20)));
    const { limiter } = await openOn(store);
    const checked = limiter.check('k');
    const end = performance.now() + 400;
    while (performance.now() < end);
    expect(await checked).toMatchObject({ source: 'told' });
  });

  test('counts again: said once, and seen by health', async () => {
    let broken = true;
    const store = new ToldStore(() => (broken ? Promise.reject(new Error('away')) : [FINE]));
    const states: StateMessage[] = [];
    const seen = (message: unknown) => void states.push(message as StateMessage);
    subscribe('spillway:state', seen);
    const { limiter, lines } = await openOn(store);
    await limiter.check('k');
    expect((await limiter.health()).healthy).toBe(false);
    broken = false;
    expect((await limiter.health()).healthy).toBe(true);
    // A store counts again when nothing has failed for a second.
    const end = performance.now() + 5_000;
    while (lines.length < 2 && performance.now() < end) {
      await limiter.check('k');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    unsubscribe('spillway:state', seen);
    expect(lines[1]).toMatch(/^spillway: The store 'told' counts again after/);
    expect(states.map(({ state, store: source }) => [state, source])).toEqual([
      ['away', 'told'],
      ['counting', 'told'],
    ]);
  });

  test('is closed under waiting calls: each ends', async () => {
    const store = new ToldStore(() => new Promise(() => {}));
    const { limiter } = await openOn(store, { timeoutMs: 60_000 });
    const checks = times(1_000, () => limiter.check('k'));
    await limiter.close();
    expect((await checks).every(({ reason }) => reason === 'unavailable')).toBe(true);
    expect(limiter.stats().pending).toBe(0);
  });

  test('what no failure mode answers rejects, with the reason', async () => {
    const store = new TableStore();
    store.reset = () => Promise.reject(new Error('read only'));
    const { limiter } = await openOn(store);
    await expect(limiter.reset('k')).rejects.toMatchObject({
      code: 'ERR_UNAVAILABLE',
      message: expect.stringContaining('read only') as string,
    });
    store.reset = () => Promise.resolve(-5);
    await expect(limiter.reset('k')).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
  });

  test.each([
    ['refund', (limiter: Limiter) => limiter.check('k').then((decision) => limiter.refund(decision))],
    ['block', (limiter: Limiter) => limiter.block('k', 5)],
    ['scan', (limiter: Limiter) => limiter.list().next()],
  ])('without %s, the call that needs it says so', async (method, act) => {
    const store = new TableStore();
    const without = Object.assign(Object.create(store) as TableStore, { [method]: undefined });
    const { limiter } = await openOn(without);
    await expect(act(limiter)).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED',
      message: expect.stringContaining(`has no method ${method}`) as string,
    });
  });
});

type Limiter = Awaited<ReturnType<typeof openOn>>['limiter'];

test('health pings where it can, and charges where it cannot', async () => {
  const store = new TableStore();
  const pings: number[] = [];
  const pinging = Object.assign(Object.create(store) as TableStore, {
    ping: () => Promise.resolve(void pings.push(1)),
  });
  const { limiter } = await openOn(pinging);
  expect(await limiter.health()).toMatchObject({ healthy: true, store: 'table', enabled: true });
  expect(store.calls.map(({ items }) => items[0]!.key)).toEqual(['%health:ratelimit:probe']);
  const listed = [];
  for await (const { key } of limiter.list()) listed.push(key);
  expect(listed).toEqual([]);
  configureRateLimit({ store: customStore(pinging) });
  await until('what is known is old', () => (isRedisHealthy(), pings.length > 0));
  await until('healthy', isRedisHealthy);
  // Where a ping is enough, nothing is charged.
  expect(store.calls).toHaveLength(1);
  pinging.ping = () => Promise.reject(new Error('away'));
  await until('unhealthy', () => !isRedisHealthy());
  // Only a charge tells that charges are counted again.
  await until('healthy again', isRedisHealthy);
  expect(store.calls.length).toBeGreaterThan(1);
  await closeRedisConnection();
});

test.each<[unknown, RegExp]>([
  [{ apply() {} }, /name of a custom store/],
  [{ name: 'Big Table', apply() {}, reset() {} }, /name of a custom store/],
  [{ name: 'redis', apply() {}, reset() {} }, /cannot be named 'redis'/],
  [{ name: 'x', reset() {} }, /needs a method apply/],
  [{ name: 'x', apply() {} }, /needs a method reset/],
  [{ name: 'x', apply() {}, reset() {}, scan: 5 }, /scan of the custom store 'x' must be a method/],
  [null, /must be an object/],
  [memoryStore, /must be an object/],
])('%p is no custom store', (store, message) => {
  expect(() => customStore(store as CustomStore)).toThrow(
    expect.objectContaining({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringMatching(message) as string,
    }),
  );
});

test('an option shows nothing of what it holds', () => {
  const option = redisStore('redis://u:hunter2@localhost');
  expect(JSON.stringify(option) + String(Object.values(option))).not.toContain('hunter2');
});

test('a waiting check keeps the process, a forgotten limiter does not', async () => {
  const script = `const { createRateLimiter, customStore } = require('spillway');
    const silent = { name: 'silent', apply: () => new Promise(() => {}), reset: async () => 0 };
    const fine = { ...silent, name: 'fine', apply: async () => [${JSON.stringify(FINE)}] };
    const other = createRateLimiter({ store: customStore(fine), rate: '5/h', timeoutMs: 60000, logger: false });
    other.check('k').then(({ reason }) => report(reason));
    // The timer of a check that was answered is there already.
    const half = { ...silent, name: 'half', apply: async ({ units }) => units === 1 ? [${JSON.stringify(FINE)}] : new Promise(() => {}) };
    const both = createRateLimiter({ store: customStore(half), rate: '5/h', timeoutMs: 300, logger: false });
    both.check('k').then(() => both.check('k', { cost: 2 })).then(({ reason }) => report(reason));`;
  const { value, ms } = await timed(reportsOf<string>(script));
  expect(value).toEqual(['ok', 'unavailable']);
  expect(ms).toBeLessThan(15_000);
});
