import { configureRateLimit, type RedisOptions } from 'spillway';

const { REDIS_URL, REDIS_USERNAME, REDIS_PASSWORD } = process.env;
const { REDIS_SENTINELS, REDIS_SENTINEL_NAME, REDIS_SENTINEL_PASSWORD } = process.env;

/** `host:port, host:port` */
function nodesOf(list: string) {
  return list.split(',').map((node) => {
    const [host = '', port] = node.trim().split(':');
    return port ? { host, port: Number(port) } : { host };
  });
}

/** Where the limits are kept, by the environment: behind sentinels, on one Redis, or (undefined) inside this process. */
export const redis: RedisOptions | undefined = REDIS_SENTINELS
  ? {
      sentinels: {
        name: REDIS_SENTINEL_NAME ?? 'mymaster',
        nodes: nodesOf(REDIS_SENTINELS),
        password: REDIS_SENTINEL_PASSWORD,
      },
      username: REDIS_USERNAME,
      password: REDIS_PASSWORD,
    }
  : REDIS_URL
    ? { url: REDIS_URL, username: REDIS_USERNAME, password: REDIS_PASSWORD }
    : undefined;

// The drop-in functions read REDIS_URL and REDIS_PASSWORD by themselves; of sentinels they have to be told.
if (redis) configureRateLimit({ redis });
