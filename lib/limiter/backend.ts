import { unavailable } from '../decision/status';
import { closedError } from '../base/errors';
import { Probe } from '../stores/native/probe';
import { Listing, type NamedKey } from '../stores/listing';
import { Status } from '../decision/status';
import { isSwitchedOff, type Settings } from './options';
import type { Unasked } from '../decision/unavailable';
import { acquire, type StoreReference } from '../stores/registry';
import type { Store } from '../stores/native/store';
import type { Log } from '../telemetry/logger';
import type { Meanwhile } from '../telemetry/store-state';
import type { Health, ListOptions, Stats } from '../stores/types';

/** A limiter's share of its store: taken at the first call, given back at the end, and what is known about it. */
export class Backend {
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly source: 'redis' | 'memory';
  /** Undefined before the first call, and again after `close`. */
  store: Store | undefined;
  readonly log: Log;
  private readonly enabled: boolean;
  /** A closure, not a field of settings: whoever logs a limiter must not see a password. */
  private readonly acquire: () => StoreReference;
  private reference: StoreReference | undefined;
  private stopListening: (() => void) | undefined;
  private closed = false;
  private probe: Probe | undefined;

  /** @param meanwhile what `failureMode` says while there is no store, for those who are told that there is none */
  constructor(
    settings: Settings,
    private readonly meanwhile: () => Meanwhile,
  ) {
    this.log = settings.log;
    this.enabled = !isSwitchedOff(settings.log);
    this.prefix = settings.prefix;
    this.timeoutMs = settings.timeoutMs;
    this.source = settings.redis === undefined && settings.failure === undefined ? 'memory' : 'redis';
    this.acquire = () => acquire(settings);
  }

  /** Undefined: see `absence`. Connects nothing. @throws RateLimitError `ERR_CLOSED` */
  open(): Store | undefined {
    if (this.closed) throw closedError();
    if (!this.enabled) return undefined;
    if (this.reference === undefined) {
      this.reference = this.acquire();
      this.stopListening = this.reference.state.listen(this.log, this.meanwhile());
    }
    return (this.store = this.reference.store);
  }

  /** Why there is no store, after `open`: limits are switched off, or it cannot be opened. */
  get absence(): Unasked {
    return this.enabled ? 'unavailable' : 'disabled';
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
    this.stopListening?.();
    this.reference?.release();
    this.reference = undefined;
  }

  /** The outcome of a call that no policy can answer. @throws RateLimitError `ERR_UNAVAILABLE`, `ERR_CLOSED` */
  require(store: Store | undefined, outcome: number): number {
    if (outcome < 0 && store !== undefined)
      throw unavailable(-outcome, this.timeoutMs, store.native.stats().lastError);
    return outcome;
  }

  /** A listing page by page; empty pages are left out. `id` is that of `Listing`. */
  pages(id = '', options?: ListOptions): AsyncGenerator<NamedKey[], void, undefined> {
    return this.pagesOf(new Listing(this.prefix, id, options));
  }

  private async *pagesOf(listing: Listing): AsyncGenerator<NamedKey[], void, undefined> {
    while (!listing.done) {
      const store = this.need();
      if (store === undefined) return;
      const page = await store.page(listing);
      if (typeof page === 'number') throw unavailable(page, this.timeoutMs, store.native.stats().lastError);
      const keys = listing.take(page);
      if (keys.length > 0) yield keys;
    }
  }

  /** As `pages`, on the in-process store, at once. */
  *pagesNow(): Generator<NamedKey[], void, undefined> {
    const listing = new Listing(this.prefix);
    while (!listing.done) {
      const store = this.need();
      if (store === undefined) return;
      const page = store.pageNow(listing);
      if (typeof page === 'number') throw unavailable(page, this.timeoutMs, store.native.stats().lastError);
      yield listing.take(page);
    }
  }

  async health(): Promise<Health> {
    const store = this.store ?? this.open();
    if (store === undefined) {
      const { enabled } = this;
      return { ...this.stats(), healthy: !enabled, enabled, latencyMs: null, connectedSince: null };
    }
    return this.probeOf(store).run(() => this.stats());
  }

  private probeOf(store: Store): Probe {
    return (this.probe ??= new Probe(store, this.prefix, this.timeoutMs));
  }

  /** Whether Redis counts: false once the connection is gone, a reply is overdue or a charge was refused. Connects. */
  isHealthy(): boolean {
    // `next build` loads and prerenders everything; a connection there would hold up the build.
    if (this.source === 'memory' || process.env['NEXT_PHASE'] === 'phase-production-build') return false;
    const store = this.store ?? this.open();
    return store !== undefined && this.probeOf(store).isHealthy();
  }

  stats(): Stats {
    const native = this.store?.native.stats();
    return {
      store: this.source,
      keys: native?.keys ?? 0,
      pending: native?.pending ?? 0,
      connected: native?.connected ?? false,
      reconnects: native?.reconnects ?? 0,
      timeouts: native?.timeouts ?? 0,
      lastError: native?.lastError || this.reference?.failure?.message || null,
      foreign: native?.foreign ?? 0,
      serverVersion: native?.serverVersion || null,
    };
  }
}
