import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';

const SCRIPT = readFileSync(new URL('fixed_window.lua', import.meta.url), 'utf8');

export async function connect(port, options) {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true, ...options });
  await redis.connect();
  return redis;
}

/** EVALSHA of one script; `options` are ioredis's own; `tls` where the port speaks it. */
export async function ioredis({ port, tls, limit, windowMs }, options) {
  const redis = await connect(port, { tls, ...options });
  const sha = await redis.script('LOAD', SCRIPT);
  return {
    check: (key) => redis.evalsha(sha, 1, key, limit, windowMs),
    admitted: (reply) => reply[0] === 1,
    close: async () => redis.disconnect(),
  };
}
