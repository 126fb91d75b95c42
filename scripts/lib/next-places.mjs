// What has to hold in every place of the fixture app where a request arrives.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { launchBrowser } from './browser.mjs';

async function statuses(server, path, count, options) {
  const found = [];
  for (let i = 0; i < count; i++) found.push((await server.ask(path, options)).status);
  return found;
}

/** Connections of spillway, as Redis counts them. */
export function clients(redis) {
  const lines = redis.cli('CLIENT', 'LIST').split('\n');
  return lines.filter((line) => / name=spillway /.test(line)).map((line) => /^id=(\d+)/.exec(line)[1]);
}

const PLACES = {
  async 'a route handler'(server, redis) {
    const path = '/api/limited?org=acme';
    const first = await server.ask(path);
    assert.equal(first.status, 200);
    assert.equal(first.headers.get('x-ratelimit-remaining'), '2');
    assert.deepEqual(await first.json(), { path: '/api/limited' });
    assert.deepEqual(await statuses(server, path, 2), [200, 200]);
    const denied = await server.ask(path);
    assert.equal(denied.status, 429);
    assert.ok(Number(denied.headers.get('retry-after')) >= 1);
    assert.equal((await denied.json()).error, 'Too Many Requests');
    assert.equal(redis.cli('GET', 'plan:acme'), '3');
  },
  async 'the drop-in, with a cookie of a NextResponse'(server, redis) {
    const response = await server.ask('/api/drop-in');
    assert.equal(response.headers.get('x-ratelimit-limit'), '100');
    assert.match(response.headers.get('set-cookie'), /seen=1/);
    assert.equal(redis.cli('GET', 'ratelimit:acme'), '1');
  },
  async 'proxy or middleware'(server) {
    const from = (ip) => ({ headers: { 'X-Forwarded-For': `203.0.113.9, ${ip}` } });
    assert.deepEqual(await statuses(server, '/api/guarded', 3, from('192.0.2.1')), [200, 200, 429]);
    assert.deepEqual(await statuses(server, '/api/guarded', 1, from('192.0.2.2')), [200]);
  },
  async 'pages/api'(server) {
    assert.deepEqual(await statuses(server, '/api/legacy', 3), [200, 200, 429]);
  },
  async 'a server action, in a browser'(server) {
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage();
      // `next dev` compiles it first, which takes as long as the machine is busy.
      await page.goto(server.address, { timeout: 120_000 });
      const told = page.locator('output');
      for (const text of ['sent', 'sent', /^Rate limit exceeded\. Try again in \d+ seconds?\.$/]) {
        const answered = page.waitForResponse((response) => response.request().method() === 'POST');
        await page.getByRole('button', { name: 'Send' }).click();
        await answered;
        await told.filter({ hasText: text }).waitFor({ timeout: 30_000 });
      }
    } finally {
      await browser.close();
    }
  },
  async instrumentation(server) {
    assert.deepEqual(await (await server.ask('/api/started')).json(), { healthy: true });
  },
  async 'the health route'(server) {
    const { status, store } = await (await server.ask('/api/health')).json();
    assert.deepEqual({ status, store }, { status: 'healthy', store: 'redis' });
  },
  async 'one connection for all of them'(_, redis) {
    assert.equal(clients(redis).length, 1);
  },
};

/** Asks every place; the first that fails says which it was. */
export async function askPlaces(server, redis) {
  for (const [place, ask] of Object.entries(PLACES)) {
    try {
      await ask(server, redis);
    } catch (error) {
      throw new Error(`${place}: ${error.message}\n${server.said.slice(-2_000)}`, { cause: error });
    }
  }
}

/** Edits the module that makes the limiters, under `next dev`; it is evaluated anew each time, in several bundles. */
export async function editManyTimes(app, server, redis, edits) {
  const file = app.path('lib/limits.ts');
  const source = readFileSync(file, 'utf8');
  const before = clients(redis);
  const connections = () => Number(/total_connections_received:(\d+)/.exec(redis.cli('INFO', 'stats'))[1]);
  const look = async () => (await server.ask('/api/edition')).json().catch(() => ({}));
  const { evaluations } = await look();
  const atFirst = connections();
  for (let edition = 1; edition <= edits; edition++) {
    writeFileSync(file, source.replace('edition = 0', `edition = ${edition}`));
    let seen = {};
    for (let tries = 0; seen.edition !== edition; tries++) {
      if (tries === 300) throw new Error(`Edit ${edition} was not seen.\n${server.said.slice(-2_000)}`);
      await setTimeout(50);
      seen = await look();
    }
    assert.equal(seen.source, 'redis');
    // The same module in other bundles: a route handler, and the proxy in front of it.
    for (const path of ['/api/limited?org=edits', '/api/guarded']) await server.ask(path);
  }
  assert.ok((await look()).evaluations - evaluations >= edits);
  writeFileSync(file, source);
  // redis-cli itself was one of them.
  assert.equal(connections() - atFirst, 1);
  assert.deepEqual(clients(redis), before);
}
