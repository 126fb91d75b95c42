// Starts the example app as `npm start` does and asks it what a visitor with curl would; with --redis on a Redis of its own.
import assert from 'node:assert/strict';
import { guesses, headers, numbers, origins, sessions, signInAt } from './lib/example-safety.mjs';
import { ownRedis } from './lib/redis.mjs';
import { serveExample } from './lib/served.mjs';
import { check, close } from './lib/tally.mjs';

const PASSWORD = 'only-for-this-check';
const redis = process.argv.includes('--redis') ? await ownRedis() : undefined;
const app = await serveExample({ ADMIN_PASSWORD: PASSWORD, REDIS_URL: redis?.url ?? '' });
const ask = (path, options) => fetch(app.address + path, options);
const json = async (path) => (await ask(path)).json();

const signIn = (password) => signInAt(app.address, password);

async function statuses(path, count) {
  const found = [];
  for (let i = 0; i < count; i++) found.push((await ask(path)).status);
  return found;
}

await check('the pages are there', async () => {
  for (const [path, text] of [
    ['/', /A limit being used up/],
    ['/algorithms', /Four ways to count/],
    ['/admin/login', /Sign in/],
  ]) {
    const page = await ask(path);
    assert.equal(page.status, 200);
    assert.match(await page.text(), text);
  }
  const dashboard = await ask('/admin', { redirect: 'manual' });
  assert.equal(dashboard.status, 307);
  assert.equal(dashboard.headers.get('location'), '/admin/login');
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

await check('FREE: a hundred in parallel are admitted, not one more', async () => {
  const answers = await Promise.all(Array.from({ length: 105 }, () => ask('/api/limited?org=globex')));
  const admitted = answers.filter(({ status }) => status === 200);
  const left = new Set(admitted.map(({ headers }) => headers.get('x-ratelimit-remaining')));
  assert.equal(admitted.length, 100);
  assert.equal(left.size, 100);
  const denied = answers.filter(({ status }) => status === 429);
  assert.ok(denied.every(({ headers }) => headers.has('retry-after')));
});

await check('the drop-in counts the same: applyRateLimit answers 429 in place of the response', async () => {
  const response = await ask('/api/drop-in');
  assert.equal(response.status, 429);
  assert.equal(response.headers.get('x-ratelimit-limit'), '100');
});

await check(
  'PRO has two rates: organizations do not share a limit, and the tighter rate is in front',
  async () => {
    const response = await ask('/api/limited?org=initech');
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('x-ratelimit-limit'), '100');
    const { rules } = await json('/api/status?org=initech');
    assert.deepEqual(
      rules.map(({ limit, remaining }) => [limit, remaining]),
      [
        [1000, 999],
        [100, 99],
      ],
    );
  },
);

await check('another plan at run time keeps what was used', async () => {
  const change = (plan) => ask(`/api/plan?org=initech&plan=${plan}`, { method: 'PUT' });
  assert.equal((await change('FREE')).status, 200);
  assert.equal((await json('/api/status?org=initech')).remaining, 99);
  assert.equal((await change('PRO')).status, 200);
  assert.equal((await change('__proto__')).status, 400);
});

await check('each algorithm admits ten at once', async () => {
  for (const name of ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket']) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(`/api/algorithms/${name}`)));
    assert.ok(answers.every(({ status }) => status === 200));
    assert.equal(answers[0].headers.get('x-ratelimit-algorithm'), name);
  }
  assert.equal((await ask('/api/algorithms/sliding-log')).status, 429);
  assert.equal((await ask('/api/algorithms/leaky')).status, 404);
});

await check('the status route counts nothing', async () => {
  const read = () => json('/api/status?org=globex');
  const { used, remaining, limit, percentUsed } = await read();
  assert.deepEqual(
    { used, remaining, limit, percentUsed },
    { used: 100, remaining: 0, limit: 100, percentUsed: 100 },
  );
  assert.equal((await read()).used, 100);
});

await check(`it counts in ${redis ? 'Redis, readable there' : 'its own process'}`, async () => {
  const expected = redis ? 'redis' : 'memory';
  assert.equal((await json('/api/status?org=globex')).source, expected);
  const { status, store } = await json('/api/health');
  assert.deepEqual({ status, store }, { status: 'healthy', store: expected });
  if (redis) assert.equal(redis.cli('GET', 'ratelimit:globex'), '100');
});

await check('an organization that is not for trying out is refused', async () => {
  assert.deepEqual(await statuses('/api/limited?org=org-000001', 1), [400]);
  assert.deepEqual(await statuses('/api/limited?org=__proto__', 1), [400]);
});

let Cookie = '';
const admin = (path, body) =>
  ask(`/admin/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { Cookie, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
/** Who is limited, once everything was looked at. */
async function limitedNow() {
  for (;;) {
    const found = await (await admin('data/limited?limit=200')).json();
    if (found.looked.done) return found.items;
  }
}

await check('the dashboard wants the password', async () => {
  assert.equal((await admin('data/overview')).status, 401);
  assert.equal((await signIn('wrong')).status, 401);
  const signedIn = await signIn(PASSWORD);
  assert.equal(signedIn.status, 204);
  assert.match(signedIn.headers.get('set-cookie'), /HttpOnly; SameSite=strict/i);
  Cookie = signedIn.headers.get('set-cookie').split(';')[0];
  assert.equal((await admin('data/overview')).status, 200);
});

await check('an administrator sees who is limited, searches, lifts, blocks and raises', async () => {
  const { health, stats, canRaise } = await (await admin('data/overview')).json();
  assert.deepEqual([health.healthy, health.store, canRaise], [true, redis ? 'redis' : 'memory', true]);
  assert.ok(stats.decisions.ok >= 111 && stats.decisions.limit >= 6, JSON.stringify(stats.decisions));
  const limited = await limitedNow();
  const globex = limited.find(({ subject }) => subject === 'globex');
  assert.deepEqual([globex.state, globex.denied], ['limited', 5]);

  const found = await (await admin('data/find?text=globex')).json();
  assert.equal(found.items[0].subject, 'globex');
  assert.equal((await admin('do/reset', { subject: 'globex' })).status, 200);
  assert.deepEqual(await statuses('/api/limited?org=globex', 1), [200]);
  assert.equal((await admin('do/block', { subject: 'globex', ms: 300_000 })).status, 200);
  assert.deepEqual(await statuses('/api/limited?org=globex', 1), [429]);
  assert.equal((await admin('do/block', { subject: 'globex', ms: 0 })).status, 400);
  assert.equal((await admin('do/raise', { subject: 'acme', to: '2x', ms: 60_000 })).status, 200);
  for (let limit; limit !== 20;) ({ limit } = await json('/api/status?org=acme'));
  const changes = await (await admin('data/changes')).json();
  assert.deepEqual(
    changes.map(({ kind, subject, by }) => [kind, subject, by]),
    [
      ['override', 'acme', 'administrator'],
      ['block', 'globex', 'administrator'],
      ['reset', 'globex', 'administrator'],
    ],
  );
});

await check('wrong passwords are limited, right ones given back', async () => {
  for (let i = 0; i < 8; i++) assert.equal((await signIn(PASSWORD)).status, 204);
  // One was wrong before.
  for (let i = 0; i < 4; i++) assert.equal((await signIn('wrong')).status, 401);
  const denied = await signIn(PASSWORD);
  assert.equal(denied.status, 429);
  assert.ok(Number(denied.headers.get('retry-after')) >= 1);
});

await headers(app.address, PASSWORD);
await origins(app.address, PASSWORD);
await numbers(app.address, PASSWORD);
const second = redis && (await serveExample({ ADMIN_PASSWORD: PASSWORD, REDIS_URL: redis.url }));
await sessions(app.address, PASSWORD, second ? [second.address] : []);
await second?.stop();
await guesses(app.address, PASSWORD);

await check('the proxy limits one client to 300 a minute, and never health probes', async () => {
  const client = { headers: { 'X-Forwarded-For': '203.0.113.7, 198.51.100.1' } };
  const answers = await Promise.all(Array.from({ length: 310 }, () => ask('/api/drop-in', client)));
  const byProxy = answers.filter(({ headers: of }) => of.get('x-ratelimit-limit') === '300');
  assert.equal(byProxy.length, 10);
  assert.ok(byProxy.every(({ status, headers: of }) => status === 429 && of.has('retry-after')));
  const health = await ask('/api/health', client);
  assert.equal(health.status, 200);
  // Whom the proxy refuses, which is bundled apart from the dashboard, is found by address, and let go.
  let flood;
  const isFlood = ({ subject }) => subject === 'ip:198.51.100.1';
  for (const fromMs = performance.now(); flood === undefined && performance.now() - fromMs < 20_000;) {
    flood = (await limitedNow()).find(isFlood);
  }
  assert.deepEqual([flood.rule, flood.state, flood.count, flood.limit], ['client', 'limited', 300, 300]);
  assert.equal((await admin('do/reset', { subject: 'ip:198.51.100.1' })).status, 200);
  assert.notEqual((await ask('/api/drop-in', client)).headers.get('x-ratelimit-limit'), '300');
});

if (redis) {
  await check('with Redis stopped it admits, and says so', async () => {
    await redis.stop();
    assert.deepEqual(await statuses('/api/limited?org=umbrella', 1), [200]);
    assert.equal((await json('/api/health')).status, 'degraded');
    const { health, fleet } = await (await admin('data/overview')).json();
    assert.deepEqual([health.healthy, fleet], [false, null]);
    assert.equal((await admin('do/reset', { subject: 'acme' })).status, 503);
    // Ended here, and said that the other servers do not know.
    assert.equal((await ask('/api/admin/session', { method: 'DELETE', headers: { Cookie } })).status, 503);
    assert.equal((await admin('data/overview')).status, 401);
  });
}

await check('a signal ends it cleanly', async () => {
  assert.deepEqual(await app.stop(), [0, null]);
  await assert.rejects(ask('/api/health'));
});

close();
