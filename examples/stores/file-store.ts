/**
 * A store in one file, for the processes of one machine: a command that is called often, a desktop application, two
 * workers without a Redis. Calls are put together, and done one batch after the other under a lock: read, take the steps,
 * write aside, rename. Whoever dies in between leaves the file as it was.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  customStore,
  stepAll,
  stepBlock,
  stepRefund,
  type BlockOp,
  type CustomStore,
  type Kept,
  type Outcome,
  type RefundOp,
  type ScanOp,
  type ScanPage,
  type StoreOp,
  type StoreOption,
} from 'spillway/store';
import { tryLock } from './file-lock';

/** What is kept for each key: its state, and until when it means anything. */
type States = Map<string, { state: string; untilMs: number }>;

interface Call {
  readonly act: (states: States, nowMs: number) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** @param now milliseconds; all processes that share the folder have the same clock */
export function fileStore(folder: string, now: () => number = Date.now): StoreOption {
  return customStore(new FileStore(folder, now));
}

class FileStore implements CustomStore {
  readonly name = 'file';
  private readonly file: string;
  private queue: Call[] = [];
  private running = false;

  constructor(
    private readonly folder: string,
    private readonly now: () => number,
  ) {
    mkdirSync(folder, { recursive: true });
    this.file = join(folder, 'states.json');
  }

  apply({ mode, units, items, deadlineMs }: StoreOp): Promise<Outcome[]> {
    const lateMs = performance.now() + deadlineMs;
    return this.call((states, nowMs) => {
      // Nobody waits for it any more; a charge would admit nobody.
      if (performance.now() > lateMs) throw new Error('the file was locked for too long');
      const given = items.map(({ key, rule }) => ({ rule, state: states.get(key)?.state ?? null }));
      const stepped = stepAll({ mode, units, items: given }, nowMs);
      stepped.forEach((kept, i) => keep(states, items[i]!.key, kept, nowMs));
      return stepped.map(({ outcome }) => outcome);
    });
  }

  reset(keys: readonly string[]): Promise<number> {
    return this.call((states) => keys.filter((key) => states.delete(key)).length);
  }

  refund({ units, items }: RefundOp): Promise<number> {
    return this.call((states, nowMs) => {
      const took = items.filter(({ key, rule, mark }) => {
        const kept = stepRefund(rule, states.get(key)?.state ?? null, units, mark, nowMs);
        keep(states, key, kept, nowMs);
        return kept.changed;
      });
      return took.length;
    });
  }

  block({ ms, items }: BlockOp): Promise<void> {
    return this.call((states, nowMs) => {
      for (const { key } of items) keep(states, key, stepBlock(ms, nowMs), nowMs);
    });
  }

  scan({ startsWith, endsWith, rule, cursor, pageSize }: ScanOp): Promise<ScanPage> {
    return this.call((states, nowMs) => {
      const keys = [...states.keys()]
        .filter((key) => key.startsWith(startsWith) && key.endsWith(endsWith) && key > cursor)
        .sort();
      const page = keys.slice(0, pageSize).map((key) => {
        const items = [{ rule, state: states.get(key)!.state }];
        const { used, resetInMs, blocked } = stepAll({ mode: 'peek', units: 1, items }, nowMs)[0]!.outcome;
        return { key, used, resetInMs, blocked };
      });
      return {
        cursor: keys.length > page.length ? page.at(-1)!.key : '',
        items: page.filter(({ used, blocked }) => used > 0 || blocked),
      };
    });
  }

  private call<T>(act: (states: States, nowMs: number) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.queue.push({ act, resolve: resolve as Call['resolve'], reject });
      if (!this.running) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.running = true;
    // What is asked in this turn goes together.
    await Promise.resolve();
    while (this.queue.length > 0) {
      const batch = this.queue.splice(0);
      try {
        for (const settle of await this.locked(() => this.take(batch))) settle();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.running = false;
  }

  /** Does the calls of a batch; they are answered once it is written. */
  private take(batch: readonly Call[]): (() => void)[] {
    const nowMs = this.now();
    const states = this.read(nowMs);
    const before = JSON.stringify([...states]);
    const answers = batch.map(({ act, resolve, reject }) => {
      try {
        const value = act(states, nowMs);
        return () => resolve(value);
      } catch (error) {
        return () => reject(error);
      }
    });
    const after = JSON.stringify([...states]);
    if (after !== before) this.write(after);
    return answers;
  }

  private async locked<T>(act: () => T): Promise<T> {
    const path = join(this.folder, 'lock');
    for (;;) {
      const unlock = tryLock(path);
      if (unlock === undefined) {
        await delay(1 + Math.random() * 4);
        continue;
      }
      try {
        return act();
      } finally {
        unlock();
      }
    }
  }

  private read(nowMs: number): States {
    let text: string;
    try {
      text = readFileSync(this.file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
      throw error;
    }
    const states = new Map(JSON.parse(text) as [string, { state: string; untilMs: number }][]);
    for (const [key, { untilMs }] of states) if (untilMs <= nowMs) states.delete(key);
    return states;
  }

  private write(text: string): void {
    const aside = `${this.file}.new`;
    writeFileSync(aside, text);
    renameSync(aside, this.file);
  }
}

function keep(states: States, key: string, { state, expiresInMs }: Kept, nowMs: number): void {
  if (state === null) states.delete(key);
  else states.set(key, { state, untilMs: nowMs + expiresInMs });
}
