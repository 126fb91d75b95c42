import { compileRules, withPlans, type RuleOptions } from '../../lib/rules/compile';
import type { RateLimitRequest } from '../../lib/rules/identity';
import { selectRules, type Selection } from '../../lib/rules/select';
import { refusalOf } from './refusal';

const REQUEST: RateLimitRequest = { method: 'GET', path: '/api/users', ip: '192.0.2.1' };

/** Rules of these tests are put together from parts, whose rates are any text to TypeScript. */
type Parts = {
  [Option in keyof RuleOptions]: Option extends 'rules' | 'plans' ? object : RuleOptions[Option];
};

const compile = (options: Parts) => compileRules(options as RuleOptions);

function select(options: Parts, request: Partial<RateLimitRequest> = {}): Selection {
  return selectRules(compile(options), { ...REQUEST, ...request });
}

/** The rules and subjects that are charged, as text. */
function charged(options: Parts, request: Partial<RateLimitRequest> = {}): string[] {
  const selection = select(options, request);
  if (selection.kind !== 'charge') throw new Error(`expected charges, not ${JSON.stringify(selection)}`);
  return selection.charges.map(({ rule, subject }) => `${rule.id} ${subject}`);
}

describe('which rules', () => {
  const rules = [
    { id: 'all', match: '*', rate: '1000/m' },
    { id: 'api', match: '/api/*', rate: '100/m' },
    { id: 'get-api', match: 'GET:/api/*', rate: '90/m' },
    { id: 'users', match: '/api/users', rate: '10/m' },
    { id: 'auth', match: 'POST:/api/auth/*', rate: '5/m' },
  ];

  test('all that match, the most specific first', () => {
    expect(charged({ rules })).toEqual([
      'users ip:192.0.2.1',
      'get-api ip:192.0.2.1',
      'api ip:192.0.2.1',
      'all ip:192.0.2.1',
    ]);
    expect(charged({ rules }, { method: 'POST', path: '/api/auth/x' })).toEqual([
      'auth ip:192.0.2.1',
      'api ip:192.0.2.1',
      'all ip:192.0.2.1',
    ]);
    expect(charged({ rules: rules.slice(1) }, { path: '/' })).toEqual([]);
  });

  test('of a group only the most specific', () => {
    const grouped = rules.map((rule) => (rule.id === 'all' ? rule : { ...rule, group: 'g' }));
    expect(charged({ rules: grouped })).toEqual(['users ip:192.0.2.1', 'all ip:192.0.2.1']);
    expect(charged({ rules: grouped }, { path: '/api/x' })).toEqual([
      'get-api ip:192.0.2.1',
      'all ip:192.0.2.1',
    ]);
  });

  test('an unlimited rule exempts from its group, and from nothing else', () => {
    const exempt = { id: 'exempt', match: '/api/users', rate: 'unlimited', group: 'g' };
    const api = { ...rules[1]!, group: 'g' };
    expect(charged({ rules: [api, exempt, rules[0]!] })).toEqual(['all ip:192.0.2.1']);
    expect(charged({ rules: [api, exempt] }, { path: '/api/x' })).toEqual(['api ip:192.0.2.1']);
  });

  test('a rule with several patterns is charged once, at its most specific place', () => {
    const several = { id: 'several', match: ['/api/*', 'GET:/api/users', '/other'], rate: '1/s' };
    expect(charged({ rules: [rules[3]!, several] })).toEqual(['several ip:192.0.2.1', 'users ip:192.0.2.1']);
    expect(charged({ rules: [several] }, { path: '/elsewhere' })).toEqual([]);
  });

  test('a rule that is bypassed leaves its place in the group to the next', () => {
    const bypass = ({ plan }: RateLimitRequest) => plan === 'PRO';
    const options = {
      plans: { PRO: 'unlimited' },
      rules: [
        { ...rules[3]!, group: 'g', bypass },
        { ...rules[1]!, group: 'g' },
      ],
    };
    expect(charged(options)).toEqual(['users ip:192.0.2.1']);
    expect(charged(options, { plan: 'PRO' })).toEqual(['api ip:192.0.2.1']);
  });

  test('so does one that has no identity and says skip, also where it is unlimited', () => {
    for (const rate of ['9/m', 'unlimited']) {
      const user = { ...rules[3]!, rate, group: 'g', by: 'user' as const, missing: 'skip' as const };
      const options = { rules: [user, { ...rules[1]!, group: 'g' }] };
      expect(charged(options)).toEqual(['api ip:192.0.2.1']);
      expect(charged(options, { user: 'jane' })).toEqual(rate === 'unlimited' ? [] : ['users user:jane']);
    }
  });

  test('one that is only tried out takes no place in a group from those that hold', () => {
    const tried = { ...rules[3]!, group: 'g', shadow: true };
    const options = { rules: [tried, { ...rules[1]!, group: 'g' }, { ...rules[0]!, group: 'g' }] };
    expect(charged(options)).toEqual(['users ip:192.0.2.1', 'api ip:192.0.2.1']);
    const both = {
      rules: [
        { ...tried, shadow: false },
        { ...rules[1]!, group: 'g', shadow: true },
      ],
    };
    expect(charged(both)).toEqual(['users ip:192.0.2.1']);
  });

  test('a path that can also be read like an exempt one is not exempt', () => {
    const match = ['/api/health', '/api/public/*'];
    const options = {
      rules: [
        { id: 'exempt', match, rate: 'unlimited', group: 'g' },
        { ...rules[1]!, group: 'g' },
      ],
    };
    expect(charged(options, { path: '/api/health' })).toEqual([]);
    expect(charged(options, { path: '/api/public/./x' })).toEqual([]);
    for (const path of [
      '/api/users/..%2Fhealth',
      '/api/public/..\\users',
      '/api/public/%2e%2e/users',
      '/api/public/..%2Fusers',
    ]) {
      expect(charged(options, { path })).toEqual(['api ip:192.0.2.1']);
    }
  });

  describe('other letters than those of its pattern', () => {
    const me = { id: 'me', match: '/api/users/me', rate: 'unlimited', group: 'g' };
    const users = { id: 'users', match: '/api/users/*', rate: '100/m', group: 'g' };
    const ME = ['/api/users/ME', '/api/users/%4dE', '/API/users/me', '/API/USERS/ME', '/api/users/%6de'];
    const others = [...ME, '/api/users/./me', '/api//users/me', '/api/users/me//', '/api/users/me;v=1'];

    test.each(others)('exempt from nothing: %s', (path) => {
      expect(charged({ rules: [me, users] }, { path })).toEqual(['users ip:192.0.2.1']);
    });

    test.each(['/api/users/me', '/api/users/me/', '/api/users/me?x=ME'])('are not those of %s', (path) => {
      expect(charged({ rules: [me, users] }, { path })).toEqual([]);
    });

    test.each<[string, object]>([
      ['more in the same time', { rate: '101/m' }],
      ['as many in a shorter time', { rate: '100/30s' }],
      ['by another algorithm', { rate: '5/m', algorithm: 'sliding-log' }],
      ['for whom else it counts', { rate: '5/m', by: 'user' }],
      ['where nobody is known', { rate: '5/m', missing: 'shared' }],
    ])('a rule that is looser, %s, holds beside the next', (_, looser) => {
      const options = { rules: [{ ...me, ...looser }, users] };
      const user = { user: 'jane' };
      for (const path of ME) {
        expect(charged(options, { path, ...user })).toEqual([
          expect.stringMatching(/^me /),
          'users ip:192.0.2.1',
        ]);
      }
      expect(charged(options, { path: '/api/users/me', ...user })).toHaveLength(1);
    });

    test.each(['100/m', '5/m', '100/h'])(
      'a rule that is no looser, %s, has the place in them as well',
      (rate) => {
        for (const path of [...ME.slice(0, 3), '/api/users/me']) {
          expect(charged({ rules: [{ ...me, rate }, users] }, { path })).toEqual(['me ip:192.0.2.1']);
        }
      },
    );

    test('a burst that is larger is looser', () => {
      const bucket = { algorithm: 'token-bucket' } as const;
      const rules = [
        { ...me, ...bucket, rate: '5/m', burst: 200 },
        { ...users, ...bucket },
      ];
      expect(charged({ rules }, { path: '/api/users/ME' })).toHaveLength(2);
    });

    test('a stricter rule behind an exempt one holds, in the letters of neither', () => {
      const all = { id: 'all', match: '/api/*', rate: '1000/m', group: 'g' };
      const path = '/API/USERS/ME';
      expect(charged({ rules: [me, users, all] }, { path })).toEqual(['users ip:192.0.2.1']);
      expect(charged({ rules: [me, { ...users, rate: '2000/m' }, all] }, { path })).toEqual([
        'users ip:192.0.2.1',
        'all ip:192.0.2.1',
      ]);
    });

    test('more than 8 rules that only they bring together are refused when they are given', () => {
      const seven = Array.from({ length: 7 }, (_, i) => ({ id: `r${i}`, rate: '1/s' }));
      const looser = { ...me, rate: '200/m' };
      expect(charged({ rules: [...seven, me, users] }, { path: '/api/users/ME' })).toHaveLength(8);
      expect(refusalOf(() => compile({ rules: [...seven, looser, users] })).message).toMatch(/at most 8/);
    });
  });

  test('ways of writing the path make no difference', () => {
    for (const path of [
      '/api/users/',
      '//api/users',
      '/API/users',
      '/x/../api/users',
      '/api%2Fusers',
      '/api/users?a=b',
    ]) {
      expect(charged({ rules })).toEqual(charged({ rules }, { path }));
    }
  });

  test('more than 8 together are refused when they are given', () => {
    const many = Array.from({ length: 8 }, (_, i) => ({
      id: `r${i}`,
      rate: '1/s',
      match: i < 4 ? '/a/*' : '/a/b/*',
    }));
    const nine = [...many, { id: 'r8', rate: '1/s', match: 'POST:/a/b/c' }];
    expect(charged({ rules: many }, { path: '/a/b' })).toHaveLength(8);
    expect(refusalOf(() => compile({ rules: nine })).message).toMatch(/at most 8 rules/);
    expect(refusalOf(() => compile({ rules: many, plans: { A: '1/s' } })).message).toMatch(/the 1 of a plan/);
    const apart = [...many, { id: 'r8', rate: '1/s', match: '/b/*' }];
    expect(charged({ rules: apart }, { path: '/b' })).toHaveLength(1);
    const grouped = nine.map((rule) => ({ ...rule, group: 'g' }));
    expect(charged({ rules: grouped }, { method: 'POST', path: '/a/b/c' })).toEqual(['r8 ip:192.0.2.1']);
  });

  test('what only stars bring together is refused when it happens', () => {
    const crossed = Array.from({ length: 9 }, (_, i) => ({
      id: `r${i}`,
      rate: '1/s',
      match: i < 5 ? '/a/*/c' : '/*/b/c',
    }));
    expect(charged({ rules: crossed }, { path: '/a/x/c' })).toHaveLength(5);
    expect(refusalOf(() => select({ rules: crossed }, { path: '/a/b/c' })).code).toBe('ERR_INVALID_OPTION');
  });
});

describe('plans', () => {
  const plans = { FREE: ['100/h', '10/m'], PRO: 'unlimited' };
  const rules = [{ id: 'api', match: '/api/*', rate: '5/s' }];

  test('come behind the rules, and count the organization, else the user, the key, the address', () => {
    const whole = { organization: 'org-1', user: 'jane', apiKey: 'k', plan: 'FREE' };
    expect(charged({ plans, rules }, whole)).toEqual(['api ip:192.0.2.1', 'FREE org-1', 'FREE:1m org-1']);
    expect(charged({ plans }, { ...whole, organization: null })).toEqual([
      'FREE user:jane',
      'FREE:1m user:jane',
    ]);
    expect(charged({ plans }, { plan: 'FREE' })).toEqual(['FREE ip:192.0.2.1', 'FREE:1m ip:192.0.2.1']);
    expect(charged({ plans, planBy: 'user' }, whole)).toEqual(['FREE user:jane', 'FREE:1m user:jane']);
    expect(select({ plans, planBy: 'user' }, { plan: 'FREE' })).toEqual({
      kind: 'deny',
      why: 'missing',
      what: 'plan',
    });
  });

  test('one that is unlimited charges nothing and asks for nobody', () => {
    expect(charged({ plans }, { plan: 'PRO', ip: null })).toEqual([]);
  });

  test.each(['PROO', 'free', '__proto__', 'constructor', ''])('%j is not one', (plan) => {
    expect(refusalOf(() => select({ plans, bypass: ['/api/*'] }, { plan })).code).toBe('ERR_UNKNOWN_PLAN');
  });

  test('where there are none, the error says to leave the plan out', () => {
    const refused = (options: Parts) => refusalOf(() => select(options, { plan: 'FREE' })).message;
    expect(refused({ rate: '1/s' })).toMatch(/one rate: leave the plan out\.$/);
    expect(refused({ rules })).toMatch(/for requests only: leave the plan out\.$/);
    expect(refused({ plans: { A: '1/s' } })).toMatch(
      /Use one of "A", or a limiter that has it: createRateLimiter\(\{ plans \}\)\.$/,
    );
  });

  test('may be replaced at run time; the keys stay', () => {
    const before = compile({ plans, rules });
    const after = withPlans(before, { FREE: ['50/h', '5/m'], TEAM: '9/h' });
    const keys = (compiled: typeof before, plan: string) =>
      compiled.plans.get(plan)?.map(({ counter }) => counter);
    expect(keys(after, 'FREE')).toEqual(keys(before, 'FREE'));
    expect([...after.plans.keys()]).toEqual(['FREE', 'TEAM']);
    expect(after.plans.get('FREE')?.[0]?.quota.limit).toBe(50);
    expect(after.access).toBe(before.access);
    expect(() => withPlans(before, { FREE: '1/hour' })).toThrow(/plans\.FREE/);
    expect(before.plans.get('FREE')?.[0]?.quota.limit).toBe(100);
    expect(() => withPlans(compile({ rate: '1/s' }), plans)).toThrow(/one rate/);
  });

  test('share no id with the rules', () => {
    expect(() => compile({ plans: { api: '1/s' }, rules })).toThrow(/^plans\.api: "api"/);
    expect(() => compile({ plans: { A: ['1/d', { id: 'api', rate: '1/s' }] }, rules })).toThrow(/"api"/);
  });
});

describe('bypass', () => {
  const rules = [{ id: 'all', rate: '1/s' }];
  const bypass = ['/api/health', 'POST:/api/webhooks/stripe', '/api/cron/*'];

  test.each([
    ['GET', '/api/health', true],
    ['GET', '/api/healthX', false],
    ['GET', '/api/health/../users', false],
    ['GET', '/api/users/..%2Fhealth', false],
    ['POST', '/api/webhooks/stripe', true],
    ['GET', '/api/webhooks/stripe', false],
    ['GET', '/api/cron/daily', true],
    ['GET', '/api/cronies', false],
  ])('%s %s: %p', (method, path, expected) => {
    const selection = select({ rules, bypass }, { method, path });
    expect(selection.kind).toBe(expected ? 'bypass' : 'charge');
  });

  test('a function leaves a request out; only true does', () => {
    const isAdmin = (request: RateLimitRequest) => request.user === 'admin';
    for (const given of [isAdmin, [isAdmin], ['/none', () => false, isAdmin]]) {
      expect(select({ rules, bypass: given }, { user: 'admin' })).toEqual({ kind: 'bypass', why: 'bypass' });
      expect(select({ rules, bypass: given }).kind).toBe('charge');
    }
    const promise = (() => Promise.resolve(true)) as unknown as () => boolean;
    expect(select({ rules, bypass: promise }).kind).toBe('charge');
  });

  test('one pattern needs no list', () => {
    expect(select({ rules, bypass: '/api/*' }).kind).toBe('bypass');
    expect(select({ rules, bypass: '/other' }).kind).toBe('charge');
    expect(select({ rules, bypass: [] }).kind).toBe('charge');
  });

  test('of a rule leaves that rule out, in the exact letters of its pattern', () => {
    const one = {
      id: 'one',
      match: '/api/*',
      rate: '9/m',
      bypass: ['/api/health', ({ user }: RateLimitRequest) => user === 'admin'],
    };
    const other = { id: 'other', rate: '9/m' };
    const both = ['one ip:192.0.2.1', 'other ip:192.0.2.1'];
    expect(charged({ rules: [one, other] })).toEqual(both);
    expect(charged({ rules: [one, other] }, { path: '/api/HEALTH' })).toEqual(both);
    expect(charged({ rules: [one, other] }, { path: '/api/health' })).toEqual(both.slice(1));
    expect(charged({ rules: [one, other] }, { user: 'admin' })).toEqual(both.slice(1));
  });
});

test('a request has a method and a path', () => {
  for (const request of [
    null,
    undefined,
    'GET /',
    {},
    { path: '/' },
    { method: '', path: '/' },
    { method: 'GET' },
  ]) {
    const compiled = compile({ rules: [{ id: 'r', rate: '1/s' }] });
    expect(refusalOf(() => selectRules(compiled, request as RateLimitRequest)).code).toBe(
      'ERR_INVALID_OPTION',
    );
  }
});

test.each<[unknown, RegExp]>([
  [{}, /Give plans/],
  [{ plans: { A: '1/s' }, rate: '1/s' }, /either plans/],
  [{ rules: [] }, /^rules is empty/],
  [{ rules: {} }, /^rules must be a list/],
  [{ rules: ['1/s'] }, /^rules\[0\] must be an object/],
  [{ rules: [{ rate: '1/s' }] }, /^rules\[0\]\.id must be/],
  [{ rules: [{ id: 'a' }] }, /^rules\[0\]\.rate must be/],
  [{ rules: [{ id: 'a', rate: '1/hour' }] }, /^rules\[0\]\.rate: "1\/hour"/],
  [
    {
      rules: [
        { id: 'a', rate: '1/s' },
        { id: 'a', rate: '1/s' },
      ],
    },
    /^rules\[1\]\.id: "a" is taken by rules\[0\]/,
  ],
  [{ rules: [{ id: 'a', rate: '1/s', path: '/x' }] }, /"rules\[0\]\.path"/],
  [{ rules: [{ id: 'a', rate: '1/s', match: [] }] }, /^rules\[0\]\.match is empty/],
  [{ rules: [{ id: 'a', rate: '1/s', match: ['/ok', 'no'] }] }, /^rules\[0\]\.match\[1\]: "no"/],
  [{ rules: [{ id: 'a', rate: '1/s', by: 'IP' }] }, /^rules\[0\]\.by must be one of ip, user/],
  [{ rules: [{ id: 'a', rate: '1/s', by: [] }] }, /^rules\[0\]\.by is empty/],
  [{ rules: [{ id: 'a', rate: '1/s', by: ['ip', null] }] }, /^rules\[0\]\.by\[1\] must be/],
  [{ rules: [{ id: 'a', rate: '1/s', group: '' }] }, /^rules\[0\]\.group must be/],
  [
    { rules: [{ id: 'a', rate: '1/s', bypass: true }] },
    /^rules\[0\]\.bypass must be a pattern .* a function/,
  ],
  [{ rate: '1/s', bypass: ['/x', null] }, /^bypass\[1\] must be a pattern .* a function/],
  [{ rules: [{ id: 'a', rate: '1/s', missing: 'allow' }] }, /^rules\[0\]\.missing must be one of/],
  [{ rate: '1/s', bypass: '/x/' }, /^bypass: .*'\/x\/\*'/],
  [{ rate: '1/s', bypass: ['/api/cron/'] }, /^bypass\[0\]: .*'\/api\/cron\/\*'/],
  [{ rate: '1/s', bypass: ['/api/health*'] }, /^bypass\[0\]: /],
  [{ rate: '1/s', burst: 5 }, /^burst: only algorithm/],
  [{ rate: '1/s', ipv6Subnet: 0 }, /^ipv6Subnet must be/],
  [{ rate: '1/s', nearLimit: 2 }, /^nearLimit must be/],
  [{ rate: '1/s', planBy: 'tenant' }, /^planBy must be/],
  [{ rate: '1/s', byPass: [] }, /Did you mean bypass\?/],
])('refuses the rules %j', (options, message) => {
  const error = refusalOf(() => compile(options as RuleOptions));
  expect(error.code).toBe('ERR_INVALID_OPTION');
  expect(error.message).toMatch(message);
});
