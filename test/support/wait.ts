import { readFileSync } from 'node:fs';
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

/** Nothing else runs in this process for so long, as while a call waits in one turn. */
export function blockLoop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Timers are late by less on a machine that does nothing else. */
const STALL_MS = 3;

/**
 * How long this process was kept from running: what a busy machine adds to any wait. Time that the process itself
 * computed for is not counted, so code under test that blocks the loop is not excused.
 */
class Lag {
  private most = 0;
  private sum = 0;
  private due = 0;
  private cpuMs = 0;
  private waitedMs = 0;

  constructor(private readonly everyMs: number) {
    setInterval(() => this.tick(), everyMs).unref();
  }

  reset(): void {
    this.tick();
    this.most = 0;
  }

  /** At one time, since reset(). */
  get mostMs(): number {
    this.tick();
    return this.most;
  }

  /** In all, since the process began: each wait for a processor, and besides what ticks were late by. */
  get totalMs(): number {
    this.tick();
    return this.sum + this.waitedMs;
  }

  private tick(): void {
    const now = performance.now();
    const { user, system } = process.cpuUsage();
    const cpuMs = (user + system) / 1_000;
    const waitedMs = waited();
    const lateMs = now - this.due - (cpuMs - this.cpuMs);
    const otherMs = lateMs - (waitedMs - this.waitedMs);
    this.most = Math.max(this.most, lateMs);
    if (otherMs > STALL_MS) this.sum += otherMs;
    this.due = now + this.everyMs;
    this.cpuMs = cpuMs;
    this.waitedMs = waitedMs;
  }
}

/** For how many ms this process was ready and had no processor: https://docs.kernel.org/scheduler/sched-stats.html */
function waited(): number {
  return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6;
}

const lag = new Lag(5);
beforeEach(() => lag.reset());

/** The latest that an answer may come which is promised within so many milliseconds. */
export const inTime = (promisedMs: number) => promisedMs + SLACK_MS + lag.mostMs;

/** The value and how long it took: by the clock, and without what the machine took from this process meanwhile. */
export async function timed<T>(work: Promise<T>): Promise<{ value: T; wallMs: number; ms: number }> {
  const start = performance.now();
  const lostMs = lag.totalMs;
  const value = await work;
  const wallMs = performance.now() - start;
  return { value, wallMs, ms: wallMs - (lag.totalMs - lostMs) };
}
