import type { Algorithm } from '../../lib/rules/algorithm';
import type { Rate, RateText } from '../../lib/rules/rate';
import { compileRules, type RuleOptions } from '../../lib/rules/compile';
import { subjectOf, type RateLimitRequest } from '../../lib/rules/identity';
import { selectRules } from '../../lib/rules/select';
import { refusalOf } from './refusal';

const OPTIONS: RuleOptions = {
  plans: { FREE: ['100/h', '10/m'] },
  rules: [
    { id: 'api', match: '/api/*', by: 'user', rate: '50/m', missing: 'skip' },
    { id: 'burst', by: 'user', rate: '5/s', algorithm: 'token-bucket', burst: 20, missing: 'skip' },
    { id: 'open', by: 'user', rate: 'unlimited' },
  ],
};

const limiter = (access?: RuleOptions['access']) => compileRules({ ...OPTIONS, access });
const request: RateLimitRequest = {
  method: 'GET',
  path: '/api/x',
  ip: '192.0.2.1',
  user: 'jane',
  organization: 'org-1',
};
const run = (rules: ReturnType<typeof limiter>, more: Partial<RateLimitRequest> = {}) =>
  selectRules(rules, { ...request, ...more });

/** Limit and capacity under which each rule is charged. */
function quotas(rules: ReturnType<typeof limiter>, more: Partial<RateLimitRequest> = {}) {
  const selection = run(rules, { plan: 'FREE', ...more });
  if (selection.kind !== 'charge') throw new Error(selection.kind);
  return selection.charges.map(({ rule: { counter, quota } }) => [counter, quota.limit, quota.burst]);
}

const ALL: readonly (readonly [string, number, number])[] = [
  ['api', 50, 50],
  ['burst', 5, 20],
  ['', 100, 100],
  ['@1m', 10, 10],
];

describe('allow and deny', () => {
  test.each([
    'user:jane',
    'org-1',
    'organization:org-1',
    'ip:192.0.2.1',
    'ip:192.0.2.0/24',
    'ip:0.0.0.0/0',
    subjectOf('apiKey', 'k'),
  ])('%s', (subject) => {
    const given = { apiKey: 'k' };
    expect(run(limiter({ allow: [subject] }), given)).toEqual({ kind: 'bypass', why: 'allowed' });
    expect(run(limiter({ deny: [subject] }), given)).toMatchObject({ kind: 'deny', why: 'denied' });
    expect(run(limiter({ allow: [subject], deny: [subject] }), given).kind).toBe('deny');
  });

  test.each([
    'user:jan',
    'user:jane2',
    'jane',
    'user:org-1',
    'org-12',
    'ip:192.0.2.10',
    'ip:192.0.3.0/24',
    'ip:::/0',
  ])('%s is somebody else', (subject) => {
    expect(run(limiter({ deny: [subject] })).kind).toBe('charge');
  });

  test('a denial of one identity wins over the allowance of another', () => {
    expect(run(limiter({ allow: ['org-1'], deny: ['user:jane'] }))).toEqual({
      kind: 'deny',
      why: 'denied',
      what: 'user:jane',
    });
    expect(run(limiter({ allow: ['ip:192.0.2.1'], deny: ['ip:192.0.0.0/16'] })).kind).toBe('deny');
  });

  test('an IPv6 address is itself alone, a network all in it', () => {
    const ip = '2001:db8::7';
    for (const subject of [
      'ip:2001:db8::7',
      'ip:2001:DB8:0:0::7',
      'ip:2001:db8::/64',
      'ip:2001:db8::4/126',
      'ip:2001:DB8:0::/48',
      'ip:2000::/3',
    ]) {
      for (const text of [ip, '[2001:db8::7]:443', '2001:0DB8::0:7', '2001:db8::7%eth0']) {
        expect(run(limiter({ deny: [subject] }), { ip: text }).kind).toBe('deny');
        expect(run(limiter({ allow: [subject] }), { ip: text }).kind).toBe('bypass');
      }
    }
    for (const subject of ['ip:2001:db8::8', 'ip:2001:db8::8/126', 'ip:2001:db8:0:1::/64', 'ip:0.0.0.0/0']) {
      expect(run(limiter({ deny: [subject] }), { ip }).kind).toBe('charge');
      expect(run(limiter({ allow: [subject] }), { ip }).kind).toBe('charge');
    }
  });

  test('who is known by a network alone is denied where any of it is, allowed where all of it is', () => {
    const ip = '2001:db8::/64';
    for (const subject of ['ip:2001:db8::7', 'ip:2001:db8::/96', 'ip:2001:db8::/64', 'ip:2001:db8::/48']) {
      const isAll = subject.endsWith('/64') || subject.endsWith('/48');
      expect(run(limiter({ deny: [subject] }), { ip }).kind).toBe('deny');
      expect(run(limiter({ allow: [subject] }), { ip }).kind).toBe(isAll ? 'bypass' : 'charge');
    }
    expect(run(limiter({ deny: ['ip:2001:db8:0:1::7'] }), { ip }).kind).toBe('charge');
    const sixToFour = { ip: '2002:cb00::/32' };
    expect(run(limiter({ deny: ['ip:203.0.113.9'] }), sixToFour).kind).toBe('deny');
    expect(run(limiter({ deny: ['ip:203.1.0.0/16'] }), sixToFour).kind).toBe('charge');
  });

  describe('IPv4 within IPv6', () => {
    const forms = [
      '64:ff9b::203.0.113.1',
      '64:ff9b::cb00:7101',
      '64:ff9b:1:5::203.0.113.1',
      '2002:cb00:7101::1',
      '2002:cb00:7101::/48',
      '::ffff:0:203.0.113.1',
      '::203.0.113.1',
      '::cb00:7101',
    ];

    test.each(forms)('%s is denied as the address inside, and not allowed as it', (ip) => {
      for (const inside of [
        'ip:203.0.113.1',
        'ip:203.0.113.0/24',
        'ip:0.0.0.0/0',
        'ip:::ffff:203.0.113.0/120',
      ]) {
        expect(run(limiter({ deny: [inside] }), { ip }).kind).toBe('deny');
        expect(run(limiter({ allow: [inside] }), { ip }).kind).toBe('charge');
      }
      expect(run(limiter({ deny: ['ip:203.0.112.0/24'] }), { ip }).kind).toBe('charge');
      // Who wants that names the form.
      expect(run(limiter({ allow: [`ip:${ip}`] }), { ip }).kind).toBe('bypass');
    });

    test('the mapped form is the address itself', () => {
      for (const ip of ['::ffff:203.0.113.1', '::ffff:cb00:7101', '203.0.113.1:443']) {
        expect(run(limiter({ allow: ['ip:203.0.113.1'] }), { ip }).kind).toBe('bypass');
        expect(run(limiter({ allow: ['ip:::ffff:203.0.113.1'] }), { ip }).kind).toBe('bypass');
      }
    });

    test('a network of NAT64 is named by its own addresses', () => {
      const access = { allow: ['ip:64:ff9b::10.0.0.0/104'] };
      expect(run(limiter(access), { ip: '64:ff9b::10.9.9.9' }).kind).toBe('bypass');
      expect(run(limiter(access), { ip: '64:ff9b::11.9.9.9' }).kind).toBe('charge');
      expect(run(limiter(access), { ip: '10.9.9.9' }).kind).toBe('charge');
    });

    test.each(['::', '::1', '::1:5', '2001:db8::203.0.113.1'])('%s holds none', (ip) => {
      expect(run(limiter({ deny: ['ip:0.0.0.0/0'] }), { ip }).kind).toBe('charge');
    });
  });

  test('a key is an organization, whatever it looks like', () => {
    const rules = compileRules({ rate: '1/s' });
    const { access } = rules;
    const asKey = (key: string) => {
      expect(selectRules(rules, { method: 'GET', path: '/' }, key).kind).toBe(
        { allow: 'bypass', deny: 'deny', none: 'charge' }[access.verdictOfKey(key) ?? 'none'],
      );
      return access.verdictOfKey(key);
    };
    const hashed = subjectOf('apiKey', 'k');
    for (const [entry, key] of [
      ['ip:10.0.0.0/8', 'ip:10.9.9.9'],
      ['ip:10.9.9.9', 'ip:10.9.9.9'],
      ['ip:2001:db8::/64', 'ip:2001:db8::/64'],
      ['user:jane', 'user:jane'],
      ['custom:acme', 'custom:acme'],
      [hashed, hashed],
      ['org-vip', 'organization:org-vip'],
    ] as const) {
      access.replace({ allow: [entry], overrides: entry.includes('/') ? {} : { [entry]: '9/s' } });
      expect(asKey(key)).toBeUndefined();
      expect(access.planOfKey(key, [])).toEqual([]);
    }
    for (const key of ['org-1', 'user:7', 'ip:10.9.9.9']) {
      const written = subjectOf('organization', key);
      const entry = `organization:${key}`;
      access.replace({ allow: [entry], overrides: { [entry]: '9/s' } });
      for (const name of [key, written]) {
        expect(asKey(name)).toBe('allow');
        expect(access.planOfKey(name, [])).toHaveLength(1);
      }
      access.replace({ deny: [entry] });
      for (const name of [key, written]) expect(asKey(name)).toBe('deny');
    }
    // A denial errs on the safe side, where the key is what subjectOf wrote.
    access.replace({ deny: ['user:jane', hashed, 'custom:acme', 'org-vip'] });
    for (const key of ['user:jane', hashed, 'custom:acme', 'org-vip', 'organization:org-vip']) {
      expect(asKey(key)).toBe('deny');
    }
    access.replace({ deny: ['ip:10.9.9.9', 'ip:10.0.0.0/8'] });
    expect(asKey('ip:10.9.9.9')).toBeUndefined();
  });

  test('name also whom a function tells, of a rule that applies or of the plan', () => {
    const tenant = jest.fn(({ path }: RateLimitRequest) => (path === '/none' ? null : 'acme'));
    const denied = { kind: 'deny', why: 'denied', what: 'custom:acme' };
    const access = { deny: [subjectOf('custom', 'acme')], allow: ['user:jane'] };
    const ofRule = compileRules({ rules: [{ id: 'r', match: '/api/*', by: tenant, rate: '1/s' }], access });
    expect(run(ofRule)).toEqual(denied);
    expect(tenant).toHaveBeenCalledTimes(1);
    expect(run(ofRule, { path: '/other', user: null })).toEqual({ kind: 'charge', charges: [] });
    const ofPlan = compileRules({ rate: '1/s', planBy: tenant, access });
    expect(run(ofPlan)).toEqual(denied);
    expect(run(ofPlan, { path: '/none' })).toEqual({ kind: 'bypass', why: 'allowed' });
  });

  test('come behind bypass', () => {
    const rules = compileRules({ ...OPTIONS, bypass: ['/api/health'], access: { deny: ['user:jane'] } });
    expect(run(rules, { path: '/api/health' })).toEqual({ kind: 'bypass', why: 'bypass' });
  });
});

describe('overrides', () => {
  test('nobody has one to begin with', () => {
    expect(quotas(limiter())).toEqual(ALL);
  });

  test('a rate or a list is the plan of a subject; keys stay', () => {
    const expected = [...ALL.slice(0, 2), ['', 500, 500]];
    expect(quotas(limiter({ overrides: { 'org-1': '500/h' } }))).toEqual(expected);
    expect(quotas(limiter({ overrides: { 'org-1': { requests: 500, windowMs: 3_600_000 } } }))).toEqual(
      expected,
    );
    expect(quotas(limiter({ overrides: { 'org-1': { plan: '500/h' } } }))).toEqual(expected);
    expect(quotas(limiter({ overrides: { 'org-1': ['500/h', '90/m'] } }))).toEqual([
      ...expected,
      ['@1m', 90, 90],
    ]);
    expect(quotas(limiter({ overrides: { 'org-1': 'unlimited' } }))).toEqual(ALL.slice(0, 2));
    expect(quotas(limiter({ overrides: { 'org-2': '500/h' } }))).toEqual(ALL);
    const noOrganization = { organization: null, user: null };
    for (const [name, ip] of [
      ['ip:2001:db8::7', '2001:db8::8'],
      ['ip:2001:db8::/64', '2001:db8::8'],
      ['ip:2002:cb00:7101::/48', '2002:cb00:7101:5::1'],
      ['ip:64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ] as const) {
      expect(quotas(limiter({ overrides: { [name]: '500/h' } }), { ...noOrganization, ip })).toEqual([
        ['', 500, 500],
      ]);
    }
    expect(quotas(limiter({ overrides: { 'organization:org-1': '500/h' } }))).toEqual(expected);
    const marked = limiter({ overrides: { 'organization:user:7': '500/h' } });
    expect(quotas(marked, { organization: 'user:7' })).toEqual(expected);
  });

  test('a rule of a subject; without a plan the override gives none', () => {
    const rules = { api: '90/m', burst: { rate: '7/s', burst: 70 } } as const;
    expect(quotas(limiter({ overrides: { 'user:jane': { rules } } }))).toEqual([
      ['api', 90, 90],
      ['burst', 7, 70],
      ...ALL.slice(2),
    ]);
    expect(
      quotas(limiter({ overrides: { 'user:jane': { rules: { burst: '7/s', api: 'unlimited' } } } })),
    ).toEqual([['burst', 7, 7], ...ALL.slice(2)]);
    expect(quotas(limiter({ overrides: { 'org-1': '500/h' } }), { plan: undefined })).toEqual(
      ALL.slice(0, 2),
    );
  });

  test('the threshold moves with the limit', () => {
    const rules = limiter({ overrides: { 'user:jane': { rules: { api: '200/m' } } } });
    const selection = run(rules);
    expect(selection).toMatchObject({ kind: 'charge', charges: [{ rule: { id: 'api', nearAt: 160 } }, {}] });
  });

  test('each limit so many times, rounded, whatever the plan', () => {
    const times = (multiply: number, subject = 'org-1') =>
      quotas(limiter({ overrides: { [subject]: { multiply } } }));
    const plan = ALL.slice(2).map(([counter, limit, burst]) => [counter, limit * 2, burst * 2]);
    expect(times(2)).toEqual([...ALL.slice(0, 2), ...plan]);
    expect(times(0.000_1)).toEqual([...ALL.slice(0, 2), ...plan.map(([counter]) => [counter, 1, 1])]);
    const rules = ALL.slice(0, 2).map(([counter, limit, burst]) => [counter, limit * 3, burst * 3]);
    expect(times(3, 'user:jane')).toEqual([...rules, ...ALL.slice(2)]);
    for (const wrong of [0, -1, NaN, Infinity, 1_001, '2', null]) {
      expect(() => times(wrong as number)).toThrow(/multiply must be a number above 0 and up to 1000/);
    }
    expect(() => limiter({ overrides: { a: { multiply: 2, plan: '1/s' } } as never })).toThrow(/plan/);
  });

  test('what is multiplied stays what can be counted, and nothing stays nothing', () => {
    const most = (rate: RateText, algorithm: Algorithm) => {
      const rules = compileRules({ rate, algorithm, access: { overrides: { a: { multiply: 1_000 } } } });
      return rules.access.planOf('a', rules.rate!)[0]!.quota.limit;
    };
    expect(most('9000/s', 'sliding-log')).toBe(10_000);
    expect(most('9007199254740/s', 'token-bucket')).toBe(9_007_199_254_740);
    expect(most('9007199254740991/s', 'fixed-window')).toBe(Number.MAX_SAFE_INTEGER);
    expect(most('0/s', 'fixed-window')).toBe(0);
  });

  test('the same rules each time, so that sets are found again', () => {
    const { access, rate } = compileRules({ rate: '5/s', access: { overrides: { a: { multiply: 2 } } } });
    expect(access.planOf('a', rate!)[0]).toBe(access.planOf('a', rate!)[0]);
  });

  test('of a limiter with one rate it is that rate', () => {
    const rules = compileRules({
      rate: '5/s',
      algorithm: 'sliding-log',
      access: { overrides: { a: '9/s', b: 'unlimited' } },
    });
    const rate = rules.rate ?? [];
    expect(rules.access.planOf('a', rate)).toMatchObject([
      { id: 'rate', counter: '@rate-sliding-log-1s', quota: { algorithm: 'sliding-log', limit: 9 } },
    ]);
    expect(rules.access.planOf('b', rate)).toEqual([]);
    expect(rules.access.planOf('c', rate)).toBe(rate);
  });
});

describe('at run time', () => {
  test('one by one', () => {
    const rules = limiter();
    rules.access.deny('user:jane');
    expect(run(rules).kind).toBe('deny');
    rules.access.allow('user:jane');
    expect(run(rules).kind).toBe('bypass');
    expect(rules.access.remove('user:jane')).toBe(true);
    expect(rules.access.remove('user:jane')).toBe(false);
    expect(run(rules).kind).toBe('charge');
    rules.access.override('user:jane', { rules: { api: '1/m' } });
    expect(quotas(rules)[0]).toEqual(['api', 1, 1]);
    rules.access.remove('user:jane');
    expect(quotas(rules)).toEqual(ALL);
    rules.access.deny('ip:192.0.2.0/24');
    expect(run(rules).kind).toBe('deny');
    rules.access.allow('ip:192.0.0.0/16');
    expect(run(rules).kind).toBe('deny');
    expect(rules.access.remove('ip:192.0.0.0/16')).toBe(true);
    expect(rules.access.remove('ip:192.0.2.0/24')).toBe(true);
    expect(run(rules).kind).toBe('charge');
    // By whatever text, and not another entry.
    for (const [given, same] of [
      ['ip:2001:DB8:0::/48', 'ip:2001:db8::1/48'],
      ['ip:10.1.2.3/8', 'ip:::ffff:10.0.0.0/104'],
      ['ip:2001:db8::0:7', 'ip:2001:DB8::7'],
    ] as const) {
      rules.access.replace({ deny: [given] });
      expect(rules.access.remove('ip:2001:db8::/64')).toBe(false);
      expect(rules.access.remove(same)).toBe(true);
      expect(rules.access.isEmpty).toBe(true);
    }
  });

  test('a subject that is charged again has the same rule object', () => {
    const rules = limiter({ overrides: { 'org-1': '500/h' } });
    expect(rules.access.planOf('org-1', [])).toBe(rules.access.planOf('org-1', []));
  });

  test('all at once, or nothing where one is wrong', () => {
    const rules = limiter({ deny: ['user:eve'], overrides: { 'org-1': '500/h' } });
    const before = rules.access.entries();
    expect(before).toEqual({ allow: [], deny: ['user:eve'], overrides: { 'org-1': '500/h' } });
    expect(() =>
      rules.access.replace({ allow: ['user:jane'], overrides: { 'org-1': '1/hour' as Rate } }),
    ).toThrow();
    expect(rules.access.entries()).toEqual(before);
    rules.access.replace({ allow: ['user:jane', 'ip:10.0.0.0/8'] });
    expect(rules.access.entries()).toEqual({
      allow: ['user:jane', 'ip:10.0.0.0/8'],
      deny: [],
      overrides: {},
    });
    expect(quotas(rules, { user: null })).toEqual(ALL.slice(2));
    rules.access.replace(rules.access.entries());
    expect(run(rules).kind).toBe('bypass');
  });

  test('names that objects have are subjects like others', () => {
    const rules = limiter(JSON.parse('{"overrides": {"__proto__": "7/h", "constructor": "8/h"}}') as object);
    expect(quotas(rules, { organization: '__proto__' }).at(-1)).toEqual(['', 7, 7]);
    expect(quotas(rules, { organization: 'constructor' }).at(-1)).toEqual(['', 8, 8]);
    expect(quotas(rules, { organization: 'toString' })).toEqual(ALL);
    expect(Object.keys(rules.access.entries().overrides)).toEqual(['__proto__', 'constructor']);
  });
});

test.each<[unknown, RegExp]>([
  [[], /must be an object/],
  [{ block: [] }, /Unknown option "block"/],
  [{ allow: 'user:jane' }, /^allow must be a list/],
  [{ allow: [''] }, /^allow\[0\]: /],
  [{ deny: ['a', 5] }, /^deny\[1\]: /],
  [{ deny: ['ip:garbage'] }, /^deny\[0\]: "garbage" is no address/],
  [{ deny: ['ip:10.0.0.0/33'] }, /no network/],
  [{ overrides: [] }, /^overrides must be an object/],
  [{ overrides: { a: '1/hour' } }, /^overrides\["a"\]: "1\/hour"/],
  [{ overrides: { a: { rules: { nope: '1/s' } } } }, /there is no rule "nope". Known are: api, burst, open/],
  [{ overrides: { a: { rules: { toString: '1/s' } } } }, /there is no rule/],
  [{ overrides: { a: { rules: { api: { rate: '1/s', burst: 5 } } } } }, /only algorithm 'token-bucket'/],
  [{ overrides: { a: { rules: { api: { rate: '1/s', algorithm: 'sliding-log' } } } } }, /algorithm/],
  [{ overrides: { a: { rules: { open: '1/s' } } } }, /is unlimited/],
  [{ overrides: { a: { plan: '1/s', rule: {} } } }, /Did you mean overrides\["a"\]\.rules\?/],
  [{ overrides: { a: ['1/d', { id: 'api', rate: '1/s' }] } }, /"api" is the id of one of the rules/],
  [{ overrides: { 'ip:10.0.0.0/8': '1/s' } }, /a network has no limits/],
  [{ deny: ['global:all'] }, /^deny\[0\]: global: names nobody/],
  [{ allow: ['endpoint:/api'] }, /organization:endpoint:/],
  [{ overrides: { 'ip:2001:db8::/48': '1/s' } }, /a network has no limits/],
  [{ overrides: { 'ip:2002:cb00::/32': '1/s' } }, /a network has no limits/],
  [{ deny: ['apiKey:sk_live_1'] }, /^deny\[0\]: [^_]*subjectOf\('apiKey', key\)\.$/],
  [{ overrides: { 'apiKey:sk_live_1': '1/s' } }, /^overrides\[apiKey:…\]: [^_]*$/],
])('refuses the access list %j', (access, message) => {
  const error = refusalOf(() => limiter(access as RuleOptions['access']));
  expect(error.code).toBe('ERR_INVALID_OPTION');
  expect(error.message).toMatch(message);
});
