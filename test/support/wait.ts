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

/**
 * How long this process was kept from running at most since reset(): what a busy machine adds to any wait. Time that
 * the process itself computed for is not counted, so code under test that blocks the loop is not excused.
 */
class Lag {
  private most = 0;
  private due = 0;
  private cpuMs = 0;

  constructor(private readonly everyMs: number) {
    setInterval(() => this.tick(), everyMs).unref();
  }

  reset(): void {
    this.tick();
    this.most = 0;
  }

  get ms(): number {
    this.tick();
    return this.most;
  }

  private tick(): void {
    const now = performance.now();
    const { user, system } = process.cpuUsage();
    const cpuMs = (user + system) / 1_000;
    this.most = Math.max(this.most, now - this.due - (cpuMs - this.cpuMs));
    this.due = now + this.everyMs;
    this.cpuMs = cpuMs;
  }
}

const lag = new Lag(5);
beforeEach(() => lag.reset());

/** The latest that an answer may come which is promised within so many milliseconds. */
export const inTime = (promisedMs: number) => promisedMs + SLACK_MS + lag.ms;

/** The value and how long it took. */
export async function timed<T>(work: Promise<T>): Promise<{ value: T; ms: number }> {
  const start = performance.now();
  const value = await work;
  return { value, ms: performance.now() - start };
}
