/** Listings, resets and changes of rules: over every rule and algorithm, in process and on Redis. */
import { createRateLimiter, subjectOf, type ListedKey, type ListOptions, type RequestRule } from 'spillway';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';

const own = owner();
const HOUR_MS = 3_600_000;
let server: RedisServer;
let prefixes = 0;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.close());

const RULES: RequestRule[] = [
  { id: 'window', by: 'ip', rate: '5/h' },
  { id: 'sliding', by: 'user', rate: '6/h', algorithm: 'sliding-window' },
  { id: 'log', by: 'organization', rate: '7/h', algorithm: 'sliding-log' },
  { id: 'bucket', by: 'apiKey', rate: '8/h', algorithm: 'token-bucket', burst: 9 },
  { id: 'path', by: 'endpoint', rate: '50/h', algorithm: 'sliding-window' },
  { id: 'all', by: 'global', rate: '100/h' },
];
const REQUEST = {
  method: 'GET',
  path: '/Api/Users',
  ip: '203.0.113.9',
  user: '7',
  organization: 'org-123',
  apiKey: 'secret',
};

async function all(listing: AsyncIterable<ListedKey>): Promise<ListedKey[]> {
  const items: ListedKey[] = [];
  for await (const item of listing) items.push(item);
  return items;
}

describe.each(['in process', 'on Redis'])('%s', (where) => {
  const open = (rules = RULES) =>
    own(
      createRateLimiter({
        redis: where === 'on Redis' ? server.url : undefined,
        prefix: `list${where === 'on Redis' ? 'r' : 'm'}${prefixes++}:`,
        timeoutMs: 5_000,
        rules,
      }),
    );

  test('what every rule counts, of whom, and until when', async () => {
    const limiter = await open();
    const { rules } = await limiter.checkRequest(REQUEST);
    await limiter.checkRequest(REQUEST);
    const items = await all(limiter.list());
    const hash = subjectOf('apiKey', 'secret').slice('apiKey:'.length);
    const shown = items.map(({ rule, scope, key, count, limit, blocked }) => {
      return [rule, scope, key, count, limit, blocked];
    });
    expect(shown.sort()).toEqual(
      [
        ['window', 'ip', '203.0.113.9', 2, 5, false],
        ['sliding', 'user', '7', 2, 6, false],
        ['log', 'organization', 'org-123', 2, 7, false],
        ['bucket', 'apiKey', hash, 2, 9, false],
        ['path', 'endpoint', '/api/users', 2, 50, false],
        ['all', 'global', 'all', 2, 100, false],
      ].sort(),
    );
    for (const { rule, subject, resetTime } of items) {
      const said = rules.find((one) => one.rule === rule)!;
      expect(subject).toBe(said.subject);
      // A bucket's reset grows with what is missing, others stay where they were within a sub-window.
      if (rule !== 'bucket') expect(Math.abs(resetTime - said.resetTime)).toBeLessThan(HOUR_MS / 10 + 1_000);
    }
  });

  test('by kind, by rule, by name', async () => {
    const limiter = await open();
    for (const last of ['1', '2', '12']) await limiter.checkRequest({ ...REQUEST, ip: `203.0.113.${last}` });
    const keys = async (options: ListOptions) =>
      (await all(limiter.list(options))).map(({ key }) => key).sort();
    expect(await keys({ kind: 'ip' })).toEqual(['203.0.113.1', '203.0.113.12', '203.0.113.2']);
    expect(await keys({ kind: 'ip', match: '*.1?' })).toEqual(['203.0.113.12']);
    expect(await keys({ match: '203.0.113.1*' })).toEqual(['203.0.113.1', '203.0.113.12']);
    await limiter.checkRequest({ ...REQUEST, organization: 'my-org-1' });
    expect(await keys({ match: 'org-*' })).toEqual(['org-123']);
    expect(await keys({ rule: 'sliding' })).toEqual(['7']);
    expect(await keys({ rule: 'sliding', kind: 'ip' })).toEqual([]);
    expect(await keys({ kind: 'global' })).toEqual(['all']);
    expect(() => limiter.list({ rule: 'nobody' })).toThrow(
      /no rule "nobody"\. Known are: window, sliding, log, bucket, path, all/,
    );
  });

  test('who is blocked, under every algorithm, and until when', async () => {
    const limiter = await open();
    await limiter.checkRequest(REQUEST);
    await limiter.block({ user: '7' }, 60_000);
    await limiter.block({ ip: '203.0.113.9' }, 60_000);
    const blocked = (await all(limiter.list())).filter((item) => item.blocked);
    expect(blocked.map(({ rule, key, count }) => [rule, key, count])).toEqual(
      expect.arrayContaining([
        ['window', '203.0.113.9', 0],
        ['sliding', '7', 0],
      ]),
    );
    for (const { resetTime } of blocked) {
      expect(resetTime).toBeGreaterThan(Date.now() + 50_000);
      expect(resetTime).toBeLessThanOrEqual(Date.now() + 60_001);
    }
  });

  test('what was given back is not listed', async () => {
    const limiter = await open(RULES.filter(({ id }) => id !== 'window' && id !== 'all'));
    const decision = await limiter.checkRequest(REQUEST);
    expect(await all(limiter.list())).toHaveLength(4);
    await limiter.refund(decision);
    expect(await all(limiter.list())).toEqual([]);
  });

  test('pages of one key each give the same', async () => {
    const limiter = await open([RULES[1]!]);
    for (let i = 0; i < 120; i++) await limiter.checkRequest({ ...REQUEST, user: `u${i}` });
    const items = await all(limiter.list({ rule: 'sliding', pageSize: 1 }));
    expect(new Set(items.map(({ key }) => key)).size).toBe(120);
    expect(items).toHaveLength(120);
  });

  test('plans that share a count are listed once, with what they share', async () => {
    const limiter = await own(
      createRateLimiter({
        redis: where === 'on Redis' ? server.url : undefined,
        prefix: `plans${where === 'on Redis' ? 'r' : 'm'}${prefixes++}:`,
        plans: { FREE: '5/h', PRO: ['9/h', { rate: '6/m', algorithm: 'token-bucket' }] },
      }),
    );
    await limiter.check('a', 'FREE');
    await limiter.check('b', 'PRO');
    const items = await all(limiter.list());
    expect(items.map(({ key, rule, limit, scope }) => [key, rule, limit, scope]).sort()).toEqual([
      ['a', 'FREE,PRO', undefined, 'organization'],
      ['b', 'FREE,PRO', undefined, 'organization'],
      ['b', 'PRO:token-bucket-1m', 6, 'organization'],
    ]);
    expect((await all(limiter.list({ rule: 'PRO:token-bucket-1m' }))).map(({ key }) => key)).toEqual(['b']);
  });

  test('a reset of one rule leaves the others', async () => {
    const limiter = await open([
      { id: 'a', by: 'ip', rate: '5/h' },
      { id: 'b', by: 'ip', rate: '5/h', algorithm: 'sliding-log' },
    ]);
    const used = async () =>
      (await limiter.peekRequest(REQUEST)).rules.map(({ limit, remaining }) => limit - remaining);
    await limiter.checkRequest(REQUEST);
    expect(await used()).toEqual([1, 1]);
    expect(await limiter.reset({ ip: REQUEST.ip }, { rule: 'b' })).toBe(true);
    expect(await used()).toEqual([1, 0]);
    expect(await limiter.reset({ ip: REQUEST.ip }, { rule: 'b' })).toBe(false);
    expect(await limiter.reset({ ip: REQUEST.ip })).toBe(true);
    expect(await used()).toEqual([0, 0]);
    await expect(limiter.reset({ ip: REQUEST.ip }, { rule: 'c' })).rejects.toThrow(/no rule "c"/);
    await expect(limiter.reset({ ip: REQUEST.ip }, { rules: 'a' } as object)).rejects.toThrow(
      /Did you mean rule/,
    );
  });

  test('other rules hold from the next check on, and counts go on where ids stay', async () => {
    const limiter = await open([{ id: 'a', by: 'ip', rate: '5/h' }]);
    await limiter.checkRequest(REQUEST);
    limiter.setRules([
      { id: 'a', by: 'ip', rate: '3/h' },
      { id: 'b', by: 'user', rate: '9/h' },
    ]);
    const { rules } = await limiter.checkRequest(REQUEST);
    expect(rules.map(({ rule, limit, remaining }) => [rule, limit, remaining])).toEqual([
      ['a', 3, 1],
      ['b', 9, 8],
    ]);
    expect(new Set((await all(limiter.list())).map(({ rule }) => rule))).toEqual(new Set(['a', 'b']));
  });
});

describe('rules that cannot be set', () => {
  const open = () =>
    own(
      createRateLimiter({
        prefix: `set${prefixes++}:`,
        rules: [{ id: 'a', by: 'ip', rate: '5/h' }],
        access: { overrides: { 'ip:203.0.113.9': { rules: { a: '50/h' } } } },
      }),
    );
  const set = async (rules: unknown) => {
    const limiter = await open();
    const error = (() => {
      try {
        limiter.setRules(rules as RequestRule[]);
      } catch (caught) {
        return caught as Error;
      }
      return undefined;
    })();
    const { rules: after } = await limiter.checkRequest(REQUEST);
    return { error, after: after.map(({ rule, limit }) => [rule, limit]) };
  };

  test.each<[unknown, RegExp]>([
    [[{ id: 'a', rate: '5/hour' }], /rules\[0\]\.rate/],
    [[], /nothing would be limited/],
    [{}, /rules must be a list/],
    [[{ id: 'b', rate: '5/h' }], /there is no rule "a"\. Known are: b/],
  ])('%j: all stay as they were', async (rules, message) => {
    const { error, after } = await set(rules);
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(error!.message).toMatch(message);
    expect(after).toEqual([['a', 50]]);
  });

  test('nor is it known to overrides', async () => {
    const limiter = await open();
    expect(() => limiter.setRules([{ id: 'b', rate: '5/h' }])).toThrow(/no rule "a"/);
    expect(() => limiter.access.override('user:1', { rules: { b: '9/h' } })).toThrow(/no rule "b"/);
    limiter.access.override('user:1', { rules: { a: '9/h' } });
  });

  test('an override of a rule that stays goes on', async () => {
    const { error, after } = await set([{ id: 'a', by: 'ip', rate: '7/h', algorithm: 'sliding-log' }]);
    expect(error).toBeUndefined();
    expect(after).toEqual([['a', 50]]);
  });
});
