import type { Member } from './member';
import type { FailoverSettings } from './options';

// Taken at the start: timers that a test replaces are not ours to go by.
const { setInterval: startTicking, clearInterval: stopTicking } = globalThis;
const monotonicMs = performance.now.bind(performance);

/** While none of them is up nobody is limited as it was meant: then they are asked as often as Redis is dialled. */
const NONE_UP_MS = 2_000;

/** Asks the stores of a failover beside the requests whether they count. It keeps no process running. */
export class Prober {
  private ticking: ReturnType<typeof setInterval> | undefined;
  private askedMs = 0;

  constructor(
    private readonly members: readonly Member[],
    private readonly settings: FailoverSettings,
    private readonly prefix: string,
  ) {}

  /** With the first call, so that who only makes a limiter connects nothing. */
  start(): void {
    if (this.ticking !== undefined) return;
    this.askedMs = monotonicMs();
    this.ticking = startTicking(() => this.tick(), Math.min(this.settings.intervalMs, NONE_UP_MS)).unref();
  }

  /** Asks one of them now. */
  ask(member: Member): void {
    if (this.ticking !== undefined) member.ask(this.prefix, this.settings.timeoutMs);
  }

  private tick(): void {
    const { intervalMs } = this.settings;
    const nowMs = monotonicMs();
    // A timer may come a little early.
    const isDue = nowMs - this.askedMs >= intervalMs - 1;
    if (!isDue && this.members.some(({ up }) => up)) return;
    this.askedMs = nowMs;
    for (const member of this.members) this.ask(member);
  }

  close(): void {
    stopTicking(this.ticking);
    this.ticking = undefined;
  }
}
