// `node bench/cluster.mjs`: what a cluster of three masters costs the client, in CPU per check, by what one server costs
// it. All servers run on this machine; rounds alternate, each in a process of its own. Medians.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median } from './measure.mjs';
import { startCluster, startRedis } from './redis.mjs';

const ROUNDS = 9;
const CHECKS = 400_000;
const KEYS = 10_000;
const IN_FLIGHT = 256;

if (process.argv[2] !== undefined) {
  await measure(JSON.parse(process.argv[2]));
} else {
  await compare();
}

async function compare() {
  const server = await startRedis([]);
  const cluster = await startCluster();
  const places = { 'one server': `redis://127.0.0.1:${server.port}`, 'three masters': cluster.redis };
  const results = { 'one server': [], 'three masters': [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, redis] of Object.entries(places)) results[name].push(await inProcess(redis));
  }
  for (const [name, rounds] of Object.entries(results)) {
    const of = (field) => median(rounds.map((round) => round[field]));
    console.log(
      `${name}: ${of('micros').toFixed(2)} µs of the client's CPU a check (${of('user').toFixed(2)} in user mode), ` +
        `${Math.round(of('perSecond'))} checks/s, ${of('perWrite').toFixed(0)} checks a write`,
    );
  }
  const ratios = results['three masters'].map(({ micros }, i) => micros / results['one server'][i].micros);
  console.log(`client CPU of three masters by one server: ${median(ratios).toFixed(2)} (goal: at most 1.3)`);
  await cluster.stop();
  await server.stop();
}

async function inProcess(redis) {
  const args = [fileURLToPath(import.meta.url), JSON.stringify(redis)];
  return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout);
}

/** The figures of one process, warm, with all its checks answered by the store. */
async function measure(redis) {
  const { createRequire } = await import('node:module');
  const { readFileSync } = await import('node:fs');
  const { createRateLimiter } = createRequire(import.meta.url)('../dist/index.js');
  const limiter = createRateLimiter({ redis, rate: '100000000/h', timeoutMs: 10_000 });
  const keys = Array.from({ length: KEYS }, (_, i) => `org-${10_000 + i}`);
  const run = async (checks) => {
    let next = 0;
    let others = 0;
    const lane = async () => {
      while (next < checks) {
        const { source } = await limiter.check(keys[next++ % KEYS]);
        if (source !== 'redis') others++;
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    if (others > 0)
      throw new Error(`${others} checks were not answered by Redis: ${limiter.stats().lastError}`);
  };
  const writes = () => Number(/^syscw: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))[1]);
  await run(CHECKS / 4);
  const written = writes();
  const from = performance.now();
  const before = process.cpuUsage();
  await run(CHECKS);
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - from) / 1e3;
  const result = {
    micros: (user + system) / CHECKS,
    user: user / CHECKS,
    perSecond: CHECKS / seconds,
    perWrite: CHECKS / (writes() - written),
  };
  process.stdout.write(JSON.stringify(result));
  await limiter.close();
}
