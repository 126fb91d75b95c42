import { Batches, type Database } from '../sql/batches';
import type { Answer, Call } from '../sql/calls';
import { States } from '../sql/states';
import { asOutage, isBusy, isOfData, tooLate } from './errors';
import type { Source } from './file';
import type { Settings } from './options';
import { Table } from './table';

// Taken at the start: timers and clocks that a test replaces are not ours to wait for.
const { setTimeout: startTimer, setImmediate: afterReads } = globalThis;
const monotonicMs = performance.now.bind(performance);

/** A transaction stops the event loop, so there is one at a time, and what is asked meanwhile gathers. */
const IN_FLIGHT = 1;
/** Looks at a lock without a pause, and the longest pause after them. */
const QUICK_LOOKS = 8;
const PAUSE_MS = 3;

/** Calls as transactions of SQLite, which knows no waiting but that which stops the event loop: so it is asked again and again. */
export class Connection implements Database {
  readonly batches = new Batches(this, IN_FLIGHT);
  private table: Table | undefined;
  private closed = false;
  private ranInTurn = false;
  private writes = 0;
  private swept: string | undefined;

  readonly isRetried = (): boolean => false;
  readonly isOfData = isOfData;
  readonly asOutage = asOutage;
  readonly tooLate = tooLate;

  constructor(
    private readonly source: Source,
    private readonly settings: Settings,
  ) {}

  take(calls: readonly Call[], waitMs: readonly number[]): Promise<readonly (Answer | null)[]> {
    const askedMs = monotonicMs();
    return this.attempt(
      Math.max(...waitMs),
      (table) => this.decide(table, calls, (i) => waitMs[i]! <= monotonicMs() - askedMs),
      () => calls.map(() => null),
    );
  }

  /** In the order of their bytes. */
  async keys(after: string, before: string, many: number, waitMs: number): Promise<string[]> {
    try {
      return await this.attempt(
        waitMs,
        (table) => table.transaction('BEGIN', () => table.keys(after, before, many)),
        () => [],
      );
    } catch (error) {
      throw asOutage(error);
    }
  }

  close(): void {
    this.closed = true;
    this.forget();
  }

  /** Acts as soon as nobody else has the lock, at most once in a turn of the loop. */
  private async attempt<T>(waitMs: number, act: (table: Table) => T, whenClosed: () => T): Promise<T> {
    const dueMs = monotonicMs() + waitMs;
    for (let looks = 1; ; looks++) {
      if (this.ranInTurn) await new Promise<void>((resolve) => void afterReads(resolve));
      if (this.closed) return whenClosed();
      this.ranInTurn = true;
      afterReads(() => (this.ranInTurn = false));
      try {
        return act(this.opened());
      } catch (error) {
        if (isBusy(error)) {
          if (monotonicMs() >= dueMs) throw error;
        } else {
          // It may be another file now, or without the table.
          if (!isOfData(error)) this.forget();
          throw error;
        }
      }
      if (looks > QUICK_LOOKS) {
        await new Promise<void>((resolve) => void startTimer(resolve, Math.random() * PAUSE_MS));
      }
    }
  }

  private decide(table: Table, calls: readonly Call[], isLate: (i: number) => boolean): (Answer | null)[] {
    const looksOnly = calls.every(({ mode }) => mode === 'peek');
    return table.transaction(looksOnly ? 'BEGIN' : 'BEGIN IMMEDIATE', () => {
      // All of them are processes of one machine, and nobody else writes now.
      const nowMs = Date.now();
      const late = calls.map((_, i) => isLate(i));
      const read = new Map<string, string>();
      for (const { key } of calls.flatMap(({ items }, i) => (late[i]! ? [] : items))) {
        const state = read.has(key) ? undefined : table.read(key, nowMs);
        if (state !== undefined) read.set(key, state);
      }
      const states = new States(read, nowMs);
      const answers = calls.map((call, i) => (late[i]! ? null : states.take(call)));
      for (const [key, { state, expiresInMs }] of states.written)
        table.write(key, state, nowMs + expiresInMs);
      this.sweep(table, states.written.keys(), nowMs);
      return answers;
    });
  }

  /** A table grows by charges alone, so they pay for its upkeep. */
  private sweep(table: Table, written: Iterable<string>, nowMs: number): void {
    const { sweep } = this.settings;
    for (const key of written) {
      this.writes++;
      // So processes begin in different places.
      this.swept ??= key;
    }
    if (sweep === undefined || this.writes < sweep.everyWrites) return;
    this.writes = 0;
    this.swept = table.sweep(this.swept!, sweep.rows, nowMs);
  }

  private opened(): Table {
    if (this.source.isGone()) this.forget();
    if (this.table !== undefined) return this.table;
    const database = this.source.open();
    try {
      return (this.table = new Table(database, this.source.isOurs, this.settings.pragmas));
    } catch (error) {
      if (this.source.isOurs) database.close();
      throw error;
    }
  }

  private forget(): void {
    if (this.source.isOurs) this.table?.close();
    this.table = undefined;
  }
}
