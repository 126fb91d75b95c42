import { setTimeout as pause } from 'node:timers/promises';
import { RateLimitError } from '../base/errors';
import type { MonitoredLimiter } from '../monitoring/options';
import type { ListedKey } from '../stores/types';
import type { Looked } from './types';

/** So few that reading a page holds up no check. */
const PAGE = 100;
/** For each time of work: what a page costs the process and the store, checks feel. */
const RESTS = 3;
/** What is remembered: memory stays bounded however many are limited. */
const MOST_KEPT = 1_000;
/** Whoever asks first waits so long for figures that are not complete yet. */
const FIRST_ANSWER_MS = 120;
/** How old complete figures are at least when they are taken anew, and how many times as old as it took to take them. */
const FRESH_MS = 3_000;
const FRESH_TIMES = 4;

export interface Walked {
  readonly items: readonly ListedKey[];
  readonly looked: Looked;
}

/**
 * Looks through all that is counted for who is limited, page by page beside the checks, and again only while somebody asks.
 */
export class Walk {
  private complete: Walked | undefined;
  private current: Pass | undefined;
  private notBeforeMs = -Infinity;

  constructor(private readonly limiter: MonitoredLimiter) {}

  /** The last complete figures, or those so far. */
  async look(): Promise<Walked> {
    if (this.current === undefined && performance.now() >= this.notBeforeMs) this.start();
    const { current } = this;
    if (this.complete === undefined && current !== undefined) {
      // Somebody waits for it: it keeps a process that has nothing else to do.
      await Promise.race([current.ended, pause(FIRST_ANSWER_MS)]);
    }
    return this.complete ?? current?.soFar() ?? NOTHING;
  }

  private start(): void {
    const startedMs = performance.now();
    const pass = new Pass(this.limiter);
    this.current = pass;
    void pass.ended.then(() => {
      this.current = undefined;
      const found = pass.soFar();
      const { complete } = this;
      const { error } = found.looked;
      // What was found before is more than what an outage left of it.
      this.complete =
        error === null || complete === undefined
          ? found
          : { items: complete.items, looked: { ...complete.looked, error } };
      const endedMs = performance.now();
      this.notBeforeMs = endedMs + Math.max(FRESH_MS, FRESH_TIMES * (endedMs - startedMs));
    });
  }
}

const NOTHING: Walked = {
  items: [],
  looked: { counted: 0, atLimit: 0, blocked: 0, ofSeveralPlans: 0, done: false, error: null, at: null },
};

class Pass {
  readonly ended: Promise<void>;
  private counted = 0;
  private ofSeveralPlans = 0;
  private atLimit = 0;
  private blocked = 0;
  private done = false;
  private error: string | null = null;
  private at: number | null = null;
  private kept = new Map<string, ListedKey>();

  constructor(private readonly limiter: MonitoredLimiter) {
    this.ended = this.run();
  }

  soFar(): Walked {
    const { counted, atLimit, blocked, ofSeveralPlans, done, error, at } = this;
    const looked = { counted, atLimit, blocked, ofSeveralPlans, done, error, at };
    return { items: [...this.kept.values()], looked };
  }

  private async run(): Promise<void> {
    try {
      let cursor = '';
      do {
        const startedMs = performance.now();
        const page = await this.limiter.page({ pageSize: PAGE, cursor });
        for (const item of page.items) this.take(item);
        cursor = page.cursor;
        const restMs = RESTS * (performance.now() - startedMs);
        await pause(restMs, undefined, { ref: false });
      } while (cursor !== '');
      this.at = Date.now();
    } catch (error) {
      if (!(error instanceof RateLimitError)) throw error;
      this.error = error.message;
    } finally {
      this.done = true;
    }
  }

  private take(item: ListedKey): void {
    this.counted++;
    if (item.blocked) this.blocked++;
    else if (item.limit === undefined) this.ofSeveralPlans++;
    else if (isAtLimit(item)) this.atLimit++;
    if (!item.blocked && !isAtLimit(item)) return;
    const name = `${item.rule}\n${item.subject}`;
    // The store may tell a key twice.
    if (this.kept.has(name) || this.kept.size < MOST_KEPT) this.kept.set(name, item);
  }
}

export function isAtLimit({ count, limit }: ListedKey): boolean {
  return limit !== undefined && count >= limit;
}
