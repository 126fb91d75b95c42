import type { AnyLimiter, SharedRules } from '../index';
import { Problem } from './problems';
import type { Keys } from './keys';
import type { ServeSettings } from './options';

/** What holds from one reload to the next: a limiter, and who may ask it. */
export class Generation {
  private users = 0;
  private isOver = false;

  constructor(
    readonly limiter: AnyLimiter,
    readonly keys: Keys,
    readonly settings: ServeSettings,
    private readonly shared?: SharedRules,
  ) {}

  enter(): void {
    this.users++;
  }

  leave(): void {
    this.users--;
    this.closeUnused();
  }

  /** Its limiter is closed once nobody waits for it. */
  end(): void {
    this.isOver = true;
    this.closeUnused();
  }

  private closeUnused(): void {
    if (this.isOver && this.users === 0) void this.close();
  }

  async close(): Promise<void> {
    await this.limiter.close();
    await this.shared?.close();
  }
}

/** Where requests find what holds, and how many of them wait for the store. */
export class Desk {
  /** From the first signal to end on: health says so. */
  isStopping = false;
  /** From when nobody listens any more: each connection ends with its next answer. */
  isClosing = false;
  private waitingNow = 0;

  constructor(private generation: Generation) {}

  get current(): Generation {
    return this.generation;
  }

  get waiting(): number {
    return this.waitingNow;
  }

  /** From now on the next one holds; whoever has been asked still gets its answer from the one before. */
  replace(next: Generation): void {
    const before = this.generation;
    this.generation = next;
    before.end();
  }

  /**
   * Asks the limiter that holds now.
   * @throws Problem where more wait than may; what `act` throws
   */
  async ask<T>(act: (limiter: AnyLimiter) => Promise<T>): Promise<T> {
    const { generation } = this;
    if (this.waitingNow >= generation.settings.maxWaiting) {
      throw new Problem(503, 'overloaded', 'Too many calls wait for the store. Try again in a second.', {
        'Retry-After': '1',
      });
    }
    this.waitingNow++;
    generation.enter();
    try {
      return await act(generation.limiter);
    } finally {
      this.waitingNow--;
      generation.leave();
    }
  }
}
