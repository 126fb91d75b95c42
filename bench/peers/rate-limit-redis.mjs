import { RedisStore } from 'rate-limit-redis';

/** The store of express-rate-limit, asked directly: no middleware's cost is charged to it. */
async function peer(sendCommand, { limit, windowMs }, close) {
  const store = new RedisStore({ sendCommand });
  await store.init({ windowMs });
  return {
    check: (key) => store.increment(key),
    admitted: ({ totalHits }) => totalHits <= limit,
    close,
  };
}

export async function onIoredis(job, options) {
  const redis = await (await import('./ioredis.mjs')).connect(job.port, options);
  return peer(
    (command, ...args) => redis.call(command, ...args),
    job,
    async () => redis.disconnect(),
  );
}

export async function onNodeRedis(job, options) {
  const client = await (await import('./node-redis.mjs')).connect(job.port, options);
  return peer(
    (...args) => client.sendCommand(args),
    job,
    async () => client.destroy(),
  );
}
