/** `npx spillway dashboard` and `changes`, and a night on call by the steps of docs/command-line.md. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRateLimiter } from 'spillway';
import { runIn, Running } from './support/cli';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
const folder = mkdtempSync(join(tmpdir(), 'spillway-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const spillway = runIn(folder);

async function opened(args: string[] = []) {
  const server = await own(RedisServer.start());
  const env = { REDIS_URL: server.url };
  const running = await own(new Running(['dashboard', '--port', '0', ...args], env, folder));
  const [, address, token] = await running.said(/at (http:\/\/127\.0\.0\.1:\d+)\/\?token=(\S+)/);
  const ask = (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
    fetch(`${address!}${path}`, {
      redirect: 'manual',
      ...init,
      headers: { connection: 'close', ...headers },
    });
  const signedIn = await ask(`/?token=${token!}`);
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  return { server, env, running, ask, signedIn, cookie, address: address! };
}

test('only who has the printed address sees it, and does what is done by their name', async () => {
  const { server, ask, signedIn, cookie, running } = await opened(['--by', 'jane']);
  expect([signedIn.status, signedIn.headers.get('location')]).toEqual([303, '/']);
  expect(signedIn.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Strict/);
  for (const wrong of ['', `${cookie}x`, cookie.replace(/=.*/, '=')]) {
    expect((await ask('/', { cookie: wrong })).status).toBe(403);
    expect((await ask('/data/overview', { cookie: wrong })).status).toBe(403);
  }
  expect((await ask('/?token=guessed')).status).toBe(403);
  expect(await (await ask('/', { cookie })).text()).toMatch(/^<!doctype html>/);
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    ask(
      path,
      { cookie, 'content-type': 'application/json', ...headers },
      { method: 'POST', body: JSON.stringify(body) },
    );
  expect((await post('/do/block', { subject: 'org-1', ms: 60_000 })).status).toBe(200);
  expect((await post('/do/raise', { subject: 'org-2', ms: 60_000, to: '2x' })).status).toBe(200);
  expect(
    (await post('/do/block', { subject: 'a', ms: 60_000 }, { origin: 'http://evil.example' })).status,
  ).toBe(403);
  const limiter = await own(
    createRateLimiter({ redis: server.url, plans: { FREE: '100/h' }, logger: false }),
  );
  expect((await limiter.check('org-1', 'FREE')).reason).toBe('blocked');
  await until('it is written', async () => (await limiter.changes()).length === 2);
  expect((await limiter.changes()).map(({ by }) => by)).toEqual(['jane', 'jane']);
  running.child.kill('SIGTERM');
  expect(await running.ended).toMatchObject({ code: 0, err: '' });
  expect(running.out).toMatch(/\nIt shows FREE, PRO, ENTERPRISE under the prefix ratelimit:\.\nThere is no/);
});

test('a name that points here is not its name', async () => {
  const { ask, cookie, address } = await opened();
  // What fetch does not let a page set, a browser sends for the name that it looked up.
  const { request } = await import('node:http');
  const status = await new Promise((resolve, reject) => {
    const headers = { host: `evil.example:${new URL(address).port}`, cookie };
    request(`${address}/data/overview`, { headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
  expect(status).toBe(403);
  expect((await ask('/data/overview', { cookie })).status).toBe(200);
});

test('a port that is taken, and a store that is not named, are a sentence', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await until('it listens', () => taken.listening);
  await own({ close: () => new Promise((done) => taken.close(done)) });
  const { port } = taken.address() as AddressInfo;
  const server = await own(RedisServer.start());
  expect(await spillway(['dashboard', '--port', `${port}`], { REDIS_URL: server.url })).toEqual({
    ...{ code: 2, out: '' },
    err: `spillway: Port ${port} cannot be used (EADDRINUSE). Give another with --port.\n`,
  });
  expect(await spillway(['dashboard', '--port', '70000'])).toMatchObject({ code: 2, out: '' });
  expect(await spillway(['dashboard'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('No store is named'),
  });
});

test('a store that is away is said on the page', async () => {
  const { server, ask, cookie } = await opened();
  await server.kill();
  const overview = await ask('/data/overview', { cookie });
  expect([overview.status, await overview.json()]).toMatchObject([
    200,
    { health: { healthy: false }, fleet: null },
  ]);
});

test('on call: a flood from one address is found, let go, and remembered', async () => {
  const server = await own(RedisServer.start());
  const rules = [{ id: 'api', match: '/api/*', by: 'ip', rate: '50/h' }] as const;
  const place = mkdtempSync(join(folder, 'place-'));
  writeFileSync(join(place, 'spillway.config.json'), JSON.stringify({ plans: { FREE: '100/h' }, rules }));
  const env = { REDIS_URL: server.url };
  const app = await own(
    createRateLimiter({ redis: server.url, plans: { FREE: '100/h' }, rules, logger: false }),
  );
  const ask = (ip: string) => app.checkRequest({ method: 'GET', path: '/api/x', ip });
  for (let i = 0; i < 60; i++) await ask('203.0.113.9');
  for (let i = 0; i < 300; i++) await ask(`198.51.100.${i % 250}`);
  expect((await ask('203.0.113.9')).allowed).toBe(false);

  const top = await spillway(['top', '--once', '--limit', '1'], env, place);
  const [, found, rule] = /^(ip:\S+) +(\S+) +50 of 50/m.exec(top.out) ?? [];
  expect([found, rule]).toEqual(['ip:203.0.113.9', 'api']);
  expect((await spillway(['status', found!], env, place)).out).toMatch(/50 of 50/);
  expect((await spillway(['reset', found!, '--by', 'jane'], env, place)).out).toMatch(/starts afresh/);
  expect((await ask('203.0.113.9')).allowed).toBe(true);
  const changes = await spillway(['changes'], env, place);
  expect(changes.out).toMatch(/^WHEN +WHO +WHAT +WHOM +VALUE\n\S+ +jane +reset +ip:203\.0\.113\.9\n$/);
  expect(JSON.parse((await spillway(['changes', '--json'], env, place)).out)).toMatchObject([{ by: 'jane' }]);
  await spillway(['block', 'org-1', '90s'], env, place);
  await spillway(['override', 'org-2', '2x', '--for', '1h'], env, place);
  await spillway(['override', 'org-2', '500/h,50/m'], env, place);
  await spillway(['override', 'org-2', '--remove'], env, place);
  const told = (await spillway(['changes'], env, place)).out.split('\n').map((line) => line.split(/ {2,}/));
  expect(told.slice(1, 5).map(([, , ...what]) => what)).toEqual([
    ['override', 'org-2', 'ended'],
    ['override', 'org-2', '500/h,50/m'],
    ['override', 'org-2', '2x'],
    ['block', 'org-1', 'for 2 min'],
  ]);
  await server.kill();
  expect(await spillway(['changes'], env, place)).toMatchObject({ code: 1, out: '' });
});
