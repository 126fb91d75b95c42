// Every peer by name. A module is imported by the process that measures it, and by no other.
const TIMEOUT_MS = 5_000; // node-redis's default for a command; given to ioredis where its timeout is on
const nodeRedisUntimed = { commandOptions: { timeout: undefined } };

/**
 * Fills `make(job)`: resolves to `{ check(key), admitted(result), denial?(error), close() }`.
 * `remote`: Redis counts. `settings`: what differs from the library's defaults.
 */
const peer = (file, name, settings, options) => ({
  settings,
  remote: true,
  make: async (job) => (await import(`./${file}.mjs`))[name](job, options),
});

export const PEERS = {
  spillway: peer('spillway', 'dropIn', 'checkRateLimit'),
  'spillway-limiter': peer('spillway', 'limiter', 'createRateLimiter().check'),
  ioredis: peer('ioredis', 'ioredis', 'EVALSHA, defaults'),
  'ioredis-timeout': peer('ioredis', 'ioredis', `EVALSHA, commandTimeout ${TIMEOUT_MS}`, {
    commandTimeout: TIMEOUT_MS,
  }),
  'ioredis-auto': peer('ioredis', 'ioredis', 'EVALSHA, auto-pipelining', { enableAutoPipelining: true }),
  'ioredis-auto-timeout': peer(
    'ioredis',
    'ioredis',
    `EVALSHA, auto-pipelining, commandTimeout ${TIMEOUT_MS}`,
    {
      enableAutoPipelining: true,
      commandTimeout: TIMEOUT_MS,
    },
  ),
  'node-redis': peer('node-redis', 'nodeRedis', `EVALSHA, defaults (timeout ${TIMEOUT_MS})`),
  'node-redis-untimed': peer('node-redis', 'nodeRedis', 'EVALSHA, timeout off', nodeRedisUntimed),
  'flexible-ioredis': peer('rate-limiter-flexible', 'onIoredis', 'defaults'),
  'flexible-node-redis': peer('rate-limiter-flexible', 'onNodeRedis', 'defaults'),
  'express-ioredis': peer('rate-limit-redis', 'onIoredis', 'increment(), defaults'),
  'express-node-redis': peer('rate-limit-redis', 'onNodeRedis', 'increment(), defaults'),
  'express-node-redis-untimed': peer(
    'rate-limit-redis',
    'onNodeRedis',
    'increment(), timeout off',
    nodeRedisUntimed,
  ),
  floor: { ...peer('floor', 'floor', 'no Redis: the harness alone'), remote: false },
};
