// Starts the example app as `npm start` does and asks it what a visitor with curl would; with --redis on a Redis of its own.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './lib/addon.mjs';
import { freePort } from './lib/example.mjs';
import { check, close } from './lib/tally.mjs';

const TOKEN = 'only-for-this-check';
const redis = process.argv.includes('--redis') ? await startRedis() : undefined;
const started = spawn(process.execPath, [join(root, 'scripts/start.mjs')], {
  env: {
    ...process.env,
    PORT: String(await freePort(3400)),
    ADMIN_TOKEN: TOKEN,
    REDIS_URL: redis?.url ?? '',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(started, 'close');
const address = await readAddress();
const ask = (path, options) => fetch(address + path, options);
const admin = (method, path = '') =>
  ask(`/api/admin/limits${path}`, { method, headers: { Authorization: `Bearer ${TOKEN}` } });

/** The address that the start prints. */
async function readAddress() {
  let text = '';
  return new Promise((resolve, reject) => {
    started.stdout.on('data', (chunk) => {
      process.stdout.write(chunk);
      text += chunk;
      const found = /^\s*(http:\/\/localhost:\d+)$/m.exec(text);
      if (found) resolve(found[1]);
    });
    ended.then(() => reject(new Error('npm start ended before it printed an address.')));
  });
}

async function startRedis() {
  const port = await freePort(7400);
  const folder = mkdtempSync(join(tmpdir(), 'spillway-redis-'));
  const server = spawn('redis-server', ['--port', String(port), '--dir', folder, '--save', ''], {
    stdio: 'ignore',
  });
  server.unref();
  process.on('exit', () => {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  const get = (key) =>
    execFileSync('redis-cli', ['-p', String(port), 'GET', key], { encoding: 'utf8' }).trim();
  return { url: `redis://127.0.0.1:${port}`, get };
}

async function statuses(path, count) {
  const found = [];
  for (let i = 0; i < count; i++) found.push((await ask(path)).status);
  return found;
}

await check('the page is there', async () => {
  const page = await ask('/');
  assert.equal(page.status, 200);
  assert.match(await page.text(), /A limit being used up/);
});

await check('DEMO: ten requests are admitted, then 429 with every header', async () => {
  const path = '/api/limited?org=acme';
  const first = await ask(path);
  assert.equal(first.status, 200);
  assert.equal(first.headers.get('x-ratelimit-limit'), '10');
  assert.equal(first.headers.get('x-ratelimit-remaining'), '9');
  assert.equal(first.headers.get('retry-after'), null);
  assert.deepEqual(await statuses(path, 9), Array(9).fill(200));
  const denied = await ask(path);
  assert.equal(denied.status, 429);
  assert.equal(denied.headers.get('x-ratelimit-remaining'), '0');
  const wait = Number(denied.headers.get('retry-after'));
  assert.ok(wait >= 1 && wait <= 60, `Retry-After: ${wait}`);
  const resetsIn = Number(denied.headers.get('x-ratelimit-reset')) - Date.now() / 1000;
  assert.ok(resetsIn > -1 && resetsIn <= 61, `X-RateLimit-Reset is ${resetsIn} s away`);
  assert.equal((await denied.json()).error, 'Too Many Requests');
});

await check('FREE, the drop-in: a hundred in parallel are admitted, not one more', async () => {
  const answers = await Promise.all(
    Array.from({ length: 105 }, () => ask('/api/limited?org=globex&plan=FREE')),
  );
  const admitted = answers.filter(({ status }) => status === 200);
  const left = new Set(admitted.map(({ headers }) => headers.get('x-ratelimit-remaining')));
  assert.equal(admitted.length, 100);
  assert.equal(left.size, 100);
  assert.ok(
    answers.filter(({ status }) => status === 429).every(({ headers }) => headers.has('retry-after')),
  );
});

await check('organizations do not share a limit', async () => {
  assert.equal((await ask('/api/limited?org=initech')).status, 200);
});

await check('applyRateLimit adds the headers to the response', async () => {
  const response = await ask('/api/drop-in');
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('x-ratelimit-limit'), '100');
  assert.deepEqual(await response.json(), { orders: [] });
});

await check('the status route counts nothing', async () => {
  const read = async () => (await ask('/api/status?org=globex&plan=FREE')).json();
  const { used, remaining, limit, percentUsed } = await read();
  assert.deepEqual(
    { used, remaining, limit, percentUsed },
    { used: 100, remaining: 0, limit: 100, percentUsed: 100 },
  );
  assert.equal((await read()).used, 100);
});

await check(`it counts in ${redis ? 'Redis, readable there' : 'its own process'}`, async () => {
  const { store } = await (await ask('/api/status')).json();
  assert.equal(store, redis ? 'redis' : 'memory');
  assert.equal((await (await ask('/api/health')).json()).redis, redis ? true : null);
  if (redis) assert.equal(redis.get('ratelimit:globex'), '100');
});

await check('an unlisted organization or plan is refused', async () => {
  assert.deepEqual(await statuses('/api/limited?org=nobody', 1), [400]);
  assert.deepEqual(await statuses('/api/limited?plan=__proto__', 1), [400]);
});

await check('the admin route wants the token', async () => {
  assert.equal((await ask('/api/admin/limits')).status, 401);
  assert.equal((await ask('/api/admin/limits', { headers: { Authorization: 'Bearer wrong' } })).status, 401);
});

await check('the admin route lists and resets', async () => {
  const before = await (await admin('GET')).json();
  assert.equal(before.plans['ratelimit:globex'].count, 100);
  assert.equal(before.demo.find(({ key }) => key === 'acme').count, 10);
  assert.equal((await admin('DELETE', '?org=globex')).status, 200);
  const after = await (await admin('GET')).json();
  assert.equal(after.plans['ratelimit:globex'], undefined);
  assert.deepEqual(await statuses('/api/limited?org=globex&plan=FREE', 1), [200]);
});

await check('the proxy limits one client to 300 a minute, and never health probes', async () => {
  const headers = { 'X-Forwarded-For': '203.0.113.7, 198.51.100.1' };
  const answers = await Promise.all(Array.from({ length: 310 }, () => ask('/api/drop-in', { headers })));
  const byProxy = answers.filter(({ headers: of }) => of.get('x-ratelimit-limit') === '300');
  assert.equal(byProxy.length, 10);
  assert.ok(byProxy.every(({ status, headers: of }) => status === 429 && of.has('retry-after')));
  const health = await ask('/api/health', { headers });
  assert.equal(health.status, 200);
  assert.equal((await health.json()).status, 'healthy');
});

await check('a signal ends it cleanly', async () => {
  started.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
  await assert.rejects(ask('/api/health'));
});

close();
