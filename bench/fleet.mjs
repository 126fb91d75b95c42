// `node bench/fleet.mjs`: what the counts of a fleet cost its checks. One process checks, with `analytics` and without, on a Redis
// to which fifty others tell what they count, or none of which does. Turns in pairs; medians of each turn's p50 and p99.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { KEYS, speed } from './closed-loop.mjs';
import { Histogram, median } from './measure.mjs';
import { startRedis } from './redis.mjs';

const PAIRS = 7;
// Each of the others tells once in ten seconds.
const SECONDS = 10;
const IN_FLIGHT = 16;
const OTHERS = 50;
const NAMES = 200;
const { createRateLimiter } = createRequire(import.meta.url)(
  join(resolve(import.meta.dirname, '..'), 'dist/index.js'),
);

const limiterOf = (redis, analytics, rate) =>
  createRateLimiter({ redis, analytics, rules: [{ id: 'api', match: '/api/*', by: 'user', rate }] });
const ask = (limiter, i) =>
  limiter.checkRequest({ method: 'GET', path: `/api/${i % NAMES}`, user: `u${i % KEYS}` });

/** Fifty limiters that deny what they are asked: so each has as many sums to tell as a minute may have. */
async function others({ redis, analytics }) {
  const all = Array.from({ length: OTHERS }, () => limiterOf(redis, analytics, '1/h'));
  process.send('ready');
  for (let at = 0; ; at = (at + 1) % OTHERS) {
    for (let i = 0; i < 2 * NAMES; i++) await ask(all[at], i);
    await new Promise((done) => setTimeout(done, 150));
  }
}

async function turn(redis, analytics) {
  const child = fork(import.meta.filename, [JSON.stringify({ redis, analytics })]);
  await once(child, 'message');
  const limiter = limiterOf(redis, analytics, '1000000000/h');
  const taken = new Histogram();
  let at = 0;
  const check = async () => {
    const startMs = performance.now();
    await ask(limiter, at++);
    taken.record(performance.now() - startMs);
  };
  // The others begin to tell ten seconds after their first check.
  await speed(check, IN_FLIGHT, KEYS, SECONDS);
  const measured = new Histogram();
  taken.record = (ms) => measured.record(ms);
  const perSecond = await speed(check, IN_FLIGHT, KEYS, SECONDS);
  await limiter.close();
  const ended = once(child, 'exit');
  child.kill();
  await ended;
  return { perSecond, p50: measured.quantile(0.5), p99: measured.quantile(0.99) };
}

if (process.argv[2] !== undefined) {
  await others(JSON.parse(process.argv[2]));
} else {
  const server = await startRedis([]);
  const redis = `redis://127.0.0.1:${server.port}`;
  const turns = { on: [], off: [] };
  for (let pair = 0; pair < PAIRS; pair++) {
    for (const name of pair % 2 === 0 ? ['on', 'off'] : ['off', 'on']) {
      turns[name].push(await turn(`${redis}/${name === 'on' ? 0 : 1}`, name === 'on'));
    }
  }
  const of = (name, field) => median(turns[name].map((one) => one[field]));
  for (const [name, what] of [
    ['on', 'counts written'],
    ['off', 'none written'],
  ]) {
    console.log(
      `${what}: p50 ${of(name, 'p50').toFixed(3)} ms, p99 ${of(name, 'p99').toFixed(3)} ms, ${of(name, 'perSecond').toFixed(0)} checks/s`,
    );
  }
  const ratios = turns.on.map(({ p99 }, i) => p99 / turns.off[i].p99);
  console.log(
    `p99 with and without, in pairs: ${ratios.map((one) => one.toFixed(2)).join(' ')}, median ${median(ratios).toFixed(2)}`,
  );
  await server.stop();
}
