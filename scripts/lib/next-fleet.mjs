// Three processes behind nginx with one Redis: together they admit what one would.
import assert from 'node:assert/strict';
import { startNginx } from './nginx.mjs';

const LIMIT = 100;
const REQUESTS = 400;

/** @param app built, with `next start` to run */
export async function askFleet(app, redis) {
  const env = { REDIS_URL: redis.url };
  const servers = await Promise.all([1, 2, 3].map(() => app.serve('start', 'turbopack', env)));
  // What a route takes to be loaded for the first time is not what is asked here.
  await Promise.all(servers.map(({ address }) => fetch(`${address}/api/drop-in`)));
  redis.cli('FLUSHALL');
  const nginx = await startNginx(servers.map(({ address }) => address));
  try {
    await exactlyTheLimit(nginx, redis);
    await byAddressBehindNginx(nginx);
  } finally {
    await nginx.stop();
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/** All at once, over all servers. */
async function exactlyTheLimit(nginx, redis) {
  const answers = await Promise.all(
    Array.from({ length: REQUESTS }, () => fetch(`${nginx.address}/api/drop-in`)),
  );
  const header = (name) => (answer) => answer.headers.get(name);
  assert.equal(new Set(answers.map(header('x-upstream'))).size, 3);
  const admitted = answers.filter(({ status }) => status === 200);
  const denied = answers.filter(({ status }) => status === 429);
  assert.deepEqual([admitted.length, denied.length], [LIMIT, REQUESTS - LIMIT]);

  // Each admitted request was told another rest, and all of them one window.
  const left = admitted.map(header('x-ratelimit-remaining')).map(Number);
  assert.deepEqual(
    left.sort((a, b) => a - b),
    Array.from({ length: LIMIT }, (_, i) => i),
  );
  assert.ok(admitted.every((answer) => !answer.headers.has('retry-after')));
  assert.ok(denied.every((answer) => header('x-ratelimit-remaining')(answer) === '0'));
  assert.ok(denied.every((answer) => Number(header('retry-after')(answer)) >= 3_590));
  assert.deepEqual([...new Set(answers.map(header('x-ratelimit-limit')))], [String(LIMIT)]);
  const resets = answers.map(header('x-ratelimit-reset')).map(Number);
  assert.ok(
    Math.max(...resets) - Math.min(...resets) <= 1,
    `${Math.min(...resets)} to ${Math.max(...resets)}`,
  );
  assert.equal(redis.cli('GET', 'ratelimit:acme'), String(LIMIT));
}

/** The limit per address of the proxy sees the address that nginx saw, whatever the client claims. */
async function byAddressBehindNginx(nginx) {
  const statuses = [];
  for (let i = 0; i < 3; i++) {
    const headers = { 'X-Forwarded-For': `192.0.2.${i}` };
    statuses.push((await fetch(`${nginx.address}/api/guarded`, { headers })).status);
  }
  assert.deepEqual(statuses, [200, 200, 429]);
}
