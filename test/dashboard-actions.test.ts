/** What can be done by the routes of spillway/dashboard, and how servers of node:http have them. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRateLimiter, memoryStore } from 'spillway';
import { createDashboard, type DashboardOptions } from 'spillway/dashboard';
import { asking, authorize, mounted, SECRET } from './support/dashboard';
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { until } from './support/wait';

const own = owner();

describe('what can be done', () => {
  test('lifting, of one rule or all, is seen at once', async () => {
    const { limiter, post, limited } = await mounted(own);
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
    const { limiter, post, limited } = await mounted(own);
    expect((await post('/do/block', { subject: 'org-1', ms: 60_000 })).status).toBe(200);
    expect(await limiter.check('org-1', 'FREE')).toMatchObject({ allowed: false, reason: 'blocked' });
    expect((await limited()).items[0]).toMatchObject({ subject: 'org-1', state: 'blocked' });
    await post('/do/reset', { subject: 'org-1' });
    expect((await limiter.check('org-1', 'FREE')).allowed).toBe(true);
  });

  test('raised limits hold here within a second, and end', async () => {
    const { limiter, post } = await mounted(own);
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
    const { post, limiter } = await mounted(own);
    expect((await post(path, body)).status).toBe(400);
    expect(await limiter.changes()).toEqual([]);
  });

  test.each(['/do/reset', '/do/block', '/do/raise', '/do/lower'])(
    '%s from a page elsewhere, or by a GET, does nothing',
    async (path) => {
      const { limiter, ask, post } = await mounted(own);
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

test('an answer comes also in a process that has nothing else to do', async () => {
  const script = `
    const { createRateLimiter } = require('spillway');
    const { createDashboard } = require('spillway/dashboard');
    const limiter = createRateLimiter({ rate: '1/h', logger: false });
    const { fetch } = createDashboard({ limiter, basePath: '/', authorize: () => true });
    (async () => {
      for (let i = 0; i < 300; i++) await limiter.check('k' + i);
      report((await fetch(new Request('http://localhost/data/limited'))).status);
    })();`;
  expect(await reportsOf(script)).toEqual([200]);
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
