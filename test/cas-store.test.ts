/** `casStore` over a map whose reads and writes race: exact, and whoever fails between two writes leaves a ledger that adds up. */
import { transformSync } from 'esbuild';
import { createRateLimiter, type RateLimiterOptions, type StoreOption } from 'spillway';
import { casStore, stepAll, type CasSource } from 'spillway/store';
import { storeConformance } from 'spillway/testing';
import { owner } from './support/owned';
import { blocksOf } from './support/pages';
import { RacingMap } from './support/racing-map';
import { until } from './support/wait';

const own = owner();
const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
const limiterOf = (options: RateLimiterOptions) =>
  own(createRateLimiter({ logger: false, timeoutMs: 15_000, ...options }));
const seed = Number(process.env.SPILLWAY_SEED ?? Date.now() % 100_000);
const withSeed = `SPILLWAY_SEED=${seed}`;

storeConformance({
  name: `over a map that races (${withSeed})`,
  open() {
    const map = new RacingMap(seed);
    return { store: casStore(map), advance: (ms) => void (map.nowMs += ms) };
  },
});

describe('what a map lacks is refused', () => {
  const bare = new RacingMap(1);
  storeConformance({
    name: 'without scan',
    open: () => ({
      store: casStore({
        name: 'map',
        read: (key) => bare.read(key),
        compareAndSet: (key, was, is) => bare.compareAndSet(key, was, is),
        now: () => bare.now(),
      }),
      advance: (ms) => void (bare.nowMs += ms),
    }),
    without: ['scan'],
  });
});

/** As so many processes have it: limiters that share the map and nothing else. */
const processes = (map: CasSource, many: number, options: RateLimiterOptions) =>
  Promise.all(times(many, () => limiterOf({ store: casStore(map), ...options })));

test.each(['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const)(
  `500 at once of ten processes admit exactly the limit: %s (${withSeed})`,
  async (algorithm) => {
    const map = new RacingMap(seed);
    const limiters = await processes(map, 10, { rate: '123/h', algorithm });
    const decisions = await Promise.all(times(500, (i) => limiters[i % 10]!.check('k')));
    const left = decisions.filter(({ allowed }) => allowed).map(({ remaining }) => remaining);
    expect(left.sort((a, b) => a - b)).toEqual(times(123, (i) => i));
    expect(decisions.every(({ source }) => source === 'map')).toBe(true);
    expect(map.lost).toBeGreaterThan(0);
    // Those of one process that want one key share a write.
    expect(map.writes).toBeLessThan(250);
  },
);

const three = {
  all: [
    { id: 'a', rate: '40/h' },
    { id: 'b', rate: '25/h' },
    { id: 'c', rate: '60/h', algorithm: 'token-bucket' },
  ],
} as const satisfies RateLimiterOptions['plans'];
/** The first has the bare key. */
const idOf = (key: string) => /:([bc])(@|$)/.exec(key)?.[1] ?? 'a';
/** Units that are counted under each rule. */
function counted(map: RacingMap): Record<string, number> {
  const rules = Object.fromEntries(three.all.map((rule) => [rule.id, rule]));
  return Object.fromEntries(
    [...map.kept].map(([key, text]) => {
      const { rate, ...rest } = rules[idOf(key)]!;
      const rule = {
        algorithm: 'fixed-window',
        ...rest,
        limit: Number.parseInt(rate),
        windowMs: 3_600_000,
      } as const;
      const state = text.slice(text.indexOf(' ') + 1);
      const { id, ...step } = rule;
      const items = [{ rule: step, state }];
      return [id, stepAll({ mode: 'peek', units: 1, items }, map.nowMs)[0]!.outcome.used];
    }),
  );
}

test(`several rules admit no more than each, and what a denial charged comes back (${withSeed})`, async () => {
  const map = new RacingMap(seed);
  const limiters = await processes(map, 10, { plans: three });
  const decisions = await Promise.all(times(300, (i) => limiters[i % 10]!.check('k', 'all')));
  const admitted = decisions.filter(({ allowed }) => allowed).length;
  expect(admitted).toBeLessThanOrEqual(25);
  await until('what was charged too much is back', () =>
    Object.values(counted(map)).every((n) => n === admitted),
  );
  // Then nothing is in the way of what is left.
  const later = [];
  for (let i = 0; i < 30; i++) later.push(await limiters[i % 10]!.check('k', 'all'));
  expect(admitted + later.filter(({ allowed }) => allowed).length).toBe(25);
});

test('a check that is denied by what it reads writes nothing', async () => {
  const map = new RacingMap(seed);
  const limiter = await limiterOf({ store: casStore(map), plans: three });
  for (let i = 0; i < 25; i++) await limiter.check('k', 'all');
  const { writes } = map;
  expect(await limiter.check('k', 'all')).toMatchObject({ allowed: false, remaining: 0 });
  expect(map.writes).toBe(writes);
});

test('rules that only watch count what the others admit', async () => {
  const map = new RacingMap(seed);
  const limiters = await processes(map, 4, {
    plans: {
      all: [
        { id: 'w', rate: '3/h', shadow: true },
        { id: 'r', rate: '7/h' },
      ],
    },
  });
  const decisions = await Promise.all(times(40, (i) => limiters[i % 4]!.check('k', 'all')));
  expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(7);
  const { rules } = await limiters[0]!.peek('k', 'all');
  expect(rules.map(({ remaining }) => remaining)).toEqual([0, 0]);
});

/** Fails at its nth call, in front of what it does or behind it. */
class Failing extends RacingMap {
  calls = 0;

  constructor(
    private readonly nth: number,
    private readonly when: 'before' | 'after',
  ) {
    super(seed);
  }

  override read(key: string): Promise<string | undefined> {
    return this.fail(() => super.read(key));
  }

  override compareAndSet(key: string, was: string | undefined, is: string | undefined): Promise<boolean> {
    return this.fail(() => super.compareAndSet(key, was, is));
  }

  private async fail<T>(act: () => Promise<T>): Promise<T> {
    const fails = ++this.calls === this.nth;
    if (fails && this.when === 'before') throw new Error('it is down');
    const done = await act();
    if (fails) throw new Error('it is down');
    return done;
  }
}

// A check reads the three, then reads and writes each.
test.each(times(18, (i) => [1 + (i % 9), i < 9 ? ('before' as const) : ('after' as const)] as const))(
  'a failure at call %d, %s it was done: never repeated, and what was charged comes back',
  async (nth, when) => {
    const map = new Failing(nth, when);
    const limiter = await limiterOf({ store: casStore(map), plans: three, failureMode: 'closed' });
    expect(await limiter.check('k', 'all')).toMatchObject({ allowed: false, reason: 'unavailable' });
    expect(limiter.stats().lastError).toBe('it is down');
    // Calls 5, 7 and 9 write; the one that failed behind its write stays charged, because that is not known.
    const stays =
      when === 'after' && nth >= 5 && nth % 2 === 1 ? { [['a', 'b', 'c'][(nth - 5) / 2]!]: 1 } : {};
    const used = () => Object.fromEntries(Object.entries(counted(map)).filter(([, n]) => n > 0));
    await until('what was charged is back', () => JSON.stringify(used()) === JSON.stringify(stays));
    const admitted = [];
    for (let i = 0; i < 30; i++) admitted.push((await limiter.check('k', 'all')).allowed);
    expect(admitted.filter(Boolean)).toHaveLength(25 - (stays.b ?? 0));
    await until('it adds up', () => counted(map).b === 25);
    expect(used()).toEqual({
      a: 25 + (stays.a ?? 0) - (stays.b ?? 0),
      b: 25,
      c: 25 + (stays.c ?? 0) - (stays.b ?? 0),
    });
  },
);

test('a write that is lost to others again and again ends at the deadline, and charges nothing', async () => {
  const map = new RacingMap(seed);
  const lost = Object.assign(Object.create(map) as RacingMap, {
    compareAndSet: () => (map.lost++, Promise.resolve(false)),
  });
  const limiter = await limiterOf({
    store: casStore(lost),
    rate: '5/h',
    timeoutMs: 150,
    failureMode: 'closed',
  });
  expect(await limiter.check('k')).toMatchObject({ allowed: false, reason: 'unavailable' });
  // With pauses that grow: not in a loop.
  expect(map.lost).toBeGreaterThan(2);
  expect(map.lost).toBeLessThan(60);
  expect(map.kept.size).toBe(0);
  const { lost: before } = map;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(map.lost).toBe(before);
});

test.each(['read', 'compareAndSet'] as const)(
  '%s that hangs once keeps nobody who comes later',
  async (method) => {
    const map = new RacingMap(seed);
    let hangs = true;
    let open: () => void = () => {};
    const real = map[method].bind(map) as (...given: unknown[]) => Promise<never>;
    const hanging = Object.assign(Object.create(map) as RacingMap, {
      async [method](...given: unknown[]) {
        if (!hangs) return real(...given);
        hangs = false;
        await new Promise<void>((resolve) => (open = resolve));
        return real(...given);
      },
    });
    const limiter = await limiterOf({ store: casStore(hanging), rate: '5/h', timeoutMs: 60 });
    expect((await limiter.check('k')).source).toBe('none');
    await until('it counts', async () => (await limiter.check('k')).source === 'map');
    const { writes } = map;
    open();
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    // What was read too late is not written; a write that comes late meets another state.
    expect(map.writes - writes).toBe(method === 'read' ? 0 : 1);
    expect((await limiter.peek('k')).remaining).toBe(4);
  },
);

test('what was not written by this store fails its key only, and a reset mends it', async () => {
  const map = new RacingMap(seed);
  const limiter = await limiterOf({ store: casStore(map), rate: '5/h' });
  await limiter.check('bad');
  const [key] = map.kept.keys();
  for (const text of ['nonsense', '', 'zzzzzzzzz x', '1 é']) {
    map.kept.set(key!, text);
    const decisions = await Promise.all(['bad', 'good'].map((id) => limiter.check(id)));
    expect(decisions.map(({ source }) => source)).toEqual(['none', 'map']);
    expect((await limiter.peek('bad')).source).toBe('none');
    expect(limiter.stats().lastError).toMatch(/not written by this store|not a state/);
    await limiter.reset('bad');
    expect(await limiter.check('bad')).toMatchObject({ source: 'map', remaining: 4 });
  }
});

test.each<[string, Partial<CasSource>, RegExp]>([
  ['read answers a number', { read: () => Promise.resolve(5 as never) }, /^read answered/],
  [
    'compareAndSet answers nothing',
    { compareAndSet: () => Promise.resolve(undefined as never) },
    /^compareAndSet answered/,
  ],
  ['the clock is none', { now: () => Number.NaN }, /whole milliseconds/],
])('where %s it is an outage', async (_, wrong, said) => {
  const map = Object.assign(Object.create(new RacingMap(1)) as RacingMap, wrong);
  const limiter = await limiterOf({ store: casStore(map), rate: '5/h' });
  expect((await limiter.check('k')).source).toBe('none');
  expect(limiter.stats().lastError).toMatch(said);
});

test('null is nothing, and the time to live is that of the state', async () => {
  const kept = new Map<string, string>();
  const lives: number[] = [];
  const limiter = await limiterOf({
    rate: '5/m',
    store: casStore({
      name: 'nulls',
      read: (key) => Promise.resolve(kept.get(key) ?? null),
      compareAndSet: (key, was, is, expiresInMs) => {
        if (kept.get(key) !== was) return Promise.resolve(false);
        lives.push(expiresInMs);
        kept.set(key, is!);
        return Promise.resolve(true);
      },
    }),
  });
  expect((await limiter.check('k')).remaining).toBe(4);
  expect((await limiter.check('k')).remaining).toBe(3);
  expect(lives[0]).toBe(60_000);
  expect(lives[1]).toBeLessThanOrEqual(60_000);
  expect(lives[1]).toBeGreaterThan(50_000);
});

test("ping and close are the source's", async () => {
  const asked: string[] = [];
  const source = Object.assign(Object.create(new RacingMap(1)) as RacingMap, {
    ping: () => (asked.push('ping'), Promise.resolve()),
    close: () => void asked.push('close'),
  });
  const limiter = createRateLimiter({ store: casStore(source), rate: '5/h', logger: false });
  expect((await limiter.check('k')).source).toBe('map');
  await limiter.close();
  expect(asked).toEqual(['close']);
});

test('the example of docs/stores.md counts, as it stands there', async () => {
  const { code } = blocksOf('docs/stores.md').find((block) => block.code.startsWith('// cas-map.ts'))!;
  const module = { exports: {} as { store: StoreOption } };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- it is of the page
  new Function('require', 'module', transformSync(code, { loader: 'ts', format: 'cjs' }).code)(
    () => ({ casStore }),
    module,
  );
  const limiter = await limiterOf({ store: module.exports.store, rate: '5/h' });
  const decisions = await Promise.all(times(8, () => limiter.check('k')));
  expect(decisions.map(({ allowed }) => allowed)).toEqual(times(8, (i) => i < 5));
  expect(await limiter.reset('k')).toBe(true);
  expect((await limiter.check('k')).remaining).toBe(4);
});

test('options are checked', () => {
  const map = new RacingMap(1);
  expect(() => casStore(undefined as never)).toThrow('The first argument of casStore');
  expect(() => casStore({ name: 'x' } as never)).toThrow('casStore needs a method read');
  expect(() => casStore({ name: 'x', read: () => Promise.resolve() } as never)).toThrow(
    'casStore needs a method compareAndSet',
  );
  expect(() => casStore(Object.assign(Object.create(map), { now: 5 }) as never)).toThrow('now of casStore');
  expect(() => casStore(Object.assign(Object.create(map), { name: 'Redis' }) as never)).toThrow(
    'name of a custom',
  );
  expect(() => casStore(map, { breakers: {} } as never)).toThrow('Did you mean breaker?');
});
