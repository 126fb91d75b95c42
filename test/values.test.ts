/** What other programs left under our keys: counts in another form are counted on, everything else is left alone. */
import { createRateLimiter } from 'spillway';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';

const own = owner();
let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(() => server.command('FLUSHALL'));
afterAll(() => server.close());

const KEY = 'ratelimit:org';
/** One window by plain commands, several by the short script, and by the general one; a cost above 1 takes a script too. */
const plans = {
  plain: '100/h',
  windows: ['100/h', '1000/d'],
  mixed: ['100/h', { rate: '1000/d', algorithm: 'sliding-window' }],
} as const;
const names = Object.keys(plans) as (keyof typeof plans)[];
const open = () => own(createRateLimiter({ redis: server.url, plans, timeoutMs: 5_000 }));
const json = (count: unknown, more: object = {}) =>
  JSON.stringify({ count, resetTime: Date.now() + 3_600_000, ...more });

describe.each(names)('a count as JSON, %s', (plan) => {
  test('with an expiry of its own: counted on, in its window', async () => {
    const limiter = await open();
    await server.command('SET', KEY, json(98), 'PX', 600_000);
    const looked = await limiter.peek('org', plan);
    expect(looked).toMatchObject({ allowed: true, remaining: 2, source: 'redis' });
    expect(looked.rules[0]!.resetTime - Date.now()).toBeLessThanOrEqual(600_000);
    expect(String(await server.command('GET', KEY))).toContain('{');
    const decisions = await times(4, () => limiter.check('org', plan));
    expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, false, false]);
    expect(decisions[3]!.retryAfterMs).toBeLessThanOrEqual(600_000);
    expect(decisions[3]!.retryAfterMs).toBeGreaterThan(590_000);
    expect(await server.command('GET', KEY)).toBe('100');
    const left = Number(await server.command('PTTL', KEY));
    expect(left).toBeLessThanOrEqual(600_000);
    expect(left).toBeGreaterThan(590_000);
    // From then on it is a count like any other.
    expect(await limiter.refund(decisions[0]!)).toBe(true);
    expect(await limiter.check('org', plan)).toMatchObject({ allowed: true, remaining: 0 });
  });

  test('used up: denied, each time, and charged nothing', async () => {
    const limiter = await open();
    await server.command('SET', KEY, json(100), 'PX', 600_000);
    const decisions = [];
    for (let i = 0; i < 20; i++) decisions.push(await limiter.check('org', plan, { cost: 1 + (i % 2) }));
    expect(decisions.every(({ allowed, source }) => !allowed && source === 'redis')).toBe(true);
    expect(await limiter.penalize('org', plan, 5)).toMatchObject({ allowed: false, source: 'redis' });
    expect(await server.command('GET', KEY)).toBe('105');
    expect(Number(await server.command('PTTL', KEY))).toBeGreaterThan(590_000);
  });

  test('without an expiry, or with one beyond the window: one window, not what resetTime says', async () => {
    const limiter = await open();
    for (const expiry of [[], ['PX', 7_200_000]]) {
      await server.command('SET', KEY, json(40, { resetTime: 1 }), ...expiry);
      expect(await limiter.peek('org', plan)).toMatchObject({ remaining: 60 });
      if (expiry.length === 0) expect(await server.command('PTTL', KEY)).toBe(-1);
      expect(await limiter.check('org', plan)).toMatchObject({ allowed: true, remaining: 59 });
      const left = Number(await server.command('PTTL', KEY));
      expect(left).toBeLessThan(3_600_000);
      expect(left).toBeGreaterThan(3_590_000);
    }
  });

  test('a number below zero leaves more room, of which no more than the limit is told', async () => {
    const limiter = await open();
    await server.command('SET', KEY, -5, 'PX', 600_000);
    const decision = await limiter.check('org', plan);
    const whole = { remaining: 100, limit: 100 };
    expect(decision).toMatchObject({ source: 'redis', rules: [whole, ...decision.rules.slice(1)] });
    expect(await server.command('GET', KEY)).toBe('-4');
  });

  test('numbers at the edge', async () => {
    const limiter = await open();
    for (const [count, remaining] of [
      [0, 99],
      [41.2, 57],
      [99.5, 0],
      [1e300, 0],
    ] as const) {
      await server.command('SET', KEY, json(count), 'PX', 600_000);
      const decision = await limiter.check('org', plan);
      expect(decision).toMatchObject({ source: 'redis', rules: [{ remaining }, ...decision.rules.slice(1)] });
    }
  });
});

const foreign: [string, (string | number)[]][] = [
  ['a list', ['RPUSH', KEY, 'x']],
  ['a hash', ['HSET', KEY, 'count', 5]],
  ['text', ['SET', KEY, 'hello']],
  ['an empty text', ['SET', KEY, '']],
  ['a fraction', ['SET', KEY, '1.5']],
  ['a number with a zero in front', ['SET', KEY, '007']],
  ['nan', ['SET', KEY, 'nan']],
  ['infinity', ['SET', KEY, 'inf']],
  ['an array as JSON', ['SET', KEY, '[1]']],
  ['broken JSON', ['SET', KEY, '{"count":5']],
  ['deep JSON', ['SET', KEY, `${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`]],
  ['JSON of another shape', ['SET', KEY, '{"hits":5}']],
  ['a negative count', ['SET', KEY, json(-1)]],
  ['a count that is text', ['SET', KEY, json('5')]],
  ['a count that is null', ['SET', KEY, json(null)]],
  ['a count beyond all numbers', ['SET', KEY, '{"count":1e999,"resetTime":1}']],
  ['a count that is none', ['SET', KEY, '{"count":NaN,"resetTime":1}']],
];

describe.each(foreign)('%s', (_, command) => {
  test('is left as it was; that key alone is answered by the policy, and health does not suffer', async () => {
    const limiter = await open();
    await limiter.check('other', 'plain');
    await server.command(...command);
    const before = await server.command('DUMP', KEY);
    for (const plan of names) {
      for (const ask of [
        () => limiter.check('org', plan),
        () => limiter.check('org', plan, { cost: 2 }),
        () => limiter.peek('org', plan),
        () => limiter.penalize('org', plan, 2),
      ]) {
        expect(await ask()).toMatchObject({ allowed: true, source: 'none' });
      }
    }
    expect(await limiter.check('other', 'plain')).toMatchObject({ source: 'redis', remaining: 98 });
    expect(await server.command('DUMP', KEY)).toBe(before);
    expect(await server.command('PTTL', KEY)).toBe(-1);
    expect(((await server.command('KEYS', '*')) as string[]).sort()).toEqual([KEY, 'ratelimit:other']);
    expect(limiter.stats()).toMatchObject({ lastError: null, foreign: 4 * names.length });
    expect(await limiter.health()).toMatchObject({ healthy: true });
    const listed = [];
    for await (const { key, count } of limiter.list()) listed.push([key, count]);
    expect(listed).toEqual([['other', 2]]);
  });
});

test('a listing reads every form, and writes nothing', async () => {
  const limiter = await open();
  await limiter.check('ours', 'plain');
  await server.command('SET', 'ratelimit:json', json(40), 'PX', 600_000);
  await server.command('SET', 'ratelimit:more', json(7.5, { plan: 'PRO' }));
  const dumps = async () =>
    Promise.all(['json', 'more'].map((id) => server.command('DUMP', `ratelimit:${id}`)));
  const before = await dumps();
  const listed: Record<string, number> = {};
  const resets: Record<string, number> = {};
  for await (const { key, count, resetTime } of limiter.list()) {
    listed[key] = count;
    resets[key] = resetTime - Date.now();
  }
  expect(listed).toEqual({ ours: 1, json: 40, more: 8 });
  expect(resets['json']).toBeGreaterThan(590_000);
  expect(await dumps()).toEqual(before);
});

test('five hundred checks of keys that another module has used up: none is admitted', async () => {
  const limiter = await open();
  await times(50, (i) => server.command('SET', `ratelimit:org-${i}`, json(100), 'PX', 600_000));
  const decisions = await times(500, (i) => limiter.check(`org-${i % 50}`, 'plain'));
  expect(decisions.filter(({ allowed }) => allowed)).toEqual([]);
});
