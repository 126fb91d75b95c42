import type { Member } from './member';
import type { FailoverSettings } from './options';

// Taken at the start: timers that a test replaces are not ours to go by.
const { setInterval: startTicking, clearInterval: stopTicking } = globalThis;

/** Asks the stores of a failover beside the requests whether they count. It keeps no process running. */
export class Prober {
  private ticking: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly members: readonly Member[],
    private readonly settings: FailoverSettings,
    private readonly prefix: string,
  ) {}

  /** With the first call, so that who only makes a limiter connects nothing. */
  start(): void {
    const { intervalMs, timeoutMs } = this.settings;
    this.ticking ??= startTicking(() => {
      for (const member of this.members) member.ask(this.prefix, timeoutMs);
    }, intervalMs).unref();
  }

  close(): void {
    stopTicking(this.ticking);
  }
}
