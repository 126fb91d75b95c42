import { MAX_WINDOW_MS, readLimit } from '../../lib/rules/rate';
import { parseRate } from '../../lib/rules/read-rate';
import { refusalOf } from './refusal';

describe('a rate', () => {
  test.each([
    ['100/h', 100, 3_600_000],
    ['5/10s', 5, 10_000],
    ['1000/d', 1_000, 86_400_000],
    ['20/15m', 20, 900_000],
    ['0/s', 0, 1_000],
    ['9007199254740991/s', 9_007_199_254_740_991, 1_000],
    ['1/3650d', 1, MAX_WINDOW_MS],
  ])('reads %s', (text, requests, windowMs) => {
    expect(readLimit(text, 'rate')).toEqual({ requests, windowMs });
  });

  test('takes the same in numbers', () => {
    expect(readLimit({ requests: 0, windowMs: 1 }, 'rate')).toEqual({ requests: 0, windowMs: 1 });
    expect(readLimit({ requests: 7, windowMs: MAX_WINDOW_MS }, 'rate')).toEqual({
      requests: 7,
      windowMs: MAX_WINDOW_MS,
    });
  });

  test.each([
    '100/hour',
    '100/xyz',
    '100',
    '/h',
    '100/',
    '-1/h',
    '+1/h',
    '1.5/h',
    '1e3/h',
    ' 100/h',
    '100/h ',
    '100/h\n',
    '100 / h',
    '100/H',
    '100/ms',
    '100/w',
    '5/0s',
    '5/-1s',
    '5/1.5s',
    '0x10/h',
    '١/h',
    '',
    'unlimited',
    '9007199254740992/s',
    '1/3651d',
    '1/9999999999999999d',
    '99999999999999999999/s',
  ])('refuses %j', (text) => {
    const error = refusalOf(() => readLimit(text, 'plans.FREE'));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toMatch(/^plans\.FREE: /);
  });

  test.each([NaN, -1, 1e308, 2 ** 53, Infinity, 1.5, '100', null, undefined, true, 5n])(
    'refuses %p as requests',
    (requests) => {
      const error = refusalOf(() => readLimit({ requests, windowMs: 1_000 }, 'rate'));
      expect(error.code).toBe('ERR_INVALID_OPTION');
      expect(error.message).toContain('requests');
    },
  );

  test.each([0, NaN, -1, 0.5, 1e308, 2 ** 53, MAX_WINDOW_MS + 1, '1000', null, undefined])(
    'refuses %p as windowMs',
    (windowMs) => {
      const error = refusalOf(() => readLimit({ requests: 1, windowMs }, 'rate'));
      expect(error.code).toBe('ERR_INVALID_OPTION');
      expect(error.message).toContain('window');
    },
  );

  test.each([[NaN], [100], [null], [undefined], [['100/h']], [() => '100/h'], [Symbol('100/h')]])(
    'refuses %p in place of a rate',
    (rate) => {
      expect(refusalOf(() => readLimit(rate, 'rate')).code).toBe('ERR_INVALID_OPTION');
    },
  );

  test('refuses a misspelled field by name', () => {
    expect(() => readLimit({ requests: 1, windowMS: 1_000 }, 'rate')).toThrow(/"windowMS"/);
  });
});

describe('parseRate', () => {
  test.each([
    ['100/h', { requests: 100, windowMs: 3_600_000 }],
    [' "5/10s"\n', { requests: 5, windowMs: 10_000 }],
    ['unlimited', 'unlimited'],
  ])('reads %j', (text, rate) => {
    expect(parseRate(text)).toEqual(rate);
  });

  test.each([
    ['', /^parseRate: "" is not a rate\. Write/],
    ['100/hour', /^parseRate: "100\/hour" is not a rate\. Write/],
    ['login', /^parseRate: "login" .* Write namedRate\('login'\), which reads RATELIMIT_LOGIN_RATE\.$/],
    [undefined, /^parseRate takes a text such as '100\/h', not undefined\.$/],
    [{ requests: 1, windowMs: 1 }, /^parseRate takes a text/],
  ])('refuses %j', (text, message) => {
    const error = refusalOf(() => parseRate(text as string));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toMatch(message);
  });

  test('takes one argument', () => {
    expect(() => (parseRate as (...args: unknown[]) => unknown)('1/s', 'x')).toThrow(/parseRate takes/);
  });
});
