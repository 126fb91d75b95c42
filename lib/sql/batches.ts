import type { Answer, Call } from './calls';

/** What a batch is sent to. */
export interface Database {
  /**
   * Takes all calls in one transaction.
   * @param waitMs of each: until nobody waits for it any more
   * @returns of each its answer; null where it was too late, and nothing was done
   */
  take(calls: readonly Call[], waitMs: readonly number[]): Promise<readonly (Answer | null)[]>;
  /** Whether it says that all was undone because of others: it may be repeated. */
  isRetried(error: unknown): boolean;
  /** Whether it says that all was undone because of what stood in a call. */
  isOfData(error: unknown): boolean;
  /** As a limiter may tell it. */
  asOutage(error: unknown): Error;
  /** A call was asked for too late: nothing was done. */
  tooLate(): Error;
}

// Taken at the start: timers and clocks that a test replaces are not ours to wait for.
const {
  setImmediate: afterReads,
  queueMicrotask: afterThese,
  setTimeout: later,
  clearTimeout: never,
} = globalThis;
const monotonicMs = performance.now.bind(performance);

/** Calls of one transaction. */
const MOST_CALLS = 256;
/** Transactions under way. While they are, further calls gather: a slow database is asked in larger batches. */
const IN_FLIGHT = 4;
const MOST_ATTEMPTS = 5;
/** What is not answered so long after the last deadline is given up: a dead connection may stay silent for many minutes. */
export const GIVEN_UP_MS = 1_000;

interface Waiting {
  readonly call: Call;
  readonly deadlineMs: number;
  /** Known once the turn is over in which it was asked for: what else that does is not its time. */
  dueMs: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

/** Puts the calls of one turn of the event loop into one transaction, each with its own verdict. */
export class Batches {
  private queue: Waiting[] = [];
  private inFlight = 0;
  private asked = false;

  /** @param mostInFlight transactions at a time */
  constructor(
    private readonly database: Database,
    private readonly mostInFlight = IN_FLIGHT,
  ) {}

  /** @param deadlineMs what is left until nobody waits for it any more; then it is not sent, or does nothing */
  call(call: Call, deadlineMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.queue.push({ call, deadlineMs, dueMs: NaN, resolve, reject });
      if (this.asked) return;
      this.asked = true;
      const next = () => {
        this.asked = false;
        this.next();
      };
      // Nobody is waited for where nothing is under way: what is asked later in this turn gathers behind it.
      if (this.inFlight === 0) afterThese(next);
      else afterReads(next);
    });
  }

  private next(): void {
    const nowMs = monotonicMs();
    for (let i = this.queue.length - 1; i >= 0 && isNaN(this.queue[i]!.dueMs); i--) {
      this.queue[i]!.dueMs = nowMs + this.queue[i]!.deadlineMs;
    }
    while (this.inFlight < this.mostInFlight && this.queue.length > 0) {
      const batch = this.inTime(this.queue.splice(0, MOST_CALLS));
      if (batch.length === 0) continue;
      this.inFlight++;
      void this.unlessSilent(batch).finally(() => {
        this.inFlight--;
        this.next();
      });
    }
  }

  /** Resolves when the batch has ended, or nothing is heard of it any more; its calls have ended by their deadlines then. */
  private unlessSilent(batch: Waiting[]): Promise<void> {
    const dueMs = Math.max(...batch.map((one) => one.dueMs));
    return new Promise((resolve) => {
      const timer = later(resolve, dueMs - monotonicMs() + GIVEN_UP_MS);
      timer.unref();
      void this.take(batch).finally(() => {
        never(timer);
        resolve();
      });
    });
  }

  private async take(given: Waiting[]): Promise<void> {
    const { database } = this;
    let batch = given;
    for (let attempt = 1; batch.length > 0; attempt++) {
      try {
        await this.ask(batch);
        return;
      } catch (error) {
        // Undone as a whole because of one call in it: each for itself, so that only that one fails.
        if (database.isOfData(error) && batch.length > 1) {
          for (const one of batch) await this.take(this.inTime([one]));
          return;
        }
        if (!database.isRetried(error) || attempt === MOST_ATTEMPTS) {
          for (const { reject } of batch) reject(database.asOutage(error));
          return;
        }
        batch = this.inTime(batch);
      }
    }
  }

  private async ask(batch: readonly Waiting[]): Promise<void> {
    const { database } = this;
    const nowMs = monotonicMs();
    const answers = await database.take(
      batch.map(({ call }) => call),
      batch.map(({ dueMs }) => dueMs - nowMs),
    );
    batch.forEach(({ resolve, reject }, i) => {
      const answer = answers[i]!;
      if (answer === null) reject(database.tooLate());
      else resolve(answer);
    });
  }

  /** Those that somebody waits for; the others end here. */
  private inTime(batch: readonly Waiting[]): Waiting[] {
    const nowMs = monotonicMs();
    return batch.filter(({ dueMs, reject }) => {
      if (dueMs > nowMs) return true;
      reject(this.database.tooLate());
      return false;
    });
  }
}
