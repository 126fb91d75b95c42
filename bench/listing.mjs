// `node bench/listing.mjs [KEYS]`: what a listing of a million keys does to checks that run meanwhile, at 2,000 a second.
// Prints the checks' p50 and p99 alone and beside the listing, in alternating rounds, and the memory that listing took.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { startRedis } from './redis.mjs';

const KEYS = Number(process.argv[2] ?? 1_000_000);
const RATE = 2_000;
const ROUNDS = 5;
const { createRateLimiter } = createRequire(import.meta.url)('../dist/index.js');

const redis = await startRedis([]);
process.stderr.write(`filling ${KEYS} keys\n`);
await fill(redis.port);
const limiter = createRateLimiter({
  redis: `redis://127.0.0.1:${redis.port}`,
  plans: { P: '1000000/h' },
  timeoutMs: 10_000,
});
await load(1_000);

const rows = [];
for (let round = 0; round < ROUNDS; round++) {
  const alone = await load(3_000);
  const before = process.memoryUsage.rss();
  let listed = 0;
  let peak = 0;
  const listing = (async () => {
    const keys = limiter.list();
    while (!(await keys.next()).done) {
      listed++;
      if (listed % 10_000 === 0) peak = Math.max(peak, process.memoryUsage.rss() - before);
    }
  })();
  const from = performance.now();
  let done = false;
  listing.finally(() => (done = true));
  const beside = await load(Infinity, () => done);
  const seconds = (performance.now() - from) / 1e3;
  rows.push({ alone, beside, ratio: beside.p99 / alone.p99, listed, seconds, peakMb: peak / 1e6 });
  process.stderr.write(`round ${round + 1} of ${ROUNDS}: listed ${listed} in ${seconds.toFixed(1)} s\n`);
}
await limiter.close();
await redis.stop();
const of = (pick) => rows.map(pick).sort((a, b) => a - b)[ROUNDS >> 1];
console.log(
  `checks alone:         p50 ${of((r) => r.alone.p50).toFixed(2)} ms, p99 ${of((r) => r.alone.p99).toFixed(2)} ms`,
);
console.log(
  `checks beside a list: p50 ${of((r) => r.beside.p50).toFixed(2)} ms, p99 ${of((r) => r.beside.p99).toFixed(2)} ms`,
);
console.log(`ratio of the p99s, median of ${ROUNDS} rounds: ${of((r) => r.ratio).toFixed(2)}`);
console.log(
  `a listing of ${rows[0].listed} keys: ${of((r) => r.seconds).toFixed(1)} s, at most ${of((r) => r.peakMb).toFixed(0)} MB more`,
);

/** Checks at RATE for `ms`, or until `over`; their latencies, and none may have been answered by policy. */
async function load(ms, over = () => false) {
  const from = performance.now();
  const waits = [];
  const pending = [];
  let sent = 0;
  while (performance.now() - from < ms && !over()) {
    const due = ((performance.now() - from) / 1e3) * RATE;
    while (sent < due) {
      const at = performance.now();
      pending.push(
        limiter.check(`org-${sent++ % 5_000}`, 'P').then(({ source }) => {
          if (source !== 'redis') throw new Error('a check was not answered by Redis');
          waits.push(performance.now() - at);
        }),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
  waits.sort((a, b) => a - b);
  return { p50: waits[waits.length >> 1], p99: waits[Math.floor(waits.length * 0.99)] };
}

async function fill(port) {
  const cli = spawn('redis-cli', ['-p', String(port), '--pipe'], { stdio: ['pipe', 'ignore', 'inherit'] });
  for (let i = 0; i < KEYS; i += 1_000) {
    const lines = Array.from(
      { length: Math.min(1_000, KEYS - i) },
      (_, j) => `SET ratelimit:key-${i + j} 1 PX 3600000\r\n`,
    );
    if (!cli.stdin.write(lines.join(''))) await once(cli.stdin, 'drain');
  }
  cli.stdin.end();
  await once(cli, 'exit');
}
