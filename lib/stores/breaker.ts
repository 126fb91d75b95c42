import { RateLimitError } from '../base/errors';
import { native } from '../binary';
import { ALWAYS_CLOSED, breakerState, type BreakerState } from '../telemetry/breaker-state';
import type { BreakerSettings } from './breaker-options';

// Taken at the start: a clock that a test replaces is not ours to go by.
const monotonicMs = performance.now.bind(performance);
const now = () => Math.floor(monotonicMs());

/**
 * The breaker of a store that is no node of Redis: the core's machine, with the time of this process. While nothing fails
 * the core is not asked.
 */
export class Breaker {
  private machine: ArrayBuffer | undefined;
  private view: BreakerState = ALWAYS_CLOSED;
  private generation = 1;
  private nextAttemptMs = 0;

  /** @param changed called when it opens, is tried, and closes */
  constructor(
    private readonly settings: BreakerSettings,
    private readonly changed: (state: BreakerState['state']) => void,
  ) {}

  /** Asks for leave to make a call: what its end has to bring back, or 0: it is not to be made. */
  enter(): number {
    if (this.view.state === 'closed') return this.generation;
    const generation = native().breaker.enter(this.machine!, now());
    this.read();
    return generation;
  }

  /** For a call that is made without leave, to learn how the store is. */
  beside(): number {
    return this.generation;
  }

  /** The call was answered. */
  succeed(generation: number): void {
    if (this.view.failures === 0) return;
    native().breaker.succeed(this.machine!, generation);
    this.read();
  }

  /** It was not. @param askedMs when it was asked, by `performance.now()` */
  fail(generation: number, askedMs: number): void {
    const { failures, openMs, factor, maxOpenMs } = this.settings;
    try {
      this.machine ??= native().breaker.make(failures, openMs, factor, maxOpenMs);
    } catch (error) {
      // A store of one's own counts where no binary fits, too; then it is always asked.
      if (error instanceof RateLimitError) return;
      throw error;
    }
    native().breaker.fail(this.machine, generation, Math.floor(askedMs), now());
    this.read();
  }

  /** The store was seen to work. */
  reset(): void {
    if (this.machine === undefined) return;
    native().breaker.reset(this.machine);
    this.read();
  }

  get state(): BreakerState {
    const { view } = this;
    return view.state === 'closed' ? view : { ...view, nextAttempt: this.nextAttempt() };
  }

  private nextAttempt(): number {
    return Date.now() + Math.max(0, this.nextAttemptMs - now());
  }

  private read(): void {
    const [state, failures, nextAttemptMs, generation] = native().breaker.read(this.machine!);
    const before = this.view.state;
    this.generation = generation;
    this.nextAttemptMs = nextAttemptMs;
    this.view = breakerState(state, failures, 0, '');
    if (this.view.state !== before) this.changed(this.view.state);
  }
}
