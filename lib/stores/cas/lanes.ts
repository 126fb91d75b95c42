import { RateLimitError } from '../../base/errors';
import type { Kept } from '../step';
import { FOREIGN, stateAt, write } from './text';
import type { CasSource } from './types';

// Taken at the start: timers and clocks that a test replaces are not ours to wait for.
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis;
const monotonicMs = performance.now.bind(performance);

/** Steps of one write. */
const MOST_STEPS = 256;
/** Bounds of the pauses after lost races, drawn at random below them: who lost to many waits longer, and somebody always wins. */
const LEAST_PAUSE_MS = 2;
const MOST_PAUSE_MS = 64;

const ALTERED = 'What is kept under a key was not written by this store, or was altered: reset the key';
const TOO_LATE = 'The store was too slow for the deadline, or others wrote the key again and again';
const unavailable = (text: string) => new RateLimitError('ERR_UNAVAILABLE', `${text}.`);

/** What is done to the state of a key; null: nothing is kept, or nothing that means anything still. */
export type Step<T extends Kept> = (state: string | null, nowMs: number) => T;

interface Waiting {
  readonly step: Step<Kept>;
  readonly dueMs: number;
  readonly resolve: (kept: never) => void;
  readonly reject: (reason: unknown) => void;
}

/** Steps on keys, each of which holds only if nobody else wrote its key meanwhile. */
export class Lanes {
  private readonly lanes = new Map<string, Waiting[]>();

  constructor(private readonly source: CasSource) {}

  /**
   * Takes a step on a key within the deadline, or rejects. Those of this process that want one key share a write, and do not
   * race with each other.
   */
  step<T extends Kept>(key: string, dueMs: number, step: Step<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting = { step, dueMs, resolve, reject } as Waiting;
      const lane = this.lanes.get(key);
      if (lane !== undefined) {
        lane.push(waiting);
        return;
      }
      const fresh = [waiting];
      this.lanes.set(key, fresh);
      void this.run(key, fresh);
    });
  }

  nowMs(): number {
    return this.source.now?.() ?? Date.now();
  }

  private async read(key: string): Promise<string | undefined> {
    const text: unknown = await this.source.read(key);
    if (text === undefined || text === null || typeof text === 'string') return text ?? undefined;
    throw unavailable('read answered what is neither a text nor undefined');
  }

  private async run(key: string, lane: Waiting[]): Promise<void> {
    for (let lost = 0; lane.length > 0;) {
      const batch = inTime(lane.splice(0, MOST_STEPS));
      if (batch.length === 0) continue;
      const dueMs = Math.max(...batch.map((waiting) => waiting.dueMs));
      try {
        // What hangs must not keep those that come later.
        if (await before(dueMs, this.attempt(key, batch, dueMs))) {
          lost = 0;
          continue;
        }
        lane.unshift(...batch);
        await pause(lost++);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.lanes.delete(key);
  }

  /** Takes steps one after the other and writes what comes of them; false: somebody else wrote meanwhile. */
  private async attempt(key: string, batch: readonly Waiting[], dueMs: number): Promise<boolean> {
    const text = await this.read(key);
    if (monotonicMs() >= dueMs) throw unavailable(TOO_LATE);
    const nowMs = this.nowMs();
    let last: Pick<Kept, 'state' | 'expiresInMs'> = { state: stateAt(text, nowMs), expiresInMs: 0 };
    let changed = false;
    const finish = batch.map(({ step, resolve, reject }) => {
      try {
        const kept = step(last.state, nowMs);
        if (kept.changed) [last, changed] = [kept, true];
        return () => resolve(kept as never);
      } catch (error) {
        const reason = last.state === FOREIGN ? unavailable(ALTERED) : error;
        return () => reject(reason);
      }
    });
    if (changed && !(await this.put(key, text, last, nowMs))) return false;
    for (const end of finish) end();
    return true;
  }

  private async put(
    key: string,
    was: string | undefined,
    { state, expiresInMs }: Pick<Kept, 'state' | 'expiresInMs'>,
    nowMs: number,
  ): Promise<boolean> {
    const is = state === null ? undefined : write({ state, untilMs: nowMs + expiresInMs });
    if (is === was) return true;
    const written: unknown = await this.source.compareAndSet(key, was, is, expiresInMs);
    if (typeof written === 'boolean') return written;
    throw unavailable('compareAndSet answered neither true nor false; what was sent may have been charged');
  }
}

/** What the work comes to, where it does before it is due. */
function before<T>(dueMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(unavailable(TOO_LATE));
    const timer = startTimer(late, Math.max(0, Math.ceil(dueMs - monotonicMs())));
    void work.then(resolve, reject).finally(() => stopTimer(timer));
  });
}

function pause(lost: number): Promise<void> {
  const boundMs = Math.min(LEAST_PAUSE_MS * 2 ** lost, MOST_PAUSE_MS);
  return new Promise((resolve) => void startTimer(resolve, Math.random() * boundMs));
}

/** Those that somebody waits for; the others end here. */
function inTime(batch: readonly Waiting[]): Waiting[] {
  const nowMs = monotonicMs();
  return batch.filter(({ dueMs, reject }) => {
    if (dueMs > nowMs) return true;
    reject(unavailable(TOO_LATE));
    return false;
  });
}
