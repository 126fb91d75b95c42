// `node bench/outage.mjs`: how long checks take while Redis is away, at 2,000 a second: until the breaker opens, and from then
// on; and how soon they are counted again. Redis is stopped (SIGSTOP), killed so that its port refuses, or cut off by a relay
// that swallows everything. For each failure mode.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { startRedis } from './redis.mjs';

const require = createRequire(import.meta.url);
const { createRateLimiter } = require('../dist/index.js');

const RATE = 2_000;
const AWAY_MS = 4_000;

/** Passes on between a port of its own and Redis, or swallows. */
const RELAY = `
const { connect, createServer } = require('node:net');
const { parentPort, workerData } = require('node:worker_threads');
let swallow = false;
parentPort.on('message', (value) => (swallow = value));
const server = createServer({ noDelay: true }, (client) => {
  const redis = connect({ port: workerData, host: '127.0.0.1', noDelay: true });
  const pass = (from, to) => from.on('data', (chunk) => swallow || to.write(chunk)).on('error', () => {}).on('close', () => to.destroy());
  pass(client, redis);
  pass(redis, client);
}).listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

const OUTAGES = {
  stopped: async (server) => {
    process.kill(server.pid, 'SIGSTOP');
    return () => process.kill(server.pid, 'SIGCONT');
  },
  refusing: async (server) => {
    await server.stop();
    return () => startRedis([], { port: server.port });
  },
  blackholed: async (server) => {
    server.relay.postMessage(true);
    return () => server.relay.postMessage(false);
  },
};

for (const name of Object.keys(OUTAGES)) {
  for (const failureMode of ['open', 'memory']) await measure(name, failureMode);
}
process.exit();

async function measure(name, failureMode) {
  const server = await startRedis([]);
  const relay = new Worker(RELAY, { eval: true, workerData: server.port });
  const [relayPort] = await once(relay, 'message');
  const port = name === 'blackholed' ? relayPort : server.port;
  const limiter = createRateLimiter({
    redis: `redis://127.0.0.1:${port}`,
    rate: '1000000000/h',
    failureMode,
    logger: false,
  });
  await limiter.check('org-0');
  const answers = [];
  let asked = 0;
  const started = performance.now();
  const timer = setInterval(() => {
    for (; asked < ((performance.now() - started) * RATE) / 1_000; asked++) {
      const at = performance.now();
      void limiter.check(`org-${asked % 1_000}`).then(({ source }) => {
        answers.push({ at, ms: performance.now() - at, source });
      });
    }
  }, 1);
  await delay(500);
  const awayAt = performance.now();
  const comeBack = await OUTAGES[name]({ ...server, relay });
  let openAt = 0;
  while (performance.now() - awayAt < AWAY_MS) {
    if (openAt === 0 && limiter.stats().breaker.state === 'open') openAt = performance.now();
    await delay(1);
  }
  const backAt = performance.now();
  const again = await comeBack();
  const upAt = performance.now();
  await delay(2_500);
  clearInterval(timer);
  await delay(300);
  const before = answers.filter(({ at }) => at >= awayAt && at < openAt).map(({ ms }) => ms);
  // But for the one that tries now and then.
  const open = answers.filter(({ at }) => at >= openAt && at < backAt).map(({ ms }) => ms);
  const counted = answers.find(({ at, source }) => at >= backAt && source === 'redis')?.at ?? Infinity;
  console.log(
    [
      `${name}, ${failureMode}: opens after ${(openAt - awayAt).toFixed(0)} ms`,
      `until then at most ${Math.max(...before).toFixed(0)} ms`,
      `from then on median ${quantile(open, 0.5)} ms, p99 ${quantile(open, 0.99)} ms, most ${quantile(open, 1)} ms of ${open.length}`,
      `counted again ${Math.max(0, counted - upAt).toFixed(0)} ms after its return`,
      `${asked - answers.length} lost`,
    ].join('; '),
  );
  await limiter.close();
  await relay.terminate();
  await (again?.stop ?? server.stop)();
}

function quantile(values, part) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))].toFixed(3);
}
