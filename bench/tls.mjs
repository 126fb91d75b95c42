// `node bench/tls.mjs`: throughput over TLS at 256 in flight, against ioredis over TLS and against the same checks
// without TLS. A certificate is made for the run; alternating rounds, medians of the rounds' ratios, and what of the time
// Redis's thread was busy: 100 % of it is the end of what any client gets. Needs openssl, and `npm run bench` to have
// installed the peers once.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processMicros } from './measure.mjs';
import { ioredis } from './peers/ioredis.mjs';
import { freePort, openAdmin, startRedis } from './redis.mjs';

const ROUNDS = 7;
const IN_FLIGHT = 256;
// Half a second of the fastest and more: a shorter span measures the collector's pauses of the contender before it.
const CHECKS = 400_000;
const NAMES = Array.from({ length: 10_000 }, (_, i) => `org-${i}`);
const { createRateLimiter } = createRequire(import.meta.url)('../dist/index.js');

const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-tls-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(folder, name));
const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
execFileSync('openssl', ['req', '-x509', '-days', '2', ...curve, ...subject, '-keyout', key, '-out', cert], {
  stdio: 'ignore',
});
const tlsPort = await freePort();
const server = await startRedis([], {
  'tls-port': tlsPort,
  'tls-cert-file': cert,
  'tls-key-file': key,
  'tls-auth-clients': 'no',
});
const admin = await openAdmin(server.port);
const tls = { ca: readFileSync(cert, 'utf8') };
const limits = { limit: 1_000_000_000, windowMs: 3_600_000 };

const spillway = (url, options) => {
  const rate = { requests: limits.limit, windowMs: limits.windowMs };
  const limiter = createRateLimiter({ redis: { url, ...options }, rate, timeoutMs: 5_000 });
  return {
    check: (name) => limiter.check(name),
    admitted: ({ source }) => source === 'redis',
    close: () => limiter.close(),
  };
};
const contenders = {
  'spillway over TLS': spillway(`rediss://127.0.0.1:${tlsPort}`, { tls }),
  'spillway without TLS': spillway(`redis://127.0.0.1:${server.port}`),
  'ioredis over TLS': await ioredis({ port: tlsPort, ...limits }, { tls }),
  'ioredis over TLS, auto-pipelining': await ioredis(
    { port: tlsPort, ...limits },
    { tls, enableAutoPipelining: true },
  ),
};

const rounds = [];
for (let round = 0; round <= ROUNDS; round++) {
  const result = {};
  for (const [name, peer] of Object.entries(contenders)) result[name] = await measure(peer);
  // The first is for warming up.
  if (round > 0) rounds.push(result);
}
for (const peer of Object.values(contenders)) await peer.close();
admin.close();
await server.stop();

const median = (pick) => rounds.map(pick).sort((a, b) => a - b)[ROUNDS >> 1];
for (const name of Object.keys(contenders)) {
  const fields = ['perSecond', 'micros', 'redisMicros', 'redisBusy'];
  const [perSecond, micros, redis, busy] = fields.map((field) => median((round) => round[name][field]));
  const cpu = `${micros.toFixed(2)} µs of the client's CPU and ${redis.toFixed(2)} µs of Redis's each`;
  console.log(`${name}: ${Math.round(perSecond)} checks/s, ${cpu}; Redis busy ${Math.round(busy * 100)} %`);
}
const ratio = (name, other, field = 'perSecond') =>
  median((round) => round[name][field] / round[other][field]).toFixed(2);
console.log(
  `throughput by ioredis over TLS: ${ratio('spillway over TLS', 'ioredis over TLS')} (goal: at least 3)`,
);
console.log(
  `throughput by ioredis over TLS with auto-pipelining: ${ratio('spillway over TLS', 'ioredis over TLS, auto-pipelining')}`,
);
console.log(`CPU by the same without TLS: ${ratio('spillway over TLS', 'spillway without TLS', 'micros')}`);

async function measure({ check, admitted }) {
  // Each has the server's caches for its own keys.
  await admin.flush();
  const cpu = processMicros();
  const redis = await admin.cpuSeconds();
  const from = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < CHECKS) {
      if (!admitted(await check(NAMES[next++ % NAMES.length])))
        throw new Error('a check was not admitted by Redis');
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  const seconds = (performance.now() - from) / 1e3;
  const micros = processMicros() - cpu;
  const redisSeconds = (await admin.cpuSeconds()) - redis;
  return {
    perSecond: CHECKS / seconds,
    micros: micros / CHECKS,
    redisMicros: (redisSeconds * 1e6) / CHECKS,
    redisBusy: redisSeconds / seconds,
  };
}
