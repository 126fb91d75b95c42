import { setTimeout as delay } from 'node:timers/promises';

export { delay };

/**
 * How far past a promised time an answer may come before the test calls it late. Instrumented builds run
 * several times slower, so the sanitizer run multiplies it.
 */
const SANITIZED = /asan|tsan/.test(process.env.LD_PRELOAD ?? '');
const SLOWDOWN = SANITIZED ? 5 : 1;
export const SLACK_MS = 100 * SLOWDOWN;

/** A bound of memory in bytes. Sanitizers keep what was freed for a while, so their run multiplies it too. */
export const megabytes = (n: number) => (SANITIZED ? 10 * n : n) * (1 << 20);

/** Asks until the answer is yes, and fails with `what` when it stays no. */
export async function until(
  what: string,
  isSo: () => unknown,
  { withinMs = 5000, everyMs = 10 } = {},
): Promise<number> {
  const start = performance.now();
  for (;;) {
    if (await isSo()) return performance.now() - start;
    if (performance.now() - start > withinMs * SLOWDOWN) {
      throw new Error(`not within ${withinMs} ms: ${what}`);
    }
    await delay(everyMs);
  }
}

/** The value and how long it took. */
export async function timed<T>(work: Promise<T>): Promise<{ value: T; ms: number }> {
  const start = performance.now();
  const value = await work;
  return { value, ms: performance.now() - start };
}
