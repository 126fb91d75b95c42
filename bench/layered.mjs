// `node bench/layered.mjs`: what several rules in one check cost. Redis CPU and throughput of four fixed windows in one
// check against one scripted rule and against four sequential rate-limiter-flexible calls; and every algorithm in
// process against the fixed window. Alternating rounds, medians. Needs `npm run bench` to have installed the peers once.
import { createRequire } from 'node:module';
import net from 'node:net';
import { processMicros } from './measure.mjs';
import { startRedis } from './redis.mjs';

const ROUNDS = 5;
const IN_FLIGHT = 256;
const CHECKS = 60_000;
const LOCAL_CHECKS = 300_000;
const ALGORITHMS = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'];
const require = createRequire(import.meta.url);
const { createRateLimiter } = require('../dist/index.js');
const { Redis } = require('ioredis');
const { RateLimiterRedis } = require('rate-limiter-flexible');

const server = await startRedis([]);
const redis = `redis://127.0.0.1:${server.port}`;
const windows = ['1000000/h', '500000/m', '9000000/d', '100000/10s'];
const four = createRateLimiter({ redis, prefix: 'four:', plans: { P: windows } });
const one = createRateLimiter({ redis, prefix: 'one:', plans: { P: [windows[0]] } });
const client = new Redis(server.port, '127.0.0.1');
const flexible = windows.map(
  (_, i) =>
    new RateLimiterRedis({ storeClient: client, keyPrefix: `f${i}`, points: 1_000_000, duration: 3_600 }),
);
const contenders = {
  // A cost of 2 is what always takes the script.
  'one scripted rule': (key) => one.check(key, 'P', { cost: 2 }),
  'four rules in one check': (key) => four.check(key, 'P'),
  'four rate-limiter-flexible calls': async (key) => {
    for (const limiter of flexible) await limiter.consume(key);
  },
};
const rounds = [];
for (let round = 0; round <= ROUNDS; round++) {
  const result = {};
  for (const [name, check] of Object.entries(contenders)) result[name] = await measure(check);
  if (round > 0) rounds.push(result);
}
const of = (pick) => rounds.map(pick).sort((a, b) => a - b)[ROUNDS >> 1];
for (const name of Object.keys(contenders)) {
  const micros = (figure) => of((r) => r[name][figure]).toFixed(2);
  const perSecond = Math.round(of((r) => r[name].perSecond));
  console.log(
    `${name}: ${micros('redisMicros')} µs of Redis, ${micros('clientMicros')} µs of the client, ${perSecond} checks/s`,
  );
}
const cpu = of((r) => r['four rules in one check'].redisMicros / r['one scripted rule'].redisMicros);
const speed = of(
  (r) => r['four rules in one check'].perSecond / r['four rate-limiter-flexible calls'].perSecond,
);
console.log(`Redis CPU of four rules by one scripted rule: ${cpu.toFixed(2)} (goal: at most 2.6)`);
console.log(`throughput by four rate-limiter-flexible calls: ${speed.toFixed(2)} (goal: at least 3)`);
await four.close();
await one.close();
client.disconnect();
await server.stop();

const locals = ALGORITHMS.map((algorithm) =>
  createRateLimiter({ rate: '10000/h', algorithm, prefix: `${algorithm}:` }),
);
const times = [];
for (let round = 0; round <= ROUNDS; round++) {
  const nanos = [];
  for (const limiter of locals) nanos.push(await local(limiter));
  if (round > 0) times.push(nanos);
}
for (const [i, algorithm] of ALGORITHMS.entries()) {
  const ratio = times.map((nanos) => nanos[i] / nanos[0]).sort((a, b) => a - b)[ROUNDS >> 1];
  const nanos = times.map((all) => all[i]).sort((a, b) => a - b)[ROUNDS >> 1];
  console.log(
    `in process, ${algorithm}: ${Math.round(nanos)} ns a check, ${ratio.toFixed(2)} of the fixed window`,
  );
}

async function measure(check) {
  const before = await redisCpu();
  const clientFrom = processMicros();
  const from = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < CHECKS) await check(`org-${next++ % 10_000}`);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  const seconds = (performance.now() - from) / 1e3;
  const clientMicros = (processMicros() - clientFrom) / CHECKS;
  return { perSecond: CHECKS / seconds, clientMicros, redisMicros: ((await redisCpu()) - before) / CHECKS };
}

async function local(limiter) {
  const from = performance.now();
  for (let i = 0; i < LOCAL_CHECKS; i++) await limiter.check(`org-${i % 1_000}`);
  return ((performance.now() - from) * 1e6) / LOCAL_CHECKS;
}

/** Microseconds of CPU that the server has used. */
function redisCpu() {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, '127.0.0.1', () => socket.write('INFO cpu\r\n'));
    let text = '';
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      text += chunk;
      const user = /used_cpu_user:([\d.]+)/.exec(text);
      const system = /used_cpu_sys:([\d.]+)/.exec(text);
      if (!/used_cpu_user_children/.test(text)) return;
      socket.destroy();
      resolve((Number(user[1]) + Number(system[1])) * 1e6);
    });
  });
}
