/** The routes of spillway/dashboard: who is limited, and what can be done about it. The page itself: test/browser. */
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRateLimiter, memoryStore, sharedRules, type Change, type ListedKey } from 'spillway';
import { migrate, postgresStore } from 'spillway/postgres';
import { createDashboard, type DashboardOptions } from 'spillway/dashboard';
import { owner } from './support/owned';
import { PostgresServer } from './support/postgres';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
const SECRET = 'Bearer of-the-admin';
const HOST = 'app.example.com';
const REQUEST = { method: 'GET', path: '/api/x', plan: 'FREE' } as const;

interface Item {
  subject: string;
  rule: string;
  state: string;
  count: number;
  limit: number | null;
  denied: number | null;
  deniedBy: string | null;
  since: number | null;
  until: number | null;
}
interface Body {
  items: Item[];
  total: number;
  cursor: string;
  looked: { counted: number; atLimit: number; blocked: number; done: boolean; error: string | null };
  changes: Change[];
  denials: object[];
}

const authorize = ({ headers }: Request) =>
  headers.get('authorization') === SECRET ? { by: 'admin:7', from: '192.0.2.1' } : false;

async function mounted({
  analytics = false,
  ...options
}: Partial<DashboardOptions> & { analytics?: boolean } = {}) {
  const redis = await own(RedisServer.start());
  const shared = await own(sharedRules({ redis: redis.url, logger: false }));
  const limiter = await own(
    createRateLimiter({
      redis: redis.url,
      plans: { FREE: ['3/h', { rate: '100/d', algorithm: 'sliding-window' }] },
      rules: [{ id: 'api', match: '/api/*', by: ['user', 'ip'], rate: '2/m', missing: 'skip' }],
      sharedRules: shared,
      analytics,
      logger: false,
    }),
  );
  return { redis, limiter, ...asking(createDashboard({ limiter, authorize, ...options }).fetch) };
}

function asking(fetch: (request: Request) => Promise<Response>) {
  const ask = async (path: string, init: RequestInit & { headers?: Record<string, string> } = {}) => {
    const headers = { host: HOST, authorization: SECRET, ...init.headers };
    const response = await fetch(
      new Request(`http://127.0.0.1:3000/admin/rate-limit${path}`, { ...init, headers }),
    );
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson ? JSON.parse(text) : {}) as Body,
    };
  };
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    ask(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  /** Once everything was looked at. */
  const limited = async (query = '') => {
    let body: Body | undefined;
    await until('all was looked at', async () => {
      ({ body } = await ask(`/data/limited${query}`));
      return body.looked.done;
    });
    return body!;
  };
  return { ask, post, limited };
}

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
  '/data/list',
  '/data/find?text=a',
  '/data/subject?subject=a',
  '/data/changes',
])('%s is for those alone whom authorize lets in', async (path) => {
  const { ask } = await mounted();
  const { status, text } = await ask(path, { headers: { authorization: 'Bearer guessed' } });
  expect([status, text.length < 200]).toEqual([403, true]);
});

test('the page asks nobody but its own server, and runs and wears nothing but its own', async () => {
  const { ask } = await mounted();
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
    const { limiter, limited } = await mounted();
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
    const { redis, limited } = await mounted({ analytics: true });
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
    const { limiter, limited } = await mounted();
    const names = Array.from({ length: 1_200 }, (_, i) => `org-${i}`);
    await Promise.all(names.map((name) => limiter.check(name, 'FREE', { cost: 3 })));
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
    const { redis, limiter, ask, limited } = await mounted({ analytics: true });
    for (let i = 0; i < 5; i++) await limiter.check('org-1', 'FREE');
    await limited('?rule=FREE');
    for (let i = 0; i < 4; i++) await limiter.check('org-2', 'FREE');
    await redis.kill();
    await until('it is seen', async () => !(await limiter.health()).healthy);
    let items: Item[] = [];
    let looked: Body['looked'] | undefined;
    await until('both are named, and why no more', async () => {
      ({ items, looked } = await limited());
      return items.length === 2 && looked.error !== null;
    });
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
  const { limiter, ask } = await mounted();
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
    const { limiter, ask, post } = await mounted();
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

describe('what can be done', () => {
  test('lifting, of one rule or all, is seen at once', async () => {
    const { limiter, post, limited } = await mounted();
    for (let i = 0; i < 5; i++) await limiter.check('org-1', 'FREE');
    expect((await limited()).items[0]).toMatchObject({ subject: 'org-1', state: 'limited' });
    expect((await post('/do/reset', { subject: 'org-1', rule: 'FREE' })).body).toEqual({
      subject: 'org-1',
      forgotten: true,
    });
    expect((await limiter.peek('org-1', 'FREE')).allowed).toBe(true);
    expect(await limiter.status('org-1')).toHaveLength(1);
    expect((await limited()).items.filter(({ state }) => state !== 'denied')).toEqual([]);
    await post('/do/reset', { subject: 'org-1' });
    expect(await limiter.status('org-1')).toEqual([]);
  });

  test('a block holds, and ends by a lift', async () => {
    const { limiter, post, limited } = await mounted();
    expect((await post('/do/block', { subject: 'org-1', ms: 60_000 })).status).toBe(200);
    expect(await limiter.check('org-1', 'FREE')).toMatchObject({ allowed: false, reason: 'blocked' });
    expect((await limited()).items[0]).toMatchObject({ subject: 'org-1', state: 'blocked' });
    await post('/do/reset', { subject: 'org-1' });
    expect((await limiter.check('org-1', 'FREE')).allowed).toBe(true);
  });

  test('raised limits hold here within a second, and end', async () => {
    const { limiter, post } = await mounted();
    const limitOf = async () => (await limiter.peek('org-1', 'FREE')).limit;
    expect(await limitOf()).toBe(3);
    await post('/do/raise', { subject: 'org-1', to: '3x', ms: 60_000 });
    await until('it is in use', async () => (await limitOf()) === 9);
    expect((await post('/do/lower', { subject: 'org-1' })).body).toEqual({ subject: 'org-1', removed: true });
    await until('it is over', async () => (await limitOf()) === 3);
    await post('/do/raise', { subject: 'org-1', to: '7/m', ms: 60_000 });
    await until('it is in use', async () => (await limitOf()) === 7);
  });

  test('a limiter without shared rules says what it lacks', async () => {
    const limiter = await own(createRateLimiter({ store: memoryStore(), rate: '1/s' }));
    const { ask, post } = asking(createDashboard({ limiter, authorize }).fetch);
    expect((await ask('/data/overview')).body).toMatchObject({
      canRaise: false,
      fleet: null,
      hasFleet: false,
    });
    const { status, text } = await post('/do/raise', { subject: 'a', to: '2x', ms: 60_000 });
    expect([status, text]).toEqual([501, expect.stringContaining('sharedRules')]);
  });

  test.each([
    ['/do/block', { subject: 'a' }],
    ['/do/block', { subject: 'a', ms: -1 }],
    ['/do/block', { subject: 'a', ms: 1e15 }],
    ['/do/raise', { subject: 'a', ms: 60_000 }],
    ['/do/raise', { subject: 'a', ms: 60_000, to: 'much' }],
    ['/do/raise', { subject: 'a', ms: 60_000, to: '0x' }],
    ['/do/reset', { subject: 'a', rule: 'none' }],
    ['/do/reset', { subject: 'a', rule: 7 }],
    ['/do/reset', { key: 'a' }],
    ['/do/reset', { subject: 'a'.repeat(2_000) }],
  ])('%s refuses %j', async (path, body) => {
    const { post, limiter } = await mounted();
    expect((await post(path, body)).status).toBe(400);
    expect(await limiter.changes()).toEqual([]);
  });

  test.each(['/do/reset', '/do/block', '/do/raise', '/do/lower'])(
    '%s from a page elsewhere, or by a GET, does nothing',
    async (path) => {
      const { limiter, ask, post } = await mounted();
      await limiter.check('org-1', 'FREE');
      const body = { subject: 'org-1', ms: 60_000, to: '2x' };
      expect((await post(path, body, { origin: 'https://evil.example' })).status).toBe(403);
      expect((await post(path, body, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
      expect((await ask(`${path}?subject=org-1`)).status).toBe(405);
      expect(await limiter.status('org-1')).toHaveLength(2);
      expect(await limiter.changes()).toEqual([]);
    },
  );
});

describe('who changed what', () => {
  test('is kept in the store, newest first, for all processes', async () => {
    const { redis, limiter, ask, post } = await mounted();
    await post('/do/block', { subject: 'org-1', ms: 60_000 });
    await post('/do/reset', { subject: 'org-1' });
    const other = await own(createRateLimiter({ redis: redis.url, rate: '5/m', logger: false }));
    await other.reset('org-9', { by: 'jane' });
    // Nobody put a name to it.
    await other.reset('org-8');
    await until('it is written', async () => (await limiter.changes()).length === 3);
    const { text } = await ask('/data/changes');
    expect((JSON.parse(text) as Change[]).map(({ kind, subject, by }) => [kind, subject, by])).toEqual([
      ['reset', 'org-9', 'jane'],
      ['reset', 'org-1', 'admin:7'],
      ['block', 'org-1', 'admin:7'],
    ]);
    expect(await limiter.page({ match: '*' })).toMatchObject({ items: [] });
  });

  test('is written before a limiter is closed, and by many at once loses nothing', async () => {
    const redis = await own(RedisServer.start());
    const limiters = Array.from({ length: 5 }, () =>
      createRateLimiter({ redis: redis.url, rate: '5/m', logger: false }),
    );
    await Promise.all(
      limiters.flatMap((one, i) =>
        Array.from({ length: 6 }, (_, n) => one.reset(`org-${i}-${n}`, { by: `p${i}` })),
      ),
    );
    await Promise.all(limiters.map((one) => one.close()));
    const reader = await own(createRateLimiter({ redis: redis.url, rate: '5/m', logger: false }));
    const changes = await reader.changes();
    expect(new Set(changes.map(({ subject }) => subject)).size).toBe(30);
    expect(changes).toHaveLength(30);
  });

  test('keeps the last hundred, without values that are long', async () => {
    const redis = await own(RedisServer.start());
    const limiter = await own(createRateLimiter({ redis: redis.url, rate: '9/h', logger: false }));
    for (let i = 0; i < 130; i++) await limiter.reset(`org-${i}`, { by: 'jane' });
    const many = Array.from({ length: 20 }, (_, i) => ({
      ...{ id: `${i}`.padEnd(60, 'x'), match: `/${i}`, by: 'ip' as const, rate: '1/h' as const },
    }));
    limiter.setRules(many, { by: 'jane' });
    await until('it is written', async () => (await limiter.changes())[0]?.kind === 'rules');
    const changes = await limiter.changes();
    expect(changes).toHaveLength(100);
    expect(changes[0]).not.toHaveProperty('value');
    expect(changes[1]!.subject).toBe('org-129');
  });

  test('while the store is away is not told, and is written once it is back', async () => {
    const { redis, limiter } = await mounted();
    await limiter.check('org-1', 'FREE');
    await redis.kill();
    await until('it is seen', async () => !(await limiter.health()).healthy);
    limiter.access.deny('org-1', { by: 'jane' });
    await expect(limiter.changes()).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
    await redis.start();
    await until('it is back', async () => (await limiter.health()).healthy);
    await limiter.changes();
    const other = await own(createRateLimiter({ redis: redis.url, rate: '5/m', logger: false }));
    expect(await other.changes()).toMatchObject([{ kind: 'access', subject: 'org-1', by: 'jane' }]);
  });

  test('begins anew where something else is in its place', async () => {
    const { redis, limiter } = await mounted();
    await limiter.reset('a', { by: 'jane' });
    await limiter.changes();
    for (const key of (await redis.command('KEYS', '*changes*')) as string[]) {
      const text = String(await redis.command('GET', key));
      if (text.startsWith('[')) await redis.command('SET', key, 'no JSON');
    }
    await limiter.reset('b', { by: 'jane' });
    expect(await limiter.changes()).toMatchObject([{ subject: 'b' }]);
  });

  test('on PostgreSQL as on Redis, and of stores that keep counts only in this process', async () => {
    const postgres = await own(PostgresServer.start());
    await migrate(postgres.admin);
    const made = () =>
      createRateLimiter({ store: postgresStore(postgres.pool()), rate: '5/m', logger: false });
    const [one, other] = [await own(made()), await own(made())];
    await one.reset('org-1', { by: 'jane' });
    await until('it is written', async () => (await other.changes()).length === 1);
    const limiter = await own(createRateLimiter({ store: memoryStore(), rate: '5/m', logger: false }));
    await limiter.block('org-2', 1_000, { by: 'jane' });
    expect(await limiter.changes()).toMatchObject([{ subject: 'org-2' }]);
  });
});

describe('in servers of node:http', () => {
  async function served(
    options: Partial<DashboardOptions> = {},
    prepare: (request: object) => void = () => {},
  ) {
    const limiter = await own(createRateLimiter({ store: memoryStore(), rate: '3/h', logger: false }));
    const page = createDashboard({ limiter, authorize, ...options });
    const server: Server = createServer((request, response) => {
      prepare(request);
      void page.node(request, response);
    });
    server.listen(0, '127.0.0.1');
    await until('it listens', () => server.listening);
    await own({ close: () => new Promise<void>((done) => server.close(() => done())) });
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ask = (path: string, init: RequestInit = {}) =>
      fetch(`${address}/admin/rate-limit${path}`, {
        ...init,
        headers: { authorization: SECRET, connection: 'close', 'content-type': 'application/json' },
      });
    return { limiter, ask };
  }

  test('it answers the page, its routes, and what is done', async () => {
    const { limiter, ask } = await served();
    expect(await (await ask('')).text()).toMatch(/^<!doctype html>/);
    await limiter.check('a');
    const done = await ask('/do/reset', { method: 'POST', body: '{"subject":"a"}' });
    expect(await done.json()).toEqual({ subject: 'a', forgotten: true });
    expect((await ask('/do/reset', { method: 'POST', body: 'x'.repeat(100_000) })).status).toBe(413);
  });

  test('below a mount, and behind a parser of bodies', async () => {
    const { limiter, ask } = await served({}, (request) => {
      const given = request as { url: string; originalUrl?: string; body?: object };
      given.originalUrl = given.url;
      given.url = given.url.replace('/admin/rate-limit', '') || '/';
      given.body = { subject: 'a' };
    });
    await limiter.check('a');
    expect((await ask('/data/overview')).status).toBe(200);
    expect(await (await ask('/do/reset', { method: 'POST', body: '{}' })).json()).toMatchObject({
      forgotten: true,
    });
  });

  test('an authorize that fails is a 500, said to the log, and ends no process', async () => {
    const said = jest.spyOn(console, 'error').mockImplementation(() => {});
    const { ask } = await served({ authorize: () => Promise.reject(new Error('no session store')) });
    const response = await ask('');
    expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining('session')]);
    expect(said).toHaveBeenCalledWith(expect.stringContaining('spillway/dashboard'), expect.any(Error));
    said.mockRestore();
  });
});
