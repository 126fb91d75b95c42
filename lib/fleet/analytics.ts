import { variable } from '../base/environment';
import { invalidOption, shown } from '../base/errors';
import { readInteger, refuseUnknown, requireObject } from '../base/validate';
import type { Decision, Source } from '../decision/types';
import type { RateLimitRequest } from '../rules/identity';
import type { Addition } from '../stores/documents';
import type { StoreTarget } from '../stores/option';
import { later } from '../telemetry/later';
import type { Log } from '../telemetry/logger';
import { ObservedCounts, type Minute, type Outcome } from './minute-counts';
import { FleetStore } from './store';
import { viewOf, type FleetView } from './view';

/** What a process that dies loses at most. */
const FLUSH_EVERY_MS = 10_000;
/** How long closing waits for a store: a pool may wait for a connection for ever. */
const LAST_WORDS_MS = 3_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Long enough for requests per minute over the last five. */
const MINUTES_KEPT_MS = 10 * MINUTE_MS;
/** Of one command: a larger one would hold up the checks of the others. */
const MOST_SUMS_AT_ONCE = 500;

const hourName = (hour: number) => `hour:${hour}`;
const minuteName = (minute: number) => `minute:${minute}`;

export interface FleetOptions {
  /** The last hours, the present one included: 1 to those that are kept. Default 24. */
  hours?: number;
}

/** A limiter's part in what its fleet counts together. */
export class Analytics {
  private readonly counts = new ObservedCounts();
  private readonly store: FleetStore;
  private readonly days: number;
  private timer: NodeJS.Timeout | undefined;
  private telling: Promise<void> = Promise.resolve();
  private over: Promise<void> | undefined;
  private missed = false;
  private closed = false;

  /** @throws RateLimitError `ERR_UNSUPPORTED` */
  constructor(
    target: StoreTarget,
    prefix: string,
    private readonly source: Source,
    private readonly log: Log,
  ) {
    this.store = new FleetStore(target, prefix);
    this.days = retentionDays(log);
  }

  /** As observers are told. */
  readonly record = (decision: Decision, request: RateLimitRequest | undefined): void => {
    if (this.closed) return;
    this.counts.record(decision, request, this.outcomeOf(decision));
    this.flushLater();
  };

  async view(options: FleetOptions = {}): Promise<FleetView> {
    requireObject(options, 'The options of fleet');
    refuseUnknown(options, ['hours'], '');
    const hours = readInteger(options.hours, 'hours', 24, 1, this.days * 24);
    const nowMs = Date.now();
    const first = Math.floor(nowMs / HOUR_MS) - hours + 1;
    const ofHours = Array.from({ length: hours }, (_, i) => first + i);
    const minute = Math.floor(nowMs / MINUTE_MS);
    // Those that are over.
    const minutes = [5, 4, 3, 2, 1].map((before) => minuteName(minute - before));
    const sums = await this.store.documents.sums([...ofHours.map(hourName), ...minutes]);
    return viewOf(
      ofHours.map((hour, i) => ({ startMs: hour * HOUR_MS, sums: sums[i]! })),
      sums.slice(hours),
    );
  }

  /** Tells what was counted since the last time, one call after the other: what one gives back is the next one's. */
  private flush(): Promise<void> {
    this.telling = this.telling.then(() => this.tell());
    return this.telling;
  }

  private async tell(): Promise<void> {
    const minutes = this.counts.take();
    for (let i = 0; i < minutes.length; i++) {
      for (const part of parts(minutes[i]!)) {
        if (await this.sent(part)) continue;
        // Nothing of this part, nor of those behind it.
        this.counts.giveBack([part, ...minutes.slice(i + 1)]);
        // Also where nobody asks any more.
        if (!this.closed) this.flushLater();
        return;
      }
    }
  }

  /**
   * Tells the rest, behind the decisions that observers have not been told of yet. Resolves when the store has taken it, so
   * that who ends the store's pool next loses nothing, or when it did not in time.
   */
  close(): Promise<void> {
    this.over ??= new Promise((resolve) => {
      const end = () => void this.end().then(resolve);
      if (!later(end)) end();
    });
    return this.over;
  }

  private async end(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    let late: NodeJS.Timeout | undefined;
    const givenUp = new Promise<void>((resolve) => {
      late = setTimeout(() => {
        this.told('no answer in time');
        resolve();
      }, LAST_WORDS_MS);
    });
    // Not before its last part, which would open the store anew.
    const told = this.flush().finally(() => this.store.release());
    await Promise.race([told, givenUp]);
    clearTimeout(late);
  }

  private flushLater(): void {
    this.timer ??= setTimeout(this.flushed, FLUSH_EVERY_MS).unref();
  }

  private readonly flushed = (): void => {
    this.timer = undefined;
    void this.flush();
  };

  /** Whether it needs no further attempt. What may have been added is not added again. */
  private async sent(part: Minute): Promise<boolean> {
    try {
      const isSent = await this.store.documents.add(this.additionsOf(part));
      this.told(isSent ? undefined : 'the store is away');
      return isSent;
    } catch (error) {
      this.told(error instanceof Error ? error.message : String(error));
      return true;
    }
  }

  private additionsOf({ minute, sums }: Minute): Addition[] {
    const totals = new Map([...sums].filter(([name]) => name.startsWith('t')));
    return [
      {
        name: hourName(Math.floor((minute * MINUTE_MS) / HOUR_MS)),
        expiresInMs: this.days * 24 * HOUR_MS,
        amounts: sums,
      },
      ...(totals.size > 0
        ? [{ name: minuteName(minute), expiresInMs: MINUTES_KEPT_MS, amounts: totals }]
        : []),
    ];
  }

  private outcomeOf({ reason, source, allowed }: Decision): Outcome {
    const isLocal = source === 'memory' && this.source !== 'memory';
    if (reason === 'unavailable' || isLocal) return 'undecided';
    return allowed ? 'admitted' : 'denied';
  }

  private told(failure: string | undefined): void {
    if (failure !== undefined && !this.missed) {
      this.log.warn(`The counts of the fleet cannot be written for the moment: ${failure}`);
    }
    this.missed = failure !== undefined;
  }
}

function* parts({ minute, sums }: Minute): Generator<Minute> {
  const all = [...sums];
  for (let i = 0; i < all.length; i += MOST_SUMS_AT_ONCE) {
    yield { minute, sums: new Map(all.slice(i, i + MOST_SUMS_AT_ONCE)) };
  }
}

/** The environment stops nobody from starting; that it says nothing known is said. */
function retentionDays(log: Log): number {
  const given = variable('METRICS_RETENTION_DAYS');
  if (given === '') return 7;
  const days = Number(given);
  if (Number.isInteger(days) && days >= 1 && days <= 90) return days;
  log.once('retention', 'METRICS_RETENTION_DAYS is no whole number from 1 to 90; it is taken as 7.');
  return 7;
}

/** Reads the option `analytics`. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readAnalytics(value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true;
  throw invalidOption(`analytics must be true or false, not ${shown(value)}.`);
}
