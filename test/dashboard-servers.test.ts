/** The dashboard below a path of the servers that docs/dashboard.md names, as it says. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { fastify, type FastifyReply, type FastifyRequest } from 'fastify';
import { Hono } from 'hono';
import { createRateLimiter, memoryStore } from 'spillway';
import { createDashboard } from 'spillway/dashboard';
import { owner } from './support/owned';
import { until } from './support/wait';

const own = owner();

async function dashboardOf() {
  const limiter = await own(createRateLimiter({ store: memoryStore(), rate: '3/h', logger: false }));
  return { limiter, dashboard: createDashboard({ limiter, authorize: () => true }) };
}

async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await until('it listens', () => server.listening);
  await own({ close: () => new Promise<void>((done) => server.close(() => done())) });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/admin/rate-limit`;
}

/** What a browser does with it: the page, what it asks, and what is done there. */
async function works(
  ask: (path: string, init?: RequestInit) => Promise<Response>,
  count: () => Promise<number>,
) {
  const page = await ask('');
  expect([page.status, (await page.text()).startsWith('<!doctype html>')]).toEqual([200, true]);
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
  expect(await (await ask('/data/overview')).json()).toMatchObject({ health: { healthy: true } });
  expect(await count()).toBe(1);
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"subject":"a"}' };
  expect(await (await ask('/do/reset', init)).json()).toEqual({ subject: 'a', forgotten: true });
  expect(await count()).toBe(0);
  expect((await ask('/nowhere')).status).toBe(404);
}

test.each([
  ['Express', false],
  ['Express behind its parser of bodies', true],
])('%s', async (_, isParsed) => {
  const { limiter, dashboard } = await dashboardOf();
  const app = express();
  if (isParsed) app.use(express.json());
  app.all('/admin/rate-limit{/*path}', (request, response, next) => dashboard.node(request, response, next));
  const address = await listening(app);
  await limiter.check('a');
  await works(
    (path, init) =>
      fetch(`${address}${path}`, { ...init, headers: { ...init?.headers, connection: 'close' } }),
    async () => (await limiter.status('a')).length,
  );
});

test('Fastify', async () => {
  const { limiter, dashboard } = await dashboardOf();
  const server = fastify();
  const answer = (request: FastifyRequest, reply: FastifyReply) => {
    reply.hijack();
    return dashboard.node(Object.assign(request.raw, { body: request.body }), reply.raw);
  };
  server.all('/admin/rate-limit', answer);
  server.all('/admin/rate-limit/*', answer);
  await own(server);
  const address = await server.listen({ port: 0, host: '127.0.0.1' });
  await limiter.check('a');
  await works(
    (path, init) =>
      fetch(`${address}/admin/rate-limit${path}`, {
        ...init,
        headers: { ...init?.headers, connection: 'close' },
      }),
    async () => (await limiter.status('a')).length,
  );
});

test('Hono', async () => {
  const { limiter, dashboard } = await dashboardOf();
  const app = new Hono();
  app.all('/admin/rate-limit/*', (context) => dashboard.fetch(context.req.raw));
  await limiter.check('a');
  await works(
    async (path, init) => app.request(`http://localhost/admin/rate-limit${path}`, init),
    async () => (await limiter.status('a')).length,
  );
});
