import { namedRate, namedRates, RATE_NAMES } from '../../lib/rules/named-rates';
import { readRate } from '../../lib/rules/quota';
import { refusalOf } from './refusal';

const HOUR = 3_600_000;
const MINUTE = 60_000;

test('have their defaults where the environment says nothing', () => {
  expect(namedRates({})).toEqual({
    default: { requests: 100, windowMs: HOUR },
    strict: { requests: 10, windowMs: MINUTE },
    lenient: { requests: 500, windowMs: HOUR },
    write: { requests: 50, windowMs: HOUR },
    login: { requests: 5, windowMs: MINUTE },
    tenant: { requests: 1_000, windowMs: HOUR },
    user: { requests: 100, windowMs: HOUR },
  });
  expect(namedRate('strict', { RATELIMIT_STRICT_RATE: '"7/m"\n' })).toEqual({
    requests: 7,
    windowMs: MINUTE,
  });
  expect(namedRate('strict', { RATELIMIT_STRICT_RATE: ' ' })).toEqual({ requests: 10, windowMs: MINUTE });
});

test.each(RATE_NAMES)('%s is what its variable says', (name) => {
  const variable = `RATELIMIT_${name.toUpperCase()}_RATE`;
  const env = { [variable]: '7/15m' };
  expect(namedRate(name, env)).toEqual({ requests: 7, windowMs: 15 * MINUTE });
  const others = Object.entries(namedRates(env)).filter(([other]) => other !== name);
  expect(others).toEqual(Object.entries(namedRates({})).filter(([other]) => other !== name));
  expect(namedRate(name, { [variable]: 'unlimited' })).toBe('unlimited');
  expect(namedRate(name, { [variable]: '0/s' })).toEqual({ requests: 0, windowMs: 1_000 });
});

test.each(['100', '100/hour', '-1', 'Unlimited', '10/m;20/h', 'default'])(
  '%j is a mistake that names its variable',
  (text) => {
    const error = refusalOf(() => namedRate('tenant', { RATELIMIT_TENANT_RATE: text }));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toMatch(/^RATELIMIT_TENANT_RATE: /);
  },
);

test.each(['toString', '__proto__', 'Default', ''])('%j is no name', (name) => {
  expect(refusalOf(() => namedRate(name as 'default', {})).code).toBe('ERR_INVALID_OPTION');
  expect(refusalOf(() => readRate(name, 'rate')).message).toMatch(/^rate: /);
});

describe('in place of a rate', () => {
  const before = process.env['RATELIMIT_LOGIN_RATE'];
  afterEach(() => {
    if (before === undefined) delete process.env['RATELIMIT_LOGIN_RATE'];
    else process.env['RATELIMIT_LOGIN_RATE'] = before;
  });

  test('are read when the limiter is made', () => {
    delete process.env['RATELIMIT_LOGIN_RATE'];
    expect(readRate('login', 'rate')).toEqual({ requests: 5, windowMs: MINUTE });
    process.env['RATELIMIT_LOGIN_RATE'] = '3/h';
    expect(readRate('login', 'rate')).toEqual({ requests: 3, windowMs: HOUR });
  });
});

test('unlimited is a word, never a number', () => {
  expect(readRate('unlimited', 'rate')).toBe('unlimited');
  for (const rate of [
    -1,
    Infinity,
    null,
    undefined,
    'UNLIMITED',
    'unlimited ',
    '-1/s',
    { requests: -1, windowMs: 1 },
  ]) {
    expect(refusalOf(() => readRate(rate, 'rate')).code).toBe('ERR_INVALID_OPTION');
  }
});
