import type { Status } from '../../decision/status';

type AnyStatus = (typeof Status)[keyof typeof Status];

// Taken at the start: timers and clocks that a test replaces are not ours to wait for.
const { setTimeout: startTimer, setImmediate: afterReads, queueMicrotask: afterThese } = globalThis;
const monotonicMs = performance.now.bind(performance);

/** A call that waits for its answer. */
export class Waiting {
  ended = false;
  /** Known once the turn is over in which it was made. */
  dueMs = Infinity;

  /** @param expire ends it without an answer */
  constructor(
    private readonly queue: Deadlines,
    private expire: (status: AnyStatus) => void,
  ) {}

  /** Whether this ended it; an answer that comes later is nobody's any more. */
  end(): boolean {
    if (this.ended) return false;
    this.ended = true;
    this.queue.ended();
    return true;
  }

  endWith(status: AnyStatus): void {
    const { expire } = this;
    if (this.end()) expire(status);
  }
}

/**
 * The deadlines of calls that have the same time: they are due in the order in which they came, so one timer serves all.
 * It keeps the process running while a call waits, and no longer.
 */
export class Deadlines {
  private queue: Waiting[] = [];
  /** Made in this turn: what else it does is not their time. */
  private fresh: Waiting[] = [];
  private first = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private live = 0;

  constructor(
    private readonly timeoutMs: number,
    private readonly timedOut: AnyStatus,
  ) {}

  add(expire: (status: AnyStatus) => void): Waiting {
    const waiting = new Waiting(this, expire);
    this.dropEnded();
    this.queue.push(waiting);
    if (this.fresh.push(waiting) === 1) afterThese(this.begin);
    if (this.live++ === 0) this.timer?.ref();
    this.timer ??= startTimer(this.due, this.timeoutMs);
    return waiting;
  }

  ended(): void {
    if (--this.live === 0) this.timer?.unref();
  }

  /** Ends all of them. */
  endAll(status: AnyStatus): void {
    const { queue } = this;
    this.queue = [];
    this.first = 0;
    for (const waiting of queue) waiting.endWith(status);
  }

  private readonly begin = () => {
    const dueMs = monotonicMs() + this.timeoutMs;
    for (const waiting of this.fresh) waiting.dueMs = dueMs;
    this.fresh = [];
  };

  /** After a blocked turn the answers that have come are read first. */
  private readonly due = () => {
    afterReads(() => {
      const nowMs = monotonicMs();
      this.timer = undefined;
      for (let at = this.first; at < this.queue.length && this.queue[at]!.dueMs <= nowMs; at++) {
        this.queue[at]!.endWith(this.timedOut);
      }
      this.dropEnded();
      const next = this.queue[this.first];
      if (next !== undefined)
        this.timer = startTimer(this.due, Math.ceil(Math.min(this.timeoutMs, next.dueMs - nowMs)));
    });
  };

  private dropEnded(): void {
    const { queue } = this;
    while (this.first < queue.length && queue[this.first]!.ended) this.first++;
    if (this.first === queue.length) {
      queue.length = 0;
      this.first = 0;
    } else if (this.first > 1_024 && this.first > queue.length / 2) {
      this.queue = queue.slice(this.first);
      this.first = 0;
    }
  }
}
