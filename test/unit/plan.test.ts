import { compilePlan, compilePlans, compileRate, type RuleDefaults } from '../../lib/rules/plan';
import { TIERS } from '../../lib/rules/tiers';
import { refusalOf } from './refusal';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const DEFAULTS: RuleDefaults = { algorithm: 'fixed-window', failureMode: 'open', nearLimit: 0.8 };

const plan = (given: unknown, defaults = DEFAULTS) => compilePlan('FREE', given, defaults, 'plans.FREE');
const idsAndKeys = (given: unknown, defaults = DEFAULTS) =>
  plan(given, defaults).map(({ id, counter }) => [id, counter]);

test('a rate is a plan of one rule, counted under the subject alone', () => {
  const expected = [
    {
      id: 'FREE',
      counter: '',
      quota: { algorithm: 'fixed-window', limit: 100, windowMs: HOUR, burst: 100 },
      failureMode: 'open',
      shadow: false,
      nearAt: 80,
      nearLimit: 0.8,
    },
  ];
  expect(plan('100/h')).toEqual(expected);
  expect(plan({ requests: 100, windowMs: HOUR })).toEqual(expected);
  expect(plan(['100/h'])).toEqual(expected);
  expect(plan({ rate: '100/h' })).toEqual(expected);
  expect(plan({ rate: { requests: 100, windowMs: HOUR } })).toEqual(expected);
});

test('a list mixes rates and rules', () => {
  const rules = plan([
    '10000/h',
    { rate: '200/m', algorithm: 'token-bucket', burst: 500, failureMode: 'closed', nearLimit: 0.9 },
    { id: 'trial', rate: '1/10s', shadow: true },
  ]);
  expect(rules).toMatchObject([
    { id: 'FREE', counter: '', quota: { limit: 10_000, windowMs: HOUR }, failureMode: 'open', nearAt: 8_000 },
    {
      id: 'FREE:token-bucket-1m',
      counter: '@token-bucket-1m',
      quota: { algorithm: 'token-bucket', limit: 200, windowMs: MINUTE, burst: 500 },
      failureMode: 'closed',
      nearAt: 450,
    },
    { id: 'trial', counter: 'trial', quota: { limit: 1, windowMs: 10_000 }, shadow: true },
  ]);
});

describe('keys', () => {
  test('the first fixed window that is enforced has the bare one, wherever it stands', () => {
    expect(idsAndKeys([{ rate: '5/s', algorithm: 'sliding-log' }, '100/h', '1000/d'])).toEqual([
      ['FREE', '@sliding-log-1s'],
      ['FREE:1h', ''],
      ['FREE:1d', '@1d'],
    ]);
    expect(idsAndKeys([{ rate: '5/1500s', shadow: true }, '100/h'])).toEqual([
      ['FREE', '@25m'],
      ['FREE:1h', ''],
    ]);
    expect(idsAndKeys('100/h', { ...DEFAULTS, algorithm: 'sliding-window' })).toEqual([
      ['FREE', '@sliding-window-1h'],
    ]);
  });

  test('hold no name of a plan, so that another plan goes on counting', () => {
    const keysOf = (name: string) =>
      compilePlan(name, TIERS[name as keyof typeof TIERS], DEFAULTS, name).map(({ counter }) => counter);
    expect(keysOf('premium')).toEqual(keysOf('enterprise'));
    expect(keysOf('free')).toEqual(['', '@1m']);
  });

  test.each([[['100/h', '10/m', '20/m']], [['1/s', { id: 'a', rate: '1/m' }, { id: 'a', rate: '2/m' }]]])(
    '%j: two rules with one count are refused',
    (given) => {
      expect(refusalOf(() => plan(given)).message).toMatch(
        /^plans\.FREE\[2\] would share its count with plans\.FREE\[1\]/,
      );
    },
  );

  test('one id with two algorithms in two plans is refused', () => {
    const a = ['1/d', { id: 'burst', rate: '1/s', algorithm: 'token-bucket' }];
    const b = ['1/d', { id: 'burst', rate: '1/s', algorithm: 'sliding-log' }];
    expect(refusalOf(() => compilePlans({ A: a, B: b }, DEFAULTS)).message).toMatch(
      /^plans\.B: .*"burst".*plans\.A/,
    );
    expect(compilePlans({ A: a, B: a }, DEFAULTS).size).toBe(2);
  });
});

describe('unlimited', () => {
  test.each(['unlimited', ['unlimited'], { rate: 'unlimited' }])('%j has no rules', (given) => {
    expect(plan(given)).toEqual([]);
  });

  test('beside a limit it is a contradiction', () => {
    expect(refusalOf(() => plan(['100/h', 'unlimited'])).message).toMatch(/^plans\.FREE\[1\]: unlimited/);
    expect(refusalOf(() => plan({ rate: 'unlimited', algorithm: 'token-bucket', burst: 5 })).message).toMatch(
      /burst/,
    );
  });
});

test('the tiers are what they are said to be, and frozen', () => {
  const rules = compilePlans(TIERS, DEFAULTS);
  const facts = [...rules].map(([name, all]) => [
    name,
    ...all.map(({ quota: { algorithm, limit, windowMs, burst } }) => [algorithm, limit, windowMs, burst]),
  ]);
  expect(facts).toEqual([
    ['free', ['fixed-window', 100, HOUR, 100], ['fixed-window', 10, MINUTE, 10]],
    ['premium', ['fixed-window', 1_000, HOUR, 1_000], ['token-bucket', 50, MINUTE, 100]],
    ['enterprise', ['fixed-window', 10_000, HOUR, 10_000], ['token-bucket', 200, MINUTE, 500]],
  ]);
  expect(Object.isFrozen(TIERS)).toBe(true);
  expect(
    Object.values(TIERS)
      .flat()
      .every((one) => typeof one === 'string' || Object.isFrozen(one)),
  ).toBe(true);
});

describe('token buckets', () => {
  const bucket = { ...DEFAULTS, algorithm: 'token-bucket' as const };

  test('hold the requests of their rate unless told otherwise', () => {
    expect(plan('50/m', bucket)[0]?.quota.burst).toBe(50);
    expect(plan('50/m', { ...bucket, burst: 70 })[0]?.quota.burst).toBe(70);
    expect(plan({ rate: '50/m', burst: 20 }, { ...bucket, burst: 70 })[0]?.quota.burst).toBe(20);
    expect(plan({ rate: '50/m', algorithm: 'sliding-log' }, { ...bucket, burst: 70 })[0]?.quota.burst).toBe(
      50,
    );
  });

  test('a rate of 0 denies from the start', () => {
    expect(plan('0/s', { ...bucket, burst: 70 })[0]?.quota).toMatchObject({ limit: 0, burst: 0 });
    expect(refusalOf(() => plan({ rate: '0/s', burst: 5 }, bucket)).message).toMatch(/^plans\.FREE\.burst: /);
  });
});

test.each([
  [0.8, '100/h', 80],
  [0.07, '100/h', 7],
  [0.7, '10/h', 7],
  [0.29, '100/h', 29],
  [1, '10/h', 10],
  [0.8, '1/h', 1],
  [0.001, '10/h', 1],
])('nearLimit %d of %s begins at %d', (nearLimit, rate, expected) => {
  expect(plan({ rate, nearLimit })[0]?.nearAt).toBe(expected);
});

test('the key of a limiter with one rate names algorithm and window', () => {
  expect(compileRate('5/3600s', DEFAULTS)).toMatchObject([{ id: 'rate', counter: '@rate-1h' }]);
  expect(compileRate('5/s', { ...DEFAULTS, algorithm: 'sliding-log' })).toMatchObject([
    { id: 'rate', counter: '@rate-sliding-log-1s', quota: { algorithm: 'sliding-log', limit: 5 } },
  ]);
  expect(compileRate('unlimited', DEFAULTS)).toEqual([]);
  expect(refusalOf(() => compileRate('5', DEFAULTS)).message).toMatch(/^rate: /);
  expect(refusalOf(() => compileRate({ rate: '5/s' }, DEFAULTS)).message).toMatch(
    /^rate has an unknown field/,
  );
});

test.each([
  [undefined, /^plans\.FREE must be a rate/],
  [null, /^plans\.FREE must be a rate/],
  [5, /^plans\.FREE must be a rate/],
  [[], /^plans\.FREE must have 1 to 8 rules/],
  [Array(9).fill('1/s'), /^plans\.FREE must have 1 to 8 rules, not 9/],
  [[['1/s']], /^plans\.FREE\[0\] must be a rate/],
  ['1/hour', /^plans\.FREE: "1\/hour"/],
  [['1/h', '1/hour'], /^plans\.FREE\[1\]: "1\/hour"/],
  [[{ rate: '1/hour' }], /^plans\.FREE\[0\]\.rate: /],
  [{}, /^plans\.FREE\.rate must be a rate/],
  [{ requets: 1, windowMs: 1 }, /unknown field "requets"/],
  [{ rate: '1/s', algorythm: 'x' }, /Did you mean plans\.FREE\.algorithm/],
  [{ rate: '1/s', algorithm: 'leaky' }, /^plans\.FREE\.algorithm must be one of fixed-window/],
  [{ rate: '1/s', burst: 5 }, /^plans\.FREE\.burst: only algorithm 'token-bucket'/],
  [{ rate: '1/s', algorithm: 'token-bucket', burst: 0 }, /^plans\.FREE\.burst must be an integer/],
  [{ rate: '1/s', algorithm: 'token-bucket', burst: 1.5 }, /burst must be an integer/],
  [{ rate: '1/s', failureMode: 'maybe' }, /^plans\.FREE\.failureMode must be/],
  [{ rate: '1/s', shadow: 'yes' }, /^plans\.FREE\.shadow must be true or false/],
  [{ rate: '1/s', nearLimit: 0 }, /^plans\.FREE\.nearLimit must be a number above 0/],
  [{ rate: '1/s', nearLimit: 80 }, /nearLimit must be/],
  [{ rate: '1/s', nearLimit: NaN }, /nearLimit must be/],
  [{ rate: '1/s', id: '' }, /^plans\.FREE\.id must be 1 to 64/],
  [{ rate: '1/s', id: 'a b' }, /id must be/],
  [{ rate: '1/s', id: '@1m' }, /id must be/],
  [{ rate: '1/s', id: 'a}b' }, /id must be/],
  [{ rate: '1/s', id: 'é' }, /id must be/],
  [{ rate: '1/s', id: 'x'.repeat(65) }, /id must be/],
])('refuses the plan %j', (given, message) => {
  const error = refusalOf(() => plan(given));
  expect(error.code).toBe('ERR_INVALID_OPTION');
  expect(error.message).toMatch(message);
});

test('plans are own names only', () => {
  const plans = compilePlans(JSON.parse('{"__proto__": "1/s", "constructor": "2/m"}'), DEFAULTS);
  expect([...plans.keys()]).toEqual(['__proto__', 'constructor']);
  for (const bad of [{}, { '': '1/s' }, [], 'FREE', null]) {
    expect(refusalOf(() => compilePlans(bad, DEFAULTS)).code).toBe('ERR_INVALID_OPTION');
  }
});

describe('what the core could not count exactly is refused with its place', () => {
  const bucket = (rate: string, burst?: number) => ({ rate, algorithm: 'token-bucket', burst });

  test.each([
    [{ rate: '10001/h', algorithm: 'sliding-log' }, /plans\.FREE\.rate: a sliding log .* at most 10000/],
    [bucket('1/d', 104_249_992), /in a window of 1d a token bucket holds and gains at most 104249991/],
    [bucket('104249992/d', 1), /at most 104249991/],
  ])('%j', (given, message) => {
    expect(refusalOf(() => plan(given))).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(refusalOf(() => plan(given)).message).toMatch(message);
  });

  test.each([
    [{ rate: '10000/h', algorithm: 'sliding-log' }],
    [bucket('104249991/d', 104_249_991)],
    [{ rate: { requests: Number.MAX_SAFE_INTEGER, windowMs: HOUR }, algorithm: 'sliding-window' }],
  ])('%j is the most', (given) => {
    expect(plan(given)).toHaveLength(1);
  });
});
