// `node bench/sizing.mjs`: what docs/sizing.md is made of, in some two minutes. How long checks take and what they cost at a
// given rate, what keys take on Redis, and what connections take. Redis has core 1, the client core 0.
import { createRequire } from 'node:module';
import { loadavg } from 'node:os';
import { here, pinning, runNode } from './children.mjs';
import { openAdmin, startRedis } from './redis.mjs';

const { createRateLimiter } = createRequire(import.meta.url)('../dist/index.js');
const RATES = [1_000, 5_000, 10_000, 20_000, 50_000];
const PLANS = ['ONE', 'THREE', 'BUCKET'];
const SECONDS = 4;
const KEYS = [10_000, 100_000, 1_000_000];
const CONNECTIONS = [1, 10, 100];
const ALGORITHMS = ['fixed-window', 'sliding-window', 'token-bucket'];

const { client, server: pin } = pinning();
const server = await startRedis(pin);
const admin = await openAdmin(server.port);
console.log(`Redis ${await admin.version()}, load before ${loadavg()[0].toFixed(1)}`);

const curve = [];
for (const plan of PLANS) {
  for (const perSecond of RATES) {
    await admin.flush();
    const job = JSON.stringify({ port: server.port, plan, perSecond, seconds: SECONDS });
    const ran = JSON.parse(await runNode(client, [here('sizing-child.mjs'), job], 60_000));
    const cores = (value) => `${Math.round(value * 100)} %`;
    const { p50, p99, clientCores, redisCores, lost } = ran;
    const ms = (value) => `${value.toFixed(2)} ms`;
    const row = { plan, 'checks/s': perSecond, p50: ms(p50), p99: ms(p99) };
    curve.push({ ...row, client: cores(clientCores), redis: cores(redisCores), lost });
  }
}
console.table(curve);

const memory = [];
for (const algorithm of ALGORITHMS) {
  for (const keys of KEYS) {
    await admin.flush();
    const before = await admin.usedMemory();
    const limiter = limiterOf({ algorithm });
    for (let i = 0; i < keys; i += 5_000) {
      const some = Array.from({ length: Math.min(5_000, keys - i) }, (_, j) => limiter.check(idOf(i + j)));
      if ((await Promise.all(some)).some(({ source }) => source !== 'redis')) throw new Error('not counted');
    }
    const bytes = (await admin.usedMemory()) - before;
    memory.push({ algorithm, keys, MB: (bytes / 1e6).toFixed(1), 'bytes a key': Math.round(bytes / keys) });
    await limiter.close();
  }
}
console.table(memory);

await admin.flush();
const connections = [];
const before = await admin.usedMemory();
for (const count of CONNECTIONS) {
  // Options that differ make a connection of their own.
  const limiters = Array.from({ length: count }, (_, i) => limiterOf({}, { connectTimeoutMs: 5_000 + i }));
  const rss = process.memoryUsage.rss();
  await Promise.all(limiters.map((limiter) => limiter.check('org')));
  const onRedis = ((await admin.usedMemory()) - before) / count;
  const inProcess = (process.memoryUsage.rss() - rss) / count;
  connections.push({
    connections: count,
    'kB on Redis': Math.round(onRedis / 1e3),
    'kB here': Math.round(inProcess / 1e3),
  });
  await Promise.all(limiters.map((limiter) => limiter.close()));
}
console.table(connections);
console.log(`load after ${loadavg()[0].toFixed(1)}`);
admin.close();
await server.stop();

function limiterOf(more, redis = {}) {
  const rate = { requests: 1_000, windowMs: 3_600_000 };
  return createRateLimiter({
    redis: { host: '127.0.0.1', port: server.port, ...redis },
    rate,
    timeoutMs: 10_000,
    ...more,
  });
}

function idOf(i) {
  return `org-${String(i).padStart(12, '0')}`;
}
