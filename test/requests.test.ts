/** Rules for requests, through the public API on both stores. */
import {
  createRateLimiter,
  rateLimitHeaders,
  subjectOf,
  type IdScope,
  type RateLimitRequest,
  type RequestRule,
  type RuleResult,
  type SubjectId,
} from 'spillway';
import { bothStores } from './support/both-stores';
import { ids, left } from './support/decisions';
import { times } from './support/ledger';
import { owner } from './support/owned';

const own = owner();

describe.each(bothStores())('%s', (_, common) => {
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

  test('one rate counts requests as a plan does, under the key that check takes', async () => {
    const limiter = await own(createRateLimiter({ ...common(), rate: '2/h' }));
    expect(left(await limiter.check('org'))).toEqual([1]);
    const second = await limiter.checkRequest(at('/', { organization: 'org' }));
    expect([ids(second), left(second)]).toEqual([['rate'], [0]]);
    expect((await limiter.checkRequest(at('/', { organization: 'org' }))).allowed).toBe(false);
    expect(left(await limiter.checkRequest(at('/')))).toEqual([1]);
    expect(await limiter.checkRequest({ method: 'GET', path: '/' })).toMatchObject({
      allowed: false,
      reason: 'unidentified',
      rule: 'rate',
    });
    const layered = await own(createRateLimiter({ ...common(), rate: '2/h', rules }));
    expect(ids(await layered.checkRequest(at('/api/data')))).toEqual(['api', 'everybody', 'rate']);
  });

  test('where only plans limit, a request without a plan is an error and not unlimited', async () => {
    const plans = { FREE: '2/h', NONE: 'unlimited' } as const;
    const limiter = await own(createRateLimiter({ ...common(), plans, bypass: ['/api/health'] }));
    for (const ask of [limiter.checkRequest.bind(limiter), limiter.peekRequest.bind(limiter)]) {
      await expect(ask(at('/', { organization: 'org' }))).rejects.toMatchObject({
        code: 'ERR_UNKNOWN_PLAN',
        message: expect.stringContaining('Name one of "FREE", "NONE"') as string,
      });
    }
    expect(left(await limiter.checkRequest(at('/', { organization: 'org', plan: 'FREE' })))).toEqual([1]);
    expect((await limiter.checkRequest(at('/', { plan: 'NONE' }))).rules).toEqual([]);
    expect((await limiter.checkRequest(at('/api/health'))).reason).toBe('bypass');
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

  test('a bypass counts nothing, by a pattern or a function', async () => {
    const limiter = await own(
      createRateLimiter({
        ...common(),
        rules,
        bypass: ['/api/health', '/assets/*', ({ user }) => user === 'robot'],
      }),
    );
    for (const request of [at('/api/health'), at('/assets/a/b.js'), at('/api/data', { user: 'robot' })]) {
      expect(await limiter.checkRequest(request)).toMatchObject({
        allowed: true,
        reason: 'bypass',
        rules: [],
        source: 'none',
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
      reason: 'unidentified',
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
    expect(decisions.map(({ rules: [tried] }) => [tried?.shadow, tried?.allowed, tried?.remaining])).toEqual([
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

  test('a block and a reset know an address in each of its forms', async () => {
    const limiter = await own(createRateLimiter({ ...common(), rate: '99/h', planBy: 'ip' }));
    const reason = async () => (await limiter.checkRequest(at('/', { ip: '2001:db8::1' }))).reason;
    for (const name of ['ip:2001:db8::2', 'ip:2001:DB8::/64', subjectOf('ip', '2001:db8::1')]) {
      await limiter.block(name, 60_000);
      expect(await reason()).toBe('blocked');
      expect(await limiter.reset(name)).toBe(true);
      expect(await reason()).toBe('ok');
    }
    // Whoever writes such a key himself has it blocked as well.
    await limiter.block('ip:2001:db8::2', 60_000);
    expect((await limiter.check('ip:2001:db8::2')).reason).toBe('blocked');
  });

  test('a block and a reset say whom they mean', async () => {
    const by = (['ip', 'user', 'organization', 'apiKey'] as const).map((id) => ({ id, by: id }));
    const tenant = ({ headers }: RateLimitRequest) => (headers as Headers | undefined)?.get('x-tenant');
    const limiter = await own(
      createRateLimiter({
        ...common(),
        rules: [...by, { id: 'tenant', by: tenant }].map((rule) => ({
          ...rule,
          rate: '9/h',
          missing: 'skip' as const,
        })),
      }),
    );
    const id = '2001:db8::7';
    const asked: Record<string, Omit<Partial<RateLimitRequest>, 'plan'>> = {
      ip: { ip: '2001:db8::9' },
      user: { user: id },
      organization: { organization: id },
      apiKey: { apiKey: id },
      custom: { headers: new Headers({ 'x-tenant': id }) },
    };
    const blocked = async () => {
      const kinds = [];
      for (const [kind, request] of Object.entries(asked)) {
        const { reason } = await limiter.peekRequest({ method: 'GET', path: '/', ...request });
        if (reason === 'blocked') kinds.push(kind);
      }
      return kinds;
    };
    for (const kind of Object.keys(asked)) {
      await limiter.block({ [kind]: id } as SubjectId, 60_000);
      expect(await blocked()).toEqual([kind]);
      expect(await limiter.reset({ [kind]: id } as SubjectId)).toBe(true);
      expect(await blocked()).toEqual([]);
      const text = subjectOf(kind as IdScope, id);
      await limiter.block(text, 60_000);
      expect(await blocked()).toEqual([kind]);
      expect(await limiter.reset(text)).toBe(true);
    }
  });

  test('and are refused where no rule could count him', async () => {
    const limiter = await own(
      createRateLimiter({
        ...common(),
        rules: [
          { id: 'api', match: '/api/*', rate: '9/h' },
          { id: 'all', by: 'global', rate: '99/h' },
          { id: 'open', by: 'user', rate: 'unlimited' },
        ],
      }),
    );
    const refused: [unknown, RegExp][] = [
      ['1.2.3.4', /^A text alone is the id of an organization\. .* Write \{ ip: … \}, global:all/],
      [{ organization: '1.2.3.4' }, /^No rule of this limiter counts .* organization\./],
      [{ user: '7' }, /kind user\. Write \{ ip/],
      ['user:7', /kind user\./],
      ['apiKey:k', /kind apiKey\./],
      ['ip:garbage', /no IP address/],
      [{ ip: 'garbage' }, /no IP address/],
      [{ ip: null }, /must be a string/],
      [{}, /^A subject is a text or one of \{ ip \}/],
      [{ ip: '1.2.3.4', user: '7' }, /^A subject is a text or one of/],
      [{ endpoint: '/' }, /^A subject is a text or one of/],
      [null, /must be a string/],
      ['', /empty/],
    ];
    for (const [subject, message] of refused) {
      for (const act of [() => limiter.block(subject as string, 5), () => limiter.reset(subject as string)]) {
        await expect(act()).rejects.toMatchObject({
          code: 'ERR_INVALID_KEY',
          message: expect.stringMatching(message) as string,
        });
      }
    }
    const ask = () => limiter.checkRequest(at('/api/x', { ip: '1.2.3.4' }));
    for (const subject of [{ ip: '1.2.3.4:443' }, 'ip:::ffff:1.2.3.4', 'global:all']) {
      await limiter.block(subject, 60_000);
      expect((await ask()).reason).toBe('blocked');
      expect(await limiter.reset(subject)).toBe(true);
    }
    expect((await ask()).allowed).toBe(true);
  });

  test('a key of check may be of any form, and its block too', async () => {
    const limiter = await own(createRateLimiter({ ...common(), plans: { FREE: '9/h' }, rules }));
    for (const key of ['1.2.3.4', 'user:7', 'ip:garbage', 'apiKey:k', 'org']) {
      await limiter.block(key, 60_000);
      expect((await limiter.check(key, 'FREE')).reason).toBe('blocked');
      expect(await limiter.reset(key)).toBe(true);
      expect((await limiter.check(key, 'FREE')).reason).toBe('ok');
    }
  });

  test('no list of addresses holds for the id of an organization', async () => {
    const limiter = await own(
      createRateLimiter({
        ...common(),
        rate: '1/h',
        access: { allow: ['ip:10.0.0.0/8'], overrides: { 'ip:10.9.9.9': 'unlimited' } },
      }),
    );
    expect((await limiter.check('ip:10.9.9.9')).reason).toBe('ok');
    expect((await limiter.check('ip:10.9.9.9')).reason).toBe('limit');
    expect((await limiter.checkRequest(at('/', { ip: '10.9.9.9' }))).reason).toBe('bypass');
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
      [at('/', { failureMode: 'maybe' }), 'ERR_INVALID_OPTION'],
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
