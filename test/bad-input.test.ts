/** What cannot be meant is refused with a typed error that says what to do, and nothing is sent for it. */
import * as spillway from 'spillway';
import * as memory from 'spillway/memory';
import { FakeRedis } from './support/fake-redis';
import { textWith } from './support/matchers';
import { owner } from './support/owned';

const { createRateLimiter, RateLimitError } = spillway;
const own = owner();

interface Refusal {
  code: string;
  message: string;
}

/** The error that `act` throws or rejects with. */
async function refusalOf(act: () => unknown): Promise<Refusal> {
  try {
    await act();
  } catch (reason) {
    expect(reason).toBeInstanceOf(RateLimitError);
    expect(reason).toBeInstanceOf(Error);
    const { name, code, message, stack } = reason as InstanceType<typeof RateLimitError>;
    expect(name).toBe('RateLimitError');
    expect(stack).toContain(message);
    // One or two sentences for a person, however large the mistake.
    expect(message.length).toBeGreaterThan(20);
    expect(message.length).toBeLessThan(400);
    return { code, message };
  }
  throw new Error('it was accepted');
}

const plans = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'valueOf',
  'free',
  'FREE ',
  '',
  'GOLD',
];
const notStrings = [undefined, null, 0, 1, NaN, true, {}, [], ['FREE'], () => 'FREE', Symbol('FREE'), 10n];
const keys: [string, unknown][] = [
  ['empty', ''],
  ['10 MB', 'x'.repeat(10 << 20)],
  ['1,025 bytes', 'x'.repeat(1_025)],
  ['1,026 bytes in 513 characters', 'é'.repeat(513)],
  ['a lone high surrogate', 'org-\ud800'],
  ['a lone low surrogate', '\udc00org'],
  ['surrogates the wrong way round', '\udc00\ud800'],
  ['undefined', undefined],
  ['null', null],
  ['a number', 123],
  ['NaN', NaN],
  ['a boolean', false],
  ['an object', {}],
  ['an array', ['org']],
  ['a String object', Object('org')],
  ['a symbol', Symbol('org')],
  ['a bigint', 1n],
  ['a function', () => 'org'],
];

describe('plans and keys', () => {
  let fake: FakeRedis;
  let limiter: spillway.PlanLimiter<string>;
  beforeEach(async () => {
    fake = await own(FakeRedis.start());
    spillway.configureRateLimit({ redis: fake.url });
    limiter = await own(createRateLimiter({ redis: fake.url, plans: { FREE: '5/m' } }));
  });
  afterEach(async () => {
    // Not even a connection was made.
    expect(fake.accepted).toHaveLength(0);
    expect(limiter.stats().pending).toBe(0);
    await spillway.closeRedisConnection();
  });

  test.each([...plans, ...notStrings])('plan %p is not a plan, and never unlimited', async (given) => {
    const plan = given as 'FREE';
    for (const act of [
      () => limiter.check('org', plan),
      () => limiter.peek('org', plan),
      () => spillway.checkRateLimit('org', plan),
      () => spillway.getRateLimitStatus('org', plan),
      () => spillway.applyRateLimit(new Response(), 'org', plan),
      () => memory.checkRateLimit('org', plan),
      () => memory.getRateLimitStatus('org', plan),
    ]) {
      const { code, message } = await refusalOf(act);
      expect(code).toBe('ERR_UNKNOWN_PLAN');
      expect(message).toContain('FREE');
    }
  });

  test.each(keys)('%s is not a key', async (_name, given) => {
    const key = given as string;
    const unplanned = await own(createRateLimiter({ redis: fake.url, rate: '5/m' }));
    for (const act of [
      () => limiter.check(key, 'FREE'),
      () => limiter.peek(key, 'FREE'),
      () => limiter.reset(key),
      () => unplanned.check(key),
      () => unplanned.check(key, { cost: 2 }),
      () => spillway.checkRateLimit(key, 'PRO'),
      () => spillway.getRateLimitStatus(key, 'PRO'),
      () => spillway.resetRateLimit(key),
      () => memory.checkRateLimit(key, 'PRO'),
      () => memory.resetRateLimit(key),
    ]) {
      expect((await refusalOf(act)).code).toBe('ERR_INVALID_KEY');
    }
  });

  test.each([0, -1, 1.5, NaN, Infinity, 2 ** 53, 1e308, '2', null, 3n])('%p is not a cost', async (given) => {
    const cost = given as number;
    const { code, message } = await refusalOf(() => limiter.check('org', 'FREE', { cost }));
    expect(code).toBe('ERR_INVALID_OPTION');
    expect(message).toContain('cost');
  });

  test('a misspelled option of a check or a listing is refused by name', async () => {
    const check = await refusalOf(() => limiter.check('org', 'FREE', { costs: 2 } as object));
    expect(check).toMatchObject({ code: 'ERR_INVALID_OPTION', message: textWith('costs') });
    const list = await refusalOf(() => limiter.list({ pagesize: 2 } as object).next());
    expect(list).toMatchObject({ code: 'ERR_INVALID_OPTION', message: textWith('pageSize') });
    for (const options of [
      { pageSize: 0 },
      { pageSize: 1.5 },
      { pageSize: NaN },
      { match: '' },
      { match: 5 },
    ]) {
      expect((await refusalOf(() => limiter.list(options as object).next())).code).toBe('ERR_INVALID_OPTION');
    }
  });
});

const M = 2 ** 53;
const rates: unknown[] = [
  ...[
    '100/hour',
    '100 / h',
    '100/',
    '/h',
    '100',
    '',
    'h',
    '100/x',
    '100/xyz',
    '-1/h',
    '1.5/h',
    '1e3/h',
    '100/h ',
  ],
  ...[
    ' 100/h',
    '100/0s',
    '100/-1s',
    '100/1.5s',
    '100/h/m',
    '9007199254740992/h',
    '0x10/s',
    '१/h',
    'unlimite',
  ],
  ...[NaN, -1, 1e308, M, 0.5, '5', null, undefined, Infinity, 3n].map((requests) => ({
    requests,
    windowMs: 1000,
  })),
  ...[NaN, -1, 0, 1e308, M, 0.5, '5', null, undefined, Infinity].map((windowMs) => ({
    requests: 5,
    windowMs,
  })),
  ...[{}, [], 5, null, true, { requests: 5 }, { requests: 5, window: 1000 }, { limit: 5, windowMs: 1000 }],
];

test.each(rates)('%j is not a rate', async (given) => {
  const rate = given as spillway.Rate;
  expect((await refusalOf(() => createRateLimiter({ rate }))).code).toBe('ERR_INVALID_OPTION');
  const plan = await refusalOf(() => createRateLimiter({ plans: { GOLD: rate } }));
  expect(plan.message).toContain('GOLD');
});

const options: [string, object, string][] = [
  ['a misspelled option', { rate: '5/m', timeoutMS: 100 }, 'timeoutMs'],
  ['another misspelled option', { rate: '5/m', onerror: 'open' }, 'failureMode'],
  ['an option of nobody', { rate: '5/m', colour: 'blue' }, 'colour'],
  ['a misspelled option of redis', { rate: '5/m', redis: { hots: 'localhost' } }, 'host'],
  ['neither plans nor rate', {}, 'plans'],
  ['both plans and rate', { rate: '5/m', plans: { FREE: '5/m' } }, 'rate'],
  ['no plan at all', { plans: {} }, 'plans'],
  ['failureMode of another kind', { rate: '5/m', failureMode: 'maybe' }, 'failureMode'],
  ['an empty prefix', { rate: '5/m', prefix: '' }, 'prefix'],
  ['a prefix that is no text', { rate: '5/m', prefix: 5 }, 'prefix'],
  ...[0, -1, NaN, 1.5, Infinity, '250', null].map((timeoutMs): [string, object, string] => {
    return [`timeoutMs ${timeoutMs}`, { rate: '5/m', timeoutMs }, 'timeoutMs'];
  }),
  ['connectTimeoutMs 0', { rate: '5/m', redis: { host: 'h', connectTimeoutMs: 0 } }, 'connectTimeoutMs'],
  ['connectTimeoutMs beside redis', { rate: '5/m', connectTimeoutMs: 9 }, 'redis: { url, connectTimeoutMs }'],
  ['maxKeys beside the store', { rate: '5/m', maxKeys: 9 }, 'store: memoryStore({ maxKeys })'],
];

test.each(options)('%s is refused by name', async (_name, given, named) => {
  const { code, message } = await refusalOf(() => createRateLimiter(given as spillway.RateOptions));
  expect(code).toBe('ERR_INVALID_OPTION');
  expect(message).toContain(named);
});

const urls = [
  ...[
    'localhost:6379',
    'http://localhost',
    'redis:/localhost',
    'redis://',
    'redis://:hunter2@',
    'redis://host:port',
  ],
  ...[
    'redis://host:0',
    'redis://host:65536',
    'redis://host:-1',
    'redis://host/db',
    'redis://host/1/2',
    'redis://h h',
  ],
  ...['redis://u:hunter2%zz@host', 'redis://u:hunter2@ho st', 'redis://:hunter2@host:x/1', '//host', 'redis'],
];

test('a URL of blanks is one that is not given, and none where an address is meant', async () => {
  const limiter = createRateLimiter({ redis: ' \n', rate: '5/m', prefix: 'blank:' });
  expect((await limiter.check('k')).source).toBe('memory');
  for (const url of ['', ' ']) {
    const { code } = await refusalOf(() => createRateLimiter({ redis: { url }, rate: '5/m' }));
    expect(code).toBe('ERR_INVALID_OPTION');
  }
});

test.each(urls)('%j is not a URL of Redis', async (url) => {
  for (const redis of [url, { url }]) {
    const { code, message } = await refusalOf(() => createRateLimiter({ redis, rate: '5/m' }));
    expect(code).toBe('ERR_INVALID_OPTION');
    expect(message).toContain('redis://');
    expect(message).not.toContain('hunter2');
  }
});

test.each([5, true, [], () => 'redis://host', { host: '' }, { host: 'a b' }, { url: 5 }, { port: 1 }])(
  'redis %p is refused',
  async (given) => {
    const redis = given as unknown as string;
    expect((await refusalOf(() => createRateLimiter({ redis, rate: '5/m' }))).code).toBe(
      'ERR_INVALID_OPTION',
    );
  },
);

test.each([undefined, null, 5, 'redis://host', []])('options %p are refused', async (given) => {
  expect((await refusalOf(() => createRateLimiter(given as never))).code).toBe('ERR_INVALID_OPTION');
});

test('a configuration that is refused leaves the one before in force', async () => {
  memory.configureRateLimit({ plans: { FREE: '3/h' } });
  const misspelled = { plan: { FREE: '9/h' } } as object;
  expect((await refusalOf(() => memory.configureRateLimit(misspelled))).message).toContain('plans');
  expect(memory.checkRateLimit('org', 'FREE')).toMatchObject({ limit: 3, remaining: 2 });
  memory.closeRedisConnection();
});
