/** Plans of several rules, rules for requests and lists, through the public API on both stores. */
import {
  createRateLimiter,
  rateLimitHeaders,
  subjectOf,
  TIERS,
  type Decision,
  type RequestRule,
  type RuleResult,
} from 'spillway';
import { bothStores } from './support/both-stores';
import { FakeRedis } from './support/fake-redis';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.close());

const left = ({ rules }: Decision) => rules.map(({ remaining }) => remaining);
const ids = ({ rules }: Decision) => rules.map(({ rule }) => rule);

describe.each(bothStores(() => server))('%s', (source, common) => {
  describe('plans of several rules', () => {
    test('a denial by one charges none', async () => {
      const limiter = await own(
        createRateLimiter({
          ...common(),
          plans: { P: ['100/h', '3/m', { rate: '50/d', algorithm: 'sliding-log' }] },
        }),
      );
      await times(3, () => limiter.check('k', 'P'));
      const denials = await times(5, () => limiter.check('k', 'P'));
      for (const denied of denials) {
        expect(denied).toMatchObject({ allowed: false, reason: 'limit', rule: 'P:1m', limit: 3, source });
        expect(denied.rules.map(({ allowed }) => allowed)).toEqual([true, false, true]);
        expect(left(denied)).toEqual([97, 0, 47]);
      }
      expect(await limiter.peek('k', 'P')).toMatchObject({ allowed: false, rule: 'P:1m' });
      expect(left(await limiter.peek('k', 'P'))).toEqual([97, 0, 47]);
    });

    test('one step for checks that ask at once', async () => {
      const limiter = await own(createRateLimiter({ ...common(), plans: { P: ['10/h', '4/m'] } }));
      const decisions = await times(9, () => limiter.check('k', 'P'));
      expect(decisions.map(({ allowed }) => allowed)).toEqual([
        ...Array(4).fill(true),
        ...Array(5).fill(false),
      ]);
      expect(decisions.slice(0, 4).map(left)).toEqual([
        [9, 3],
        [8, 2],
        [7, 1],
        [6, 0],
      ]);
      expect(left(await limiter.peek('k', 'P'))).toEqual([6, 0]);
    });

    test('the tiers', async () => {
      const limiter = await own(createRateLimiter({ ...common(), plans: TIERS }));
      const free = await times(11, () => limiter.check('f', 'free'));
      expect(free.filter(({ allowed }) => allowed)).toHaveLength(10);
      const premium = await times(101, () => limiter.check('p', 'premium'));
      expect(premium.filter(({ allowed }) => allowed)).toHaveLength(100);
      expect(premium[100]).toMatchObject({ reason: 'limit', rule: 'premium:token-bucket-1m', limit: 50 });
      expect(left(await limiter.check('e', 'enterprise', { cost: 500 }))).toEqual([9_500, 0]);
      expect(await limiter.check('e', 'enterprise', { cost: 501 })).toMatchObject({ reason: 'never-fits' });
    });

    test('a plan that changes keeps the counts that both have', async () => {
      const limiter = await own(
        createRateLimiter({ ...common(), plans: { A: ['100/h', '10/m'], B: ['1000/h', '50/m'] } }),
      );
      await times(4, () => limiter.check('k', 'A'));
      expect(left(await limiter.check('k', 'B'))).toEqual([995, 45]);
    });

    test('other plans at run time, in the middle of a window', async () => {
      const limiter = await own(createRateLimiter({ ...common(), plans: { A: '100/h', B: '1000/h' } }));
      const first = await limiter.check('k', 'A', { cost: 2 });
      limiter.setPlans({ A: ['10/h', '5/m'], B: 'unlimited' });
      expect(left(await limiter.check('k', 'A'))).toEqual([7, 4]);
      expect(await limiter.check('k', 'B')).toMatchObject({ allowed: true, reason: 'ok', rules: [] });
      expect(() => limiter.setPlans({ A: '1/hour', B: '1/s' })).toThrow(/plans\.A/);
      expect(left(await limiter.check('k', 'A'))).toEqual([6, 3]);
      // What was charged before can still be given back.
      expect(await limiter.refund(first)).toBe(true);
      expect(left(await limiter.peek('k', 'A'))).toEqual([8, 3]);
    });

    test('unlimited says so and asks nobody', async () => {
      const fake = await own(FakeRedis.start());
      const limiter = await own(
        createRateLimiter({ redis: fake.url, plans: { ALL: 'unlimited', SOME: '1/h' } }),
      );
      expect(await limiter.check('k', 'ALL', { cost: 1_000 })).toMatchObject({
        allowed: true,
        reason: 'ok',
        limit: Infinity,
        remaining: Infinity,
        rule: '',
        rules: [],
      });
      expect(await limiter.peek('k', 'ALL')).toMatchObject({ allowed: true });
      expect(limiter.headers(await limiter.check('k', 'ALL'))).toEqual({});
      expect(await limiter.refund(await limiter.check('k', 'ALL'))).toBe(false);
      await expect(limiter.check('', 'ALL')).rejects.toMatchObject({ code: 'ERR_INVALID_KEY' });
      expect(fake.accepted).toHaveLength(0);
    });

    test('a refund goes to every rule that still holds the charge', async () => {
      const limiter = await own(
        createRateLimiter({
          ...common(),
          plans: {
            P: [
              '100/h',
              { rate: '10/m', algorithm: 'sliding-window' },
              { rate: '9/d', algorithm: 'token-bucket' },
            ],
          },
        }),
      );
      const decision = await limiter.check('k', 'P', { cost: 5 });
      expect(left(decision)).toEqual([95, 5, 4]);
      expect(await limiter.refund(decision, 3)).toBe(true);
      expect(left(await limiter.peek('k', 'P'))).toEqual([98, 8, 7]);
    });

    test('block and reset reach all rules of all plans of a key, and no other key', async () => {
      const limiter = await own(
        createRateLimiter({
          ...common(),
          plans: {
            A: ['10/h', '5/m'],
            B: { rate: '7/m', algorithm: 'token-bucket' },
            C: Array.from({ length: 8 }, (_, i) => `10/${i + 2}s`),
          },
        }),
      );
      for (const key of ['k', 'k2', 'K', 'k:1m', 'k}:@1m']) {
        for (const plan of ['A', 'B', 'C'] as const) await limiter.check(key, plan);
      }
      await limiter.block('k', 60_000);
      for (const plan of ['A', 'B', 'C'] as const) {
        const denied = await limiter.check('k', plan);
        expect(denied).toMatchObject({ allowed: false, reason: 'blocked' });
        expect(denied.rules.every(({ allowed }) => !allowed)).toBe(true);
      }
      expect(await limiter.reset('k')).toBe(true);
      expect(await limiter.reset('k')).toBe(false);
      expect(left(await limiter.peek('k', 'A'))).toEqual([10, 5]);
      expect(left(await limiter.peek('k', 'B'))).toEqual([7]);
      for (const other of ['k2', 'K', 'k:1m', 'k}:@1m']) {
        expect(left(await limiter.peek(other, 'A'))).toEqual([8, 4]);
        expect(left(await limiter.peek(other, 'B'))).toEqual([6]);
      }
    });
  });

  describe('rules for requests', () => {
    const rules: RequestRule[] = [
      { id: 'signin', match: 'POST:/api/auth/signin', rate: '2/h', group: 'api' },
      {
        id: 'api',
        match: '/api/*',
        by: ['user', 'ip'],
        rate: '5/h',
        algorithm: 'sliding-window',
        group: 'api',
      },
      { id: 'everybody', by: 'global', rate: '1000/h' },
    ];
    const at = (path: string, more: object = {}) => ({ method: 'GET', path, ip: '192.0.2.1', ...more });

    test('each counts whom it says, and the plan of the organization with them', async () => {
      const limiter = await own(
        createRateLimiter({
          ...common(),
          rules,
          plans: { FREE: ['100/h', '10/m'] },
          bypass: ['/api/health'],
        }),
      );
      const decision = await limiter.checkRequest(
        at('/api/data', { user: '7', organization: 'org', plan: 'FREE' }),
      );
      expect(ids(decision)).toEqual(['api', 'everybody', 'FREE', 'FREE:1m']);
      expect(decision.rules.map(({ subject, scope }: RuleResult) => [scope, subject])).toEqual([
        ['user', 'user:7'],
        ['global', 'global:all'],
        ['organization', 'org'],
        ['organization', 'org'],
      ]);
      expect(left(decision)).toEqual([4, 999, 99, 9]);
      // One count, whichever way it is asked.
      expect(left(await limiter.check('org', 'FREE'))).toEqual([98, 8]);
      expect(left(await limiter.checkRequest(at('/elsewhere')))).toEqual([998]);
    });

    test('of a group the most specific alone', async () => {
      const limiter = await own(createRateLimiter({ ...common(), rules }));
      const signin = { ...at('/api/auth/signin'), method: 'POST' };
      const [first, second, third] = await times(3, () => limiter.checkRequest(signin));
      expect(ids(first!)).toEqual(['signin', 'everybody']);
      expect([second?.allowed, third?.allowed]).toEqual([true, false]);
      expect(third).toMatchObject({ rule: 'signin', reason: 'limit' });
      // No other way of writing it, and no other door to the same house, buys more.
      for (const path of [
        '/api//auth/./signin',
        '/API/auth/signin/',
        '/api/x/../auth/signin?a=1',
        '/api%2Fauth/signin',
      ]) {
        expect(await limiter.checkRequest({ ...signin, path })).toMatchObject({
          allowed: false,
          rule: 'signin',
        });
      }
      const elsewhere = await limiter.checkRequest({ ...signin, ip: '192.0.2.2' });
      expect(elsewhere.allowed).toBe(true);
      expect(left(elsewhere)).toEqual([1, 997]);
    });

    test('a bypass or a skip counts nothing', async () => {
      const limiter = await own(
        createRateLimiter({
          ...common(),
          rules,
          bypass: ['/api/health', '/assets/*'],
          skip: ({ user }) => user === 'robot',
        }),
      );
      for (const request of [at('/api/health'), at('/assets/a/b.js'), at('/api/data', { user: 'robot' })]) {
        expect(await limiter.checkRequest(request)).toMatchObject({
          allowed: true,
          reason: 'bypass',
          rules: [],
          source: 'policy',
        });
      }
      expect(ids(await limiter.checkRequest(at('/api/healthX')))).toEqual(['api', 'everybody']);
    });

    test('a request without identity is denied by name, unless the rule says otherwise', async () => {
      const limiter = await own(
        createRateLimiter({
          ...common(),
          rules: [
            { id: 'strict', match: '/a', by: 'user', rate: '5/h' },
            { id: 'lax', match: '/b', by: 'user', rate: '5/h', missing: 'skip' },
            { id: 'together', match: '/c', by: 'user', rate: '5/h', missing: 'shared' },
          ],
        }),
      );
      expect(await limiter.checkRequest(at('/a'))).toMatchObject({
        allowed: false,
        reason: 'policy',
        rule: 'strict',
        rules: [],
      });
      expect(await limiter.checkRequest(at('/b'))).toMatchObject({ allowed: true, rules: [] });
      expect(left(await limiter.checkRequest(at('/c')))).toEqual([4]);
      expect(left(await limiter.checkRequest(at('/c', { ip: '192.0.2.9' })))).toEqual([3]);
    });

    test('a rule that is tried out counts and reports and denies nobody', async () => {
      const limiter = await own(
        createRateLimiter({
          ...common(),
          rules: [
            { id: 'tried', rate: '2/h', shadow: true },
            { id: 'real', rate: '4/h' },
          ],
        }),
      );
      const decisions = [];
      for (let i = 0; i < 5; i++) decisions.push(await limiter.checkRequest(at('/')));
      expect(decisions.map(({ allowed, rule }) => [allowed, rule])).toEqual([
        ...Array<unknown>(4).fill([true, 'real']),
        [false, 'real'],
      ]);
      expect(
        decisions.map(({ rules: [tried] }) => [tried?.shadow, tried?.allowed, tried?.remaining]),
      ).toEqual([
        [true, true, 1],
        [true, true, 0],
        [true, false, 0],
        [true, false, 0],
        [true, false, 0],
      ]);
      // What it did not count, a refund does not take from it.
      expect(await limiter.refund(decisions[3]!)).toBe(true);
      expect(left(await limiter.peekRequest(at('/')))).toEqual([0, 1]);
      expect(Object.keys(limiter.headers(decisions[3]!))).toContain('X-RateLimit-Limit');
      expect(rateLimitHeaders(decisions[3]!, { headers: 'draft-10' })['RateLimit']).not.toContain('tried');
    });

    test('a wrong password costs more, and a reset of the address forgives', async () => {
      const limiter = await own(createRateLimiter({ ...common(), rules: [{ id: 'login', rate: '10/h' }] }));
      const decision = await limiter.checkRequest(at('/login'));
      expect(left(await limiter.penalize(decision, 8))).toEqual([1]);
      expect(await limiter.reset(subjectOf('ip', '::ffff:192.0.2.1'))).toBe(true);
      expect(left(await limiter.checkRequest(at('/login')))).toEqual([9]);
      await limiter.block(subjectOf('ip', '192.0.2.1'), 60_000);
      expect(await limiter.checkRequest(at('/login'))).toMatchObject({ reason: 'blocked', rule: 'login' });
    });

    test('ids of any kind never meet', async () => {
      const limiter = await own(
        createRateLimiter({
          ...common(),
          plans: { P: '10/h' },
          rules: (['ip', 'user', 'apiKey'] as const).map((by) => ({
            id: by,
            by,
            rate: '10/h',
            missing: 'skip',
          })),
        }),
      );
      const texts = [
        '192.0.2.1',
        'user:192.0.2.1',
        'ip:192.0.2.1',
        'a}:@1m',
        'a%7D',
        '{a}',
        '*',
        '[a]',
        'a\0b',
        'a\r\nb',
        '__proto__',
      ];
      for (const text of texts) {
        expect(left(await limiter.check(subjectOf('organization', text), 'P'))).toEqual([9]);
        expect(left(await limiter.checkRequest({ method: 'GET', path: '/', user: text }))).toEqual([9]);
        expect(left(await limiter.checkRequest({ method: 'GET', path: '/', apiKey: text }))).toEqual([9]);
      }
      expect(left(await limiter.checkRequest({ method: 'GET', path: '/', ip: '192.0.2.1' }))).toEqual([9]);
      for (const text of texts) expect(await limiter.reset(subjectOf('user', text))).toBe(true);
      for (const text of texts) {
        expect(left(await limiter.peek(subjectOf('organization', text), 'P'))).toEqual([9]);
      }
    });

    test('mistakes are refused and charge nothing', async () => {
      const limiter = await own(createRateLimiter({ ...common(), rules, plans: { FREE: '5/h' } }));
      const bad: [object, string][] = [
        [at('/', { plan: 'GOLD' }), 'ERR_UNKNOWN_PLAN'],
        [at('/', { cost: 0 }), 'ERR_INVALID_OPTION'],
        [at('/', { onError: 'maybe' }), 'ERR_INVALID_OPTION'],
        [{ path: '/' }, 'ERR_INVALID_OPTION'],
        [at('/api/x', { user: '\ud800' }), 'ERR_INVALID_KEY'],
        [null as unknown as object, 'ERR_INVALID_OPTION'],
      ];
      for (const [request, code] of bad) {
        await expect(limiter.checkRequest(request as never)).rejects.toMatchObject({ code });
      }
      expect(left(await limiter.checkRequest(at('/')))).toEqual([999]);
    });
  });

  test('lists and overrides hold from the next check on', async () => {
    const limiter = await own(
      createRateLimiter({
        ...common(),
        plans: { P: '5/h' },
        rules: [{ id: 'api', rate: '3/h' }],
        access: { deny: ['ip:203.0.113.0/24'], overrides: { vip: '50/h' } },
      }),
    );
    const from = (ip: string, more: object = {}) => ({ method: 'GET', path: '/', ip, ...more });
    expect(await limiter.checkRequest(from('203.0.113.77'))).toMatchObject({
      allowed: false,
      reason: 'blocked',
      rules: [],
      retryAfter: 60,
    });
    expect(left(await limiter.check('vip', 'P'))).toEqual([49]);
    limiter.access.allow('org');
    expect(await limiter.check('org', 'P')).toMatchObject({ allowed: true, reason: 'bypass' });
    limiter.access.deny('org');
    expect(await limiter.check('org', 'P')).toMatchObject({ allowed: false, reason: 'blocked' });
    expect(await limiter.peek('org', 'P')).toMatchObject({ allowed: false, reason: 'blocked' });
    limiter.access.remove('org');
    expect(left(await limiter.check('org', 'P'))).toEqual([4]);
    limiter.access.override('org', ['8/h', '2/m']);
    expect(left(await limiter.check('org', 'P'))).toEqual([6, 1]);
    limiter.access.override('ip:192.0.2.1', { rules: { api: '100/h' } });
    expect(left(await limiter.checkRequest(from('192.0.2.1')))).toEqual([99]);
    limiter.access.remove('ip:192.0.2.1');
    expect(left(await limiter.checkRequest(from('192.0.2.1')))).toEqual([1]);
    // A reset reaches what an override counts, too.
    expect(await limiter.reset('org')).toBe(true);
    expect(left(await limiter.peek('org', 'P'))).toEqual([8, 2]);
  });

  test('the application is told once when a rule reaches its threshold', async () => {
    const told: [string, string, number, boolean][] = [];
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const limiter = await own(
      createRateLimiter({
        ...common(),
        plans: { P: ['10/h', { id: 'half', rate: '20/m', nearLimit: 0.5 }] },
        nearLimit: 0.7,
        onNearLimit: (rule, decision) => {
          told.push([rule.rule, rule.subject, rule.remaining, decision.nearLimit]);
          throw new Error('the callback failed');
        },
      }),
    );
    await times(12, () => limiter.check('k', 'P'));
    await limiter.peek('k', 'P');
    await until('told', () => told.length === 2 && warn.mock.calls.length === 2);
    expect(told).toEqual([
      ['P', 'k', 3, true],
      ['half', 'k', 10, true],
    ]);
    const failure = 'spillway: onNearLimit failed: Error: the callback failed';
    expect(warn.mock.calls).toEqual([[failure], [failure]]);
    warn.mockRestore();
  });

  test('headers in the format of the limiter', async () => {
    const given = { ...common(), plans: { P: ['5/h', '3/m'] } };
    const legacy = await own(createRateLimiter(given));
    const draft = await own(createRateLimiter({ ...given, headers: 'draft-10' }));
    expect(legacy.headers(await legacy.check('k', 'P'))).toMatchObject({
      'X-RateLimit-Limit': '3',
      'X-RateLimit-Remaining': '2',
      'X-RateLimit-Algorithm': 'fixed-window',
    });
    const headers = draft.headers(await draft.check('k', 'P', { cost: 2 }));
    expect(headers['RateLimit-Policy']).toMatch(/^"P";q=5;w=3600;pk=:[^:]+:, "P:1m";q=3;w=60;pk=:[^:]+:$/);
    expect(headers['RateLimit']).toMatch(/^"P";r=2;t=3600;pk=:[^:]+:, "P:1m";r=0;t=60;pk=:[^:]+:$/);
    expect(headers).not.toHaveProperty('Retry-After');
    expect(Number(draft.headers(await draft.check('k', 'P'))['Retry-After'])).toBeGreaterThan(58);
  });
});

describe('while the store is away', () => {
  const open = async (more: object) =>
    own(
      createRateLimiter({
        redis: { host: '127.0.0.1', port: 1 },
        timeoutMs: 20,
        rules: [
          { id: 'open', rate: '5/h' },
          { id: 'shut', match: '/login', rate: '5/h', onError: 'closed' },
        ],
        ...more,
      }),
    );
  const at = (path: string, more: object = {}) => ({ method: 'GET', path, ip: '192.0.2.1', ...more });

  test('one rule that says closed denies for all', async () => {
    const limiter = await open({});
    expect(await limiter.checkRequest(at('/'))).toMatchObject({ allowed: true, reason: 'policy' });
    expect(await limiter.checkRequest(at('/login'))).toMatchObject({
      allowed: false,
      reason: 'policy',
      rule: 'shut',
      retryAfter: 1,
    });
  });

  test('a call has the last word', async () => {
    const limiter = await open({});
    expect(await limiter.checkRequest(at('/login', { onError: 'open' }))).toMatchObject({ allowed: true });
    expect(await limiter.checkRequest(at('/', { onError: 'closed' }))).toMatchObject({ allowed: false });
    const planned = await own(
      createRateLimiter({ redis: { host: '127.0.0.1', port: 1 }, timeoutMs: 20, plans: { P: '5/h' } }),
    );
    expect(await planned.check('k', 'P', { onError: 'closed' })).toMatchObject({ allowed: false });
    expect(await planned.check('k', 'P')).toMatchObject({ allowed: true });
  });

  test('what no policy can answer is an error', async () => {
    const limiter = await open({});
    const decision = await limiter.checkRequest(at('/'));
    expect(await limiter.refund(decision)).toBe(false);
    await expect(limiter.block('k', 5)).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
    await expect(limiter.reset('k')).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
    expect(await limiter.penalize(decision, 5)).toMatchObject({ allowed: true, reason: 'policy' });
  });
});
