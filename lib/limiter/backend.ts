import { unavailable } from '../decision/status';
import { closedError, RateLimitError } from '../base/errors';
import type { LocalDecision, RuleSet } from '../decision/rule-set';
import { ResultKind } from '../decision/result-kind';
import type { Source } from '../decision/types';
import { ALWAYS_CLOSED } from '../telemetry/breaker-state';
import { NOT_TIMED } from '../telemetry/histogram';
import { Listing, type ListQuery, type StoredKey } from '../stores/listing';
import { Status } from '../decision/status';
import { isSwitchedOff, type Settings } from './options';
import type { Unasked } from '../decision/unavailable';
import type { LocalCounts } from '../stores/local-counts';
import { acquire, forgotten, type StoreReference } from '../stores/registry';
import type { StoreTarget } from '../stores/option';
import type { Probe, Store, SyncStore } from '../stores/store';
import type { Log } from '../telemetry/logger';
import type { Meanwhile } from '../telemetry/store-state';
import type { Health, Stats } from '../stores/types';

/** Apart from the limiter, which what is called here must not reach. */
function lettingGo(reference: StoreReference, stopListening: () => void): () => void {
  return () => {
    stopListening();
    reference.release();
  };
}

/** A limiter's share of its store: taken at the first call, given back at the end, and what is known about it. */
export class Backend {
  readonly prefix: string;
  readonly timeoutMs: number;
  private readonly share: number;
  readonly source: Source;
  /** Counts in this process, where a Redis was meant. */
  readonly isForgotten: boolean;
  /** Undefined before the first call, and again after `close`. */
  store: Store | undefined;
  readonly log: Log;
  private readonly enabled: boolean;
  /** A closure, not a field of settings: whoever logs a limiter must not see a password. */
  private readonly acquire: () => StoreReference;
  private reference: StoreReference | undefined;
  private letGo: (() => void) | undefined;
  private closed = false;
  private probe: Probe | undefined;

  /** @param meanwhile what `failureMode` says while there is no store, for those who are told that there is none */
  constructor(
    settings: Settings,
    private readonly meanwhile: () => Meanwhile,
    private readonly opened: () => void,
  ) {
    this.log = settings.log;
    this.enabled = !isSwitchedOff(settings.log);
    this.prefix = settings.prefix;
    this.timeoutMs = settings.timeoutMs;
    this.share = settings.share;
    const { store, prefix } = settings;
    this.source = sourceOf(store);
    const members = store.kind === 'failover' ? store.members : [store];
    this.isForgotten = members.some((one) => one.kind === 'memory' && one.forgotten === true);
    this.acquire = () => acquire(store, prefix);
  }

  /** Undefined: see `absence`. Connects nothing. @throws RateLimitError `ERR_CLOSED` */
  open(): Store | undefined {
    if (this.closed) throw closedError();
    if (!this.enabled) return undefined;
    if (this.reference === undefined) {
      this.reference = this.acquire();
      this.letGo = lettingGo(this.reference, this.reference.state.listen(this.log, this.meanwhile()));
      forgotten().register(this, this.letGo, this);
      this.opened();
    }
    return (this.store = this.reference.store);
  }

  /** Why there is no store, after `open`: limits are switched off, or it cannot be opened. */
  get absence(): Unasked {
    return this.enabled ? 'unavailable' : 'disabled';
  }

  /** Counts in this process what the store did not answer; undefined where it cannot. */
  readonly decideLocally: LocalDecision = (kind, set, subjects, units) => {
    if (this.closed || this.reference === undefined) return undefined;
    try {
      return this.reference.localCounts.decide(kind, set, subjects, units, this.share);
    } catch (error) {
      // No binary fits: it was said when the store could not be opened.
      if (error instanceof RateLimitError) return undefined;
      throw error;
    }
  };

  /** What this process counts while the store does not. */
  get localCounts(): LocalCounts | undefined {
    return this.reference?.localCounts;
  }

  /** A check was decided because there is no store. */
  missed(): void {
    this.reference?.state.missed(Status.Refused, true);
  }

  /** As `open`, for calls that no policy answers. @throws RateLimitError `ERR_CLOSED`, `ERR_NO_BINARY` */
  need(): Store | undefined {
    const store = this.store ?? this.open();
    if (store === undefined && this.reference?.failure !== undefined) throw this.reference.failure;
    return store;
  }

  close(): void {
    this.closed = true;
    this.store = undefined;
    this.letGo?.();
    forgotten().unregister(this);
    this.letGo = undefined;
    this.reference = undefined;
  }

  /** The outcome of a call that no policy can answer. @throws RateLimitError `ERR_UNAVAILABLE`, `ERR_CLOSED` */
  require(store: Store | undefined, outcome: number): number {
    if (outcome < 0 && store !== undefined) throw this.failed(store, -outcome);
    return outcome;
  }

  /** The keys of one rule, page by page; empty pages are left out. */
  async *pages(set: RuleSet, query: ListQuery): AsyncGenerator<StoredKey[], void, undefined> {
    const listing = new Listing(this.prefix, set, query);
    while (!listing.done) {
      const store = this.need();
      if (store === undefined) return;
      this.know(store, set);
      const page = await store.page(listing);
      if (typeof page === 'number') throw this.failed(store, page);
      const keys = listing.take(page);
      if (keys.length > 0) yield keys;
    }
  }

  /** One page of them, from where another ended. */
  async page(set: RuleSet, query: ListQuery, cursor: string): Promise<{ keys: StoredKey[]; next: string }> {
    const store = this.need();
    if (store === undefined) return { keys: [], next: '' };
    this.know(store, set);
    const listing = new Listing(this.prefix, set, query);
    listing.cursor = cursor;
    const read = await store.page(listing);
    if (typeof read === 'number') throw this.failed(store, read);
    return { keys: listing.take(read), next: listing.cursor };
  }

  /** What one rule counts for a subject; undefined: nothing. @throws RateLimitError `ERR_UNAVAILABLE` */
  async read(set: RuleSet, subject: string): Promise<Omit<StoredKey, 'key'> | undefined> {
    const store = this.need();
    if (store === undefined) return undefined;
    this.know(store, set);
    const reading = await store.peek(set, subject, 1, ResultKind.Reading);
    if (typeof reading === 'number') throw this.failed(store, -reading);
    const { used, resetInMs, blocked } = reading;
    if (used === 0 && !blocked) return undefined;
    return { subject, count: blocked ? 0 : used, resetTime: Date.now() + resetInMs, blocked };
  }

  /** As `pages`, on the in-process store, at once. */
  *pagesNow(set: RuleSet, query: ListQuery): Generator<StoredKey[], void, undefined> {
    const listing = new Listing(this.prefix, set, query);
    while (!listing.done) {
      const store = this.need() as SyncStore | undefined;
      if (store === undefined) return;
      const page = store.pageNow(listing);
      if (typeof page === 'number') throw this.failed(store, page);
      yield listing.take(page);
    }
  }

  /** Makes a set known to the store, once. @returns whether it was new */
  know(store: Store, set: RuleSet): boolean {
    if (set.number >= 0) return false;
    store.register(set, this.prefix, this.timeoutMs);
    return true;
  }

  async health(withMemory: boolean): Promise<Health> {
    const store = this.store ?? this.open();
    if (store === undefined) {
      const { enabled } = this;
      return {
        ...this.stats(),
        healthy: !enabled,
        enabled,
        latencyMs: null,
        connectedSince: null,
        awaySince: null,
      };
    }
    const found = await this.probeOf(store).run();
    const awaySince = found.healthy ? null : store.state.awaySince;
    const health = { ...found, enabled: true, awaySince };
    // What does not answer a probe is not asked for more.
    return withMemory
      ? { ...health, memory: health.healthy ? await store.memory(this.prefix) : null }
      : health;
  }

  private probeOf(store: Store): Probe {
    return (this.probe ??= store.probe(this.prefix, this.timeoutMs));
  }

  /** Whether Redis counts: false once the connection is gone, a reply is overdue or a charge was refused. Connects. */
  isHealthy(): boolean {
    // `next build` loads and prerenders everything; a connection there would hold up the build.
    if (this.source === 'memory' || process.env['NEXT_PHASE'] === 'phase-production-build') return false;
    const store = this.store ?? this.open();
    return store !== undefined && this.probeOf(store).isHealthy();
  }

  stats(): Stats {
    const lastError = this.reference?.failure?.message ?? null;
    return this.store?.stats() ?? { ...NO_STATS, store: this.source, lastError };
  }

  private failed(store: Store, status: number): RateLimitError {
    return unavailable(status, this.timeoutMs, store.stats().lastError ?? '');
  }
}

/** Of a store that was not opened. */
const NO_STATS = {
  keys: 0,
  pending: 0,
  connected: false,
  reconnects: 0,
  timeouts: 0,
  commands: 0,
  roundTrips: 0,
  latency: NOT_TIMED,
  foreign: 0,
  serverVersion: null,
  breaker: ALWAYS_CLOSED,
} as const;

function sourceOf(target: StoreTarget): Source {
  switch (target.kind) {
    case 'custom':
      return target.custom.name;
    case 'memory':
    case 'failover':
      return target.kind;
    case 'redis':
    case 'failed':
      return 'redis';
  }
}
