/** Worker threads: each has its own client, and ends cleanly whatever it was doing. */
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
let server: RedisServer;
beforeEach(async () => {
  server = await own(RedisServer.start());
});

async function expectNoConnections(): Promise<void> {
  await until(
    'only the test itself is connected',
    async () => (await server.info('connected_clients')) === '1',
  );
}

const COMMON = `
const { Worker } = require('node:worker_threads');
const { createRateLimiter } = require('spillway');
const ended = (worker) => new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
const start = (code) => new Worker(code, { eval: true, workerData: given });
`;

test('200 workers are terminated in mid-flight', async () => {
  const script = `${COMMON}
    const code = \`
      const { parentPort, workerData } = require('node:worker_threads');
      const limiter = require('spillway').createRateLimiter({ redis: workerData, rate: '1000000/h' });
      const memory = require('spillway/memory');
      const ask = (i) => { memory.checkRateLimit('k' + i, 'FREE'); return limiter.check('k' + i % 50).then(() => ask(i + 1)); };
      for (let i = 0; i < 100; i++) ask(i);
      limiter.check('first').then(() => parentPort.postMessage('busy'));\`;
    (async () => {
      let terminated = 0;
      const lane = async (n) => {
        for (let i = 0; i < n; i++) {
          const worker = start(code);
          const exit = ended(worker);
          // Some while the addon is loaded, some in the middle of the dial, some in the middle of the load.
          await new Promise((resolve) => worker.once(i % 2 ? 'online' : 'message', resolve));
          if (i % 2) await new Promise((resolve) => setTimeout(resolve, i % 25));
          await worker.terminate();
          await exit;
          terminated++;
        }
      };
      await Promise.all([lane(50), lane(50), lane(50), lane(50)]);
      const limiter = createRateLimiter({ redis: given, rate: '5/m' });
      report([terminated, (await limiter.check('main')).source]);
    })();`;
  expect(await reportsOf(script, { given: server.url, withinMs: 60_000 })).toEqual([[200, 'redis']]);
  await expectNoConnections();
}, 60_000);

test('100 workers are terminated while they open stores, register rules, list and close', async () => {
  const script = `${COMMON}
    const code = \`
      const { parentPort, workerData } = require('node:worker_threads');
      const { createRateLimiter } = require('spillway');
      parentPort.postMessage('loaded');
      const ignored = () => {};
      for (let n = 1; ; n++) {
        for (const redis of [workerData, undefined]) {
          const rates = Array.from({ length: 8 }, (_, i) => ({ id: 'r' + i, rate: 8 * n + i + '/h' }));
          const limiter = createRateLimiter({ redis, plans: { P: rates } });
          limiter.check('a', 'P').catch(ignored);
          limiter.list().next().catch(ignored);
          limiter.stats();
          if (n % 3 === 0) limiter.close();
        }
      }\`;
    (async () => {
      let terminated = 0;
      const lane = async (n) => {
        for (let i = 0; i < n; i++) {
          const worker = start(code);
          const exit = ended(worker);
          await new Promise((resolve) => worker.once('message', resolve));
          // Each at another instruction.
          await new Promise((resolve) => setTimeout(resolve, i));
          await worker.terminate();
          await exit;
          terminated++;
        }
      };
      await Promise.all([lane(25), lane(25), lane(25), lane(25)]);
      report(terminated);
    })();`;
  expect(await reportsOf(script, { given: server.url, withinMs: 60_000 })).toEqual([100]);
  await expectNoConnections();
}, 60_000);

test('workers and the main thread share one limit, and end by themselves', async () => {
  const script = `${COMMON}
    const code = \`
      const { parentPort, workerData } = require('node:worker_threads');
      const limiter = require('spillway').createRateLimiter({ redis: workerData, rate: '100/h', timeoutMs: 5000 });
      Promise.all(Array.from({ length: 60 }, () => limiter.check('shared')))
        .then((all) => parentPort.postMessage(all.filter(({ allowed }) => allowed).length));\`;
    (async () => {
      const limiter = createRateLimiter({ redis: given, rate: '100/h', timeoutMs: 5000 });
      // The take-back's script is known to the server from here on: it takes one message, not two.
      await limiter.check('warm', { cost: 100 });
      await limiter.check('warm');
      for (let i = 0; i < 3; i++) await limiter.peek('warm');
      const workers = Array.from({ length: 4 }, () => start(code));
      const counts = workers.map((worker) => new Promise((resolve) => worker.once('message', resolve)));
      const exits = Promise.all(workers.map(ended));
      const own = await Promise.all(Array.from({ length: 60 }, () => limiter.check('shared')));
      const sum = (await Promise.all(counts)).reduce((a, b) => a + b, own.filter(({ allowed }) => allowed).length);
      report([sum, await exits]);
    })();`;
  expect(await reportsOf(script, { given: server.url })).toEqual([[100, [0, 0, 0, 0]]]);
  // What was denied is taken back although the threads end at once.
  expect(await server.charged('{ratelimit:shared}:@rate-1h')).toBe(100);
  await expectNoConnections();
});

test('tables in process belong to their thread', async () => {
  const script = `${COMMON}
    const memory = require('spillway/memory');
    const code = \`const { parentPort } = require('node:worker_threads');
      parentPort.postMessage(require('spillway/memory').checkRateLimit('org', 'FREE').remaining);\`;
    memory.checkRateLimit('org', 'FREE');
    const worker = start(code);
    worker.once('message', (remaining) => report([remaining, memory.checkRateLimit('org', 'FREE').remaining]));`;
  expect(await reportsOf(script, { given: server.url })).toEqual([[99, 98]]);
});

test('process.exit of the main thread while workers are busy', async () => {
  const script = `${COMMON}
    const code = \`
      const { parentPort, workerData } = require('node:worker_threads');
      const limiter = require('spillway').createRateLimiter({ redis: workerData, rate: '1000000/h' });
      const ask = () => limiter.check('k').then(ask);
      for (let i = 0; i < 50; i++) ask();
      limiter.check('first').then(() => parentPort.postMessage('busy'));\`;
    const workers = Array.from({ length: 4 }, () => start(code));
    Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))))
      .then((said) => { report(said.length); process.exit(0); });`;
  expect(await reportsOf(script, { given: server.url, abrupt: true })).toEqual([4]);
  await expectNoConnections();
});
