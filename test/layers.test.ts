/** Lists, overrides, thresholds, headers, and what is answered while the store is away, for rules of any kind. */
import { createRateLimiter } from 'spillway';
import { bothStores } from './support/both-stores';
import { left } from './support/decisions';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { until } from './support/wait';

const own = owner();

describe.each(bothStores())('%s', (_, common) => {
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
      reason: 'denied',
      rules: [],
      retryAfter: 60,
    });
    expect(left(await limiter.check('vip', 'P'))).toEqual([49]);
    limiter.access.allow('org');
    expect(await limiter.check('org', 'P')).toMatchObject({ allowed: true, reason: 'bypass' });
    limiter.access.deny('org');
    expect(await limiter.check('org', 'P')).toMatchObject({ allowed: false, reason: 'denied' });
    expect(await limiter.peek('org', 'P')).toMatchObject({ allowed: false, reason: 'denied' });
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
    const warn = jest.fn();
    const limiter = await own(
      createRateLimiter({
        ...common(),
        plans: { P: ['10/h', { id: 'half', rate: '20/m', nearLimit: 0.5 }] },
        logger: { warn, error: warn },
        nearLimit: {
          at: 0.7,
          tell: (rule, decision) => {
            told.push([rule.rule, rule.subject, rule.remaining, decision.nearLimit]);
            throw new Error('the callback failed');
          },
        },
      }),
    );
    await times(12, () => limiter.check('k', 'P'));
    await limiter.peek('k', 'P');
    await until('told', () => told.length >= 2);
    expect(told).toEqual([
      ['P', 'k', 3, true],
      ['half', 'k', 10, true],
    ]);
    // Said once a minute, however often it fails.
    expect(warn.mock.calls).toEqual([
      ['spillway: nearLimit.tell failed; decisions do not depend on it: Error: the callback failed'],
    ]);
  });

  test('headers in the format of the limiter', async () => {
    const given = { ...common(), plans: { P: ['5/h', '3/m'] } } as const;
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
          { id: 'shut', match: '/login', rate: '5/h', failureMode: 'closed' },
        ],
        ...more,
      }),
    );
  const at = (path: string, more: object = {}) => ({ method: 'GET', path, ip: '192.0.2.1', ...more });

  test('one rule that says closed denies for all', async () => {
    const limiter = await open({});
    expect(await limiter.checkRequest(at('/'))).toMatchObject({ allowed: true, reason: 'unavailable' });
    expect(await limiter.checkRequest(at('/login'))).toMatchObject({
      allowed: false,
      reason: 'unavailable',
      rule: 'shut',
      retryAfter: 1,
    });
  });

  test('a call has the last word', async () => {
    const limiter = await open({});
    expect(await limiter.checkRequest(at('/login', { failureMode: 'open' }))).toMatchObject({
      allowed: true,
    });
    expect(await limiter.checkRequest(at('/', { failureMode: 'closed' }))).toMatchObject({ allowed: false });
    const planned = await own(
      createRateLimiter({ redis: { host: '127.0.0.1', port: 1 }, timeoutMs: 20, plans: { P: '5/h' } }),
    );
    expect(await planned.check('k', 'P', { failureMode: 'closed' })).toMatchObject({ allowed: false });
    expect(await planned.check('k', 'P')).toMatchObject({ allowed: true });
  });

  test('what no policy can answer is an error', async () => {
    const limiter = await open({});
    const decision = await limiter.checkRequest(at('/'));
    expect(await limiter.refund(decision)).toBe(false);
    await expect(limiter.block({ ip: '192.0.2.1' }, 5)).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
    await expect(limiter.reset({ ip: '192.0.2.1' })).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
    expect(await limiter.penalize(decision, 5)).toMatchObject({ allowed: true, reason: 'unavailable' });
  });
});
