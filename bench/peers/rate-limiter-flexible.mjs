import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

function peer(storeClient, { limit, windowMs }, close, options) {
  const limiter = new RateLimiterRedis({
    storeClient,
    points: limit,
    duration: windowMs / 1_000,
    ...options,
  });
  return {
    check: (key) => limiter.consume(key),
    admitted: () => true,
    denial: (error) => error instanceof RateLimiterRes,
    close,
  };
}

export async function onIoredis(job, options) {
  const redis = await (await import('./ioredis.mjs')).connect(job.port, options);
  return peer(redis, job, async () => redis.disconnect());
}

export async function onNodeRedis(job, options) {
  const client = await (await import('./node-redis.mjs')).connect(job.port, options);
  // It does not recognize this client by itself, and would look for ioredis's defineCommand.
  return peer(client, job, async () => client.destroy(), { useRedisPackage: true });
}
