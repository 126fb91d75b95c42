import { randomUUID } from 'node:crypto';
import { createRateLimiter } from '../index';
import { withLimiter, type StoreFlags } from './open';
import { lasting, say, sayJson } from './text';

export interface BenchFlags extends StoreFlags {
  readonly for: string;
  readonly inFlight: number;
  readonly keys: number;
}

const WINDOW_MS = 10_000;

/** Loads the configured store with checks of its own, which are all admitted. Exit code 1 where some were not counted. */
export async function bench(flags: BenchFlags): Promise<number> {
  const lastsMs = lasting(flags.for);
  return withLimiter(flags, async (_, { store, redis, prefix = 'ratelimit:', timeoutMs }) => {
    const limiter = createRateLimiter({
      ...(store === undefined ? { redis } : { store }),
      prefix: `${prefix}bench-${randomUUID()}:`,
      rate: { requests: 1_000_000_000, windowMs: WINDOW_MS },
      failureMode: 'closed',
      timeoutMs,
      logger: false,
    });
    const startedMs = performance.now();
    let [counted, lost, next] = [0, 0, 0];
    const asker = async () => {
      while (performance.now() - startedMs < lastsMs) {
        const { reason } = await limiter.check(`key-${next++ % flags.keys}`);
        if (reason === 'ok') counted++;
        else lost++;
      }
    };
    await Promise.all(Array.from({ length: flags.inFlight }, asker));
    const seconds = (performance.now() - startedMs) / 1_000;
    const { p50Us, p99Us, p999Us, count } = limiter.stats().latency;
    await limiter.close();
    const result = { perSecond: Math.round(counted / seconds), counted, lost, p50Us, p99Us, p999Us };
    if (flags.json === true) sayJson(result);
    else {
      say(
        `${result.perSecond.toLocaleString('en')} checks a second, ${flags.inFlight} in flight on ${flags.keys} keys`,
      );
      if (count > 0) say(`half within ${p50Us} µs, 99 % within ${p99Us} µs, 99.9 % within ${p999Us} µs`);
      if (lost > 0) say(`${lost.toLocaleString('en')} were not counted: the store did not answer in time.`);
    }
    return lost === 0 ? 0 : 1;
  });
}
