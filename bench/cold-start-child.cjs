// `node cold-start-child.cjs NAME PORT PACKAGE`: asks Redis once and writes a byte when the answer is there.
const { readFileSync, writeSync } = require('node:fs');

const [name, port] = [process.argv[2], Number(process.argv[3])];
const limit = 1_000_000;
const windowMs = 3_600_000;
const script = () => readFileSync(`${__dirname}/peers/fixed_window.lua`, 'utf8');

function newIoredis() {
  const { Redis } = require('ioredis');
  return new Redis({ host: '127.0.0.1', port });
}

async function newNodeRedis() {
  const { createClient } = require('redis');
  return createClient({ socket: { host: '127.0.0.1', port } }).connect();
}

const first = {
  empty: async () => {},
  spillway: () => {
    const { checkRateLimit, configureRateLimit } = require(process.argv[4]);
    configureRateLimit({
      redis: `redis://127.0.0.1:${port}`,
      plans: { ENTERPRISE: { requests: limit, windowMs } },
    });
    return checkRateLimit('cold', 'ENTERPRISE');
  },
  ioredis: () => newIoredis().eval(script(), 1, 'cold', limit, windowMs),
  'node-redis': async () => {
    const client = await newNodeRedis();
    return client.eval(script(), { keys: ['cold'], arguments: [String(limit), String(windowMs)] });
  },
  'flexible-ioredis': () => {
    const { RateLimiterRedis } = require('rate-limiter-flexible');
    return new RateLimiterRedis({ storeClient: newIoredis(), points: limit, duration: 3_600 }).consume(
      'cold',
    );
  },
  'express-node-redis': async () => {
    const client = await newNodeRedis();
    const { RedisStore } = require('rate-limit-redis');
    const store = new RedisStore({ sendCommand: (...args) => client.sendCommand(args) });
    await store.init({ windowMs });
    return store.increment('cold');
  },
};

first[name]().then(() => {
  writeSync(1, '.');
  process.exit(0);
});
