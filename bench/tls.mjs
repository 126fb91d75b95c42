// `node bench/tls.mjs`: throughput over TLS at 256 in flight, against ioredis over TLS and against the same checks
// without TLS. A certificate is made for the run; alternating rounds, medians of the rounds' ratios. Needs openssl, and
// `npm run bench` to have installed the peers once.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processMicros } from './measure.mjs';
import { ioredis } from './peers/ioredis.mjs';
import { freePort, startRedis } from './redis.mjs';

const ROUNDS = 7;
const IN_FLIGHT = 256;
const CHECKS = 60_000;
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
await server.stop();

const median = (pick) => rounds.map(pick).sort((a, b) => a - b)[ROUNDS >> 1];
for (const name of Object.keys(contenders)) {
  const [perSecond, micros] = ['perSecond', 'micros'].map((field) => median((round) => round[name][field]));
  console.log(`${name}: ${Math.round(perSecond)} checks/s, ${micros.toFixed(2)} µs of the client's CPU each`);
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
  const cpu = processMicros();
  const from = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < CHECKS) {
      if (!admitted(await check(`org-${next++ % 10_000}`)))
        throw new Error('a check was not admitted by Redis');
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  const micros = processMicros() - cpu;
  return { perSecond: CHECKS / ((performance.now() - from) / 1e3), micros: micros / CHECKS };
}
