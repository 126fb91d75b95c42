import { namedRate, namedRates, RATE_NAMES } from '../../lib/rules/named-rates';
import { readRate } from '../../lib/rules/read-rate';
import { compileRules, type RuleOptions } from '../../lib/rules/compile';
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

test.each(RATE_NAMES)('%s is no word for a rate in code', (name) => {
  const places: [string, unknown][] = [
    ['rate', { rate: name }],
    ['plans.FREE', { plans: { FREE: name } }],
    ['plans.FREE[1]', { plans: { FREE: ['1/s', name] } }],
    ['plans.FREE.rate', { plans: { FREE: { rate: name } } }],
    ['rules[0].rate', { rules: [{ id: 'a', rate: name }] }],
    ['overrides["x"]', { rate: '1/s', access: { overrides: { x: name } } }],
    [
      'overrides["x"].rules.a',
      { rules: [{ id: 'a', rate: '1/s' }], access: { overrides: { x: { rules: { a: name } } } } },
    ],
  ];
  for (const [where, options] of places) {
    const { code, message } = refusalOf(() => compileRules(options as RuleOptions));
    expect(code).toBe('ERR_INVALID_OPTION');
    expect(message).toBe(
      `${where}: "${name}" is the name of a rate. Write namedRate('${name}'), which reads RATELIMIT_${name.toUpperCase()}_RATE.`,
    );
  }
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
