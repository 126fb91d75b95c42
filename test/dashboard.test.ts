/** What the routes of spillway/dashboard show. What is done there: dashboard-actions; the page itself: test/browser. */
import { createHash } from 'node:crypto';
import { createRateLimiter, memoryStore, type ListedKey } from 'spillway';
import { createDashboard } from 'spillway/dashboard';
import { asking, authorize, mounted, type Body, type Item } from './support/dashboard';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
const REQUEST = { method: 'GET', path: '/api/x', plan: 'FREE' } as const;

const essence = ({ subject, rule, state, count, limit, denied }: Item) => [
  subject,
  rule,
  state,
  count,
  limit,
  denied,
];

test('without authorize it does not start, and what it does not know it refuses', () => {
  const limiter = createRateLimiter({ store: memoryStore(), rate: '1/s' });
  expect(() => createDashboard({ limiter } as never)).toThrow(/authorize is missing/);
  expect(() => createDashboard({ limiter: {} as never, authorize })).toThrow(/what createRateLimiter/);
  expect(() => createDashboard({ limiter, authorize, basePath: 'x' })).toThrow(/such as \/admin\/rate-limit/);
  expect(() => createDashboard({ limiter, authorize, publicHealth: true } as never)).toThrow(/publicHealth/);
  for (const href of ['javascript:alert(1)', '//evil.example', 'http://evil.example', 'logout', 7]) {
    const links = [{ text: 'Out', href: href as string }];
    expect(() => createDashboard({ limiter, authorize, links })).toThrow(/links\[0\] must be such as/);
  }
});

test.each([
  '',
  '/',
  '/data/overview',
  '/data/limited',
  '/data/find?text=a',
  '/data/subject?subject=a',
  '/data/changes',
])('%s is for those alone whom authorize lets in', async (path) => {
  const { ask } = await mounted(own);
  const { status, text } = await ask(path, { headers: { authorization: 'Bearer guessed' } });
  expect([status, text.length < 200]).toEqual([403, true]);
});

test('the page asks nobody but its own server, and runs and wears nothing but its own', async () => {
  const { ask } = await mounted(own);
  const { status, headers, text } = await ask('');
  expect(status).toBe(200);
  const policy = headers.get('content-security-policy') ?? '';
  for (const [tag, directive] of [
    ['script', 'script-src'],
    ['style', 'style-src'],
  ]) {
    const inner = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(text)![1]!;
    const hash = createHash('sha256').update(inner).digest('base64');
    expect(policy).toContain(`${directive} 'sha256-${hash}'`);
  }
  expect(policy).toMatch(/^default-src 'none'; .*connect-src 'self'.*frame-ancestors 'none'/);
  expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
  expect((await ask('/')).text).toBe(text);
});

describe('limited now', () => {
  test('names every kind of subject, its rule, how often and since when it was denied, and until when', async () => {
    const { limiter, limited } = await mounted(own);
    const startedAt = Date.now();
    for (let i = 0; i < 7; i++) await limiter.check('org-1', 'FREE');
    await limiter.check('org-2', 'FREE');
    for (const who of [{ user: '7' }, { ip: '203.0.113.9' }]) {
      for (let i = 0; i < 5; i++)
        await limiter.checkRequest({ ...REQUEST, ...who, organization: `other-${i}` });
    }
    await limiter.block('org-3', 60_000);
    const { items, looked, total } = await limited();
    expect(items.map(essence)).toEqual(
      expect.arrayContaining([
        ['org-1', 'FREE', 'limited', 3, 3, 4],
        ['user:7', 'api', 'limited', 2, 2, 3],
        ['ip:203.0.113.9', 'api', 'limited', 2, 2, 3],
        ['org-3', expect.stringMatching(/FREE/), 'blocked', 0, null, null],
      ]),
    );
    expect(items[0]!.subject).toBe('org-1');
    expect(items.map(({ subject }) => subject)).not.toContain('org-2');
    expect(total).toBe(items.length);
    expect(looked).toMatchObject({ done: true, error: null });
    const first = items[0]!;
    expect(first.since! >= startedAt && first.since! <= Date.now()).toBe(true);
    expect(first.until! > Date.now()).toBe(true);
    const only = async (query: string) => (await limited(query)).items.map(({ subject }) => subject);
    expect(await only('?kind=user')).toEqual(['user:7']);
    expect((await only('?rule=api')).sort()).toEqual(['ip:203.0.113.9', 'org-3', 'user:7']);
    expect(await only('?kind=apiKey')).toEqual([]);
  });

  test('of plans that share a count the one that denied says the limit, and a block is one line', async () => {
    const redis = await own(RedisServer.start());
    const plans = { FREE: '3/h', PRO: ['9/h', '5/m'] } as const;
    const limiter = await own(createRateLimiter({ redis: redis.url, plans, logger: false }));
    for (let i = 0; i < 5; i++) await limiter.check('org-1', 'FREE');
    await limiter.check('org-2', 'PRO');
    await limiter.block('org-3', 60_000);
    const { ask, limited } = asking(createDashboard({ limiter, authorize }).fetch);
    const { items, looked } = await limited();
    expect(items.map(essence)).toEqual([
      ['org-1', 'FREE,PRO', 'limited', 3, 3, 2],
      ['org-3', expect.stringMatching(/FREE,PRO/), 'blocked', 0, null, null],
    ]);
    expect(looked).toMatchObject({ ofSeveralPlans: 2, blocked: 2 });
    expect((await ask('/data/subject?subject=org-1')).body.items).toMatchObject([{ count: 3, limit: 3 }]);
    expect((await ask('/data/subject?subject=org-2')).body.items[0]).not.toHaveProperty('limit');
  });

  test('whom another process limits is found in the store, and its denials in the fleet', async () => {
    const { redis, limited } = await mounted(own, { analytics: true });
    const other = createRateLimiter({
      redis: redis.url,
      plans: { FREE: ['3/h', { rate: '100/d', algorithm: 'sliding-window' }] },
      analytics: true,
      logger: false,
    });
    for (let i = 0; i < 9; i++) await other.check('org-1', 'FREE');
    await other.close();
    await until('it was told', async () => (await limited()).items[0]?.deniedBy === 'fleet');
    const { items } = await limited();
    expect(items.map(essence)).toEqual([['org-1', 'FREE', 'limited', 3, 3, 6]]);
    expect(items[0]!.since! % 3_600_000).toBe(0);
  });

  test('of many it shows pages, keeps a bounded number, and says how many there are', async () => {
    const { limiter, limited } = await mounted(own);
    const names = Array.from({ length: 1_200 }, (_, i) => `org-${i}`);
    const decisions = await Promise.all(names.map((name) => limiter.check(name, 'FREE', { cost: 3 })));
    expect(decisions.every(({ source }) => source === 'redis')).toBe(true);
    const first = await limited('?limit=200');
    expect(first.looked).toMatchObject({ counted: 2_400, atLimit: 1_200 });
    expect([first.items.length, first.total]).toEqual([200, 1_000]);
    const seen = new Set<string>();
    for (let offset = 0; offset < 1_000; offset += 200) {
      for (const { subject } of (await limited(`?limit=200&offset=${offset}`)).items) seen.add(subject);
    }
    expect(seen.size).toBe(1_000);
  });

  test('while the store is away it still names whom this process denied', async () => {
    const { redis, limiter, ask, limited } = await mounted(own, { analytics: true });
    for (let i = 0; i < 5; i++) await limiter.check('org-1', 'FREE');
    await limited('?rule=FREE');
    for (let i = 0; i < 4; i++) await limiter.check('org-2', 'FREE');
    await redis.kill();
    await until('it is seen', async () => !(await limiter.health()).healthy);
    let items: Item[] = [];
    let looked: Body['looked'] | undefined;
    // Complete figures are taken anew after some seconds.
    const isTold = async () => {
      ({ items, looked } = await limited());
      return items.length === 2 && looked.error !== null;
    };
    await until('both are named, and why no more', isTold, { withinMs: 15_000 });
    // Where the first stood was known; of the second nobody had asked.
    expect(items.map(essence)).toEqual([
      ['org-1', 'FREE', 'limited', 3, 3, 2],
      ['org-2', 'FREE', 'denied', 0, null, 1],
    ]);
    expect(looked).toMatchObject({ counted: 2, done: true });
    const overview = await ask('/data/overview');
    expect(overview).toMatchObject({
      status: 200,
      body: { fleet: null, hasFleet: true, health: { healthy: false } },
    });
    expect(overview.text).not.toContain(redis.url);
    expect((await ask('/data/subject?subject=org-1')).status).toBe(503);
  });
});

test('a search finds an exact id of any kind first, and a part of one anywhere', async () => {
  const { limiter, ask } = await mounted(own);
  await limiter.check('acme-7', 'FREE');
  await limiter.check('[odd]*?', 'FREE');
  for (const who of [{ user: '7' }, { user: '77' }, { ip: '203.0.113.9' }]) {
    await limiter.checkRequest({ ...REQUEST, ...who, organization: 'other' });
  }
  const found = async (text: string, more = '') => {
    const { body } = await ask(`/data/find?text=${encodeURIComponent(text)}${more}`);
    return [...new Set((body.items as unknown as ListedKey[]).map(({ subject }) => subject))];
  };
  expect((await found('7'))[0]).toBe('user:7');
  expect((await found('7')).sort()).toEqual(['acme-7', 'user:7', 'user:77']);
  expect(await found('203.0.113.9')).toEqual(['ip:203.0.113.9']);
  expect(await found('acme')).toEqual(['acme-7']);
  expect(await found('acm*')).toEqual(['acme-7']);
  expect(await found('[odd]')).toEqual(['[odd]*?']);
  expect(await found('7', '&kind=organization')).toEqual(['acme-7']);
  expect(await found('nobody')).toEqual([]);
});

describe('a subject', () => {
  test('has all that is counted for it, its denials, other limits, and what was changed', async () => {
    const { limiter, ask, post } = await mounted(own);
    for (let i = 0; i < 5; i++) await limiter.check('org-1', 'FREE');
    expect((await post('/do/raise', { subject: 'org-1', to: '2x', ms: 3_600_000 })).status).toBe(200);
    await until('it is written', async () => (await limiter.changes()).length === 1);
    const { body } = await ask('/data/subject?subject=org-1');
    expect(body).toMatchObject({
      subject: 'org-1',
      items: [{ rule: 'FREE' }, { rule: 'FREE:sliding-window-1d' }],
      denials: [{ subject: 'org-1', rule: 'FREE', count: 2 }],
      byHour: null,
      override: { override: { multiply: 2 }, by: 'admin:7' },
      listed: null,
      changes: [{ kind: 'override', subject: 'org-1', by: 'admin:7', from: '192.0.2.1' }],
    });
    limiter.access.deny('org-1');
    expect((await ask('/data/subject?subject=org-1')).body).toMatchObject({ listed: 'deny' });
    expect((await ask('/data/subject')).status).toBe(400);
    expect((await ask(`/data/subject?subject=${'a'.repeat(2_000)}`)).status).toBe(400);
  });
});
