// The built package, loaded by its own name and exports: what an application gets.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const load = (packageDir) => createRequire(join(packageDir, 'package.json'))('spillway');

/** The drop-in, with the limit that all peers have in place of its plan's. */
export async function dropIn({ port, limit, windowMs, packageDir }) {
  const { configureRateLimit, checkRateLimit, closeRedisConnection } = load(packageDir);
  configureRateLimit({
    redis: `redis://127.0.0.1:${port}`,
    plans: { ENTERPRISE: { requests: limit, windowMs } },
  });
  return {
    check: (key) => checkRateLimit(key, 'ENTERPRISE'),
    admitted: (result) => result.allowed,
    close: closeRedisConnection,
  };
}

export async function limiter({ port, tls, limit, windowMs, packageDir }) {
  const { createRateLimiter } = load(packageDir);
  const redis = tls ? { url: `rediss://127.0.0.1:${port}`, tls } : `redis://127.0.0.1:${port}`;
  const one = createRateLimiter({ redis, rate: { requests: limit, windowMs } });
  return {
    check: (key) => one.check(key),
    admitted: (decision) => {
      // A check that Redis did not answer is admitted by the policy: here that is a failed run.
      if (decision.source !== 'redis') throw new Error(`answered by ${decision.source}`);
      return decision.allowed;
    },
    close: () => one.close(),
  };
}
