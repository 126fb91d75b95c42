import { unavailable } from './ending';
import { closedError, RateLimitError, shown } from './errors';
import { validateKey } from './key';
import { Listing, type NamedKey } from './listing';
import type {
  LimiterBase,
  PlanLimiter,
  PlanOptions,
  RateLimiter,
  RateLimiterOptions,
  RateOptions,
} from './limiter-types';
import { isSwitchedOff, readCost, readOptions } from './options';
import { probe } from './health';
import { acquire, type Lease } from './registry';
import { byPolicy, Kind, type Built, type KindOf } from './results';
import type { RuleSet } from './rule';
import type { Store } from './store';
import type { CheckOptions, Decision, Health, ListedKey, ListOptions, Stats } from './types';

/** Everything that a limiter does; the drop-in functions and the public limiters are thin layers over it. */
export class LimiterCore implements LimiterBase {
  readonly prefix: string;
  private readonly sets: ReadonlyMap<string | undefined, RuleSet>;
  private readonly timeoutMs: number;
  private readonly enabled: boolean;
  private readonly source: 'redis' | 'memory';
  /** A closure, not a field of settings: whoever logs a limiter must not see a password. */
  private readonly acquire: () => Lease;
  private lease: Lease | undefined;
  /** Undefined before the first call, and again after `close`. */
  private store: Store | undefined;
  private closed = false;

  constructor(options: RateLimiterOptions) {
    const settings = readOptions(options);
    this.sets = settings.sets;
    this.prefix = settings.prefix;
    this.timeoutMs = settings.timeoutMs;
    this.enabled = !isSwitchedOff();
    this.source = settings.redis === undefined ? 'memory' : 'redis';
    this.acquire = () => acquire(settings);
  }

  check(key: string, plan?: string | CheckOptions, options?: CheckOptions): Promise<Decision> {
    try {
      let set = this.sets.get(plan as string | undefined);
      if (set === undefined) {
        // check(key, options) of a limiter with one rate.
        set = typeof plan === 'object' && options === undefined ? this.sets.get(undefined) : undefined;
        if (set === undefined) throw this.unknownPlan(plan);
        options = plan as CheckOptions;
      }
      return this.charge(key, set, options === undefined ? 1 : readCost(options), Kind.Decision);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  peek(key: string, plan?: string): Promise<Decision> {
    return this.look(key, plan, Kind.Decision);
  }

  /** `check` at a cost of 1, with the result built as `kind` says. */
  checkAs<K extends KindOf>(key: string, plan: string, kind: K): Promise<Built[K]> {
    try {
      return this.charge(key, this.setOf(plan), 1, kind);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** `peek`, with the result built as `kind` says. */
  look<K extends KindOf>(key: string, plan: string | undefined, kind: K): Promise<Built[K]> {
    try {
      const set = this.setOf(plan);
      const store = this.store ?? this.start();
      return store === undefined ? Promise.resolve(off(key, set, kind)) : store.peek(set, key, kind);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** As `checkAs`, on the in-process store, at once. */
  checkNow<K extends KindOf>(key: string, plan: string, kind: K): Built[K] {
    const set = this.setOf(plan);
    const store = this.store ?? this.start();
    return store === undefined ? off(key, set, kind) : store.checkNow(set, key, 1, kind);
  }

  /** As `look`, on the in-process store, at once. */
  lookNow<K extends KindOf>(key: string, plan: string, kind: K): Built[K] {
    const set = this.setOf(plan);
    const store = this.store ?? this.start();
    return store === undefined ? off(key, set, kind) : store.peekNow(set, key, kind);
  }

  async reset(key: string): Promise<boolean> {
    const store = this.store ?? this.start();
    if (store === undefined) {
      validateKey(key);
      return false;
    }
    const outcome = await store.reset(this.anySet(), key);
    if (outcome < 0) throw unavailable(store, -outcome, this.timeoutMs);
    return outcome > 0;
  }

  /** As `reset`, on the in-process store, at once. */
  resetNow(key: string): void {
    const store = this.store ?? this.start();
    if (store === undefined) validateKey(key);
    else store.resetNow(this.anySet(), key);
  }

  async *list(options?: ListOptions): AsyncGenerator<ListedKey, void, undefined> {
    for await (const page of this.pages(options)) {
      for (const { key, count, resetTime } of page) yield { key, count, resetTime };
    }
  }

  /** A listing page by page; empty pages are left out. */
  async *pages(options?: ListOptions): AsyncGenerator<NamedKey[], void, undefined> {
    const listing = new Listing(this.prefix, options);
    while (!listing.done) {
      const store = this.store ?? this.start();
      if (store === undefined) return;
      const page = await store.page(this.prefix, listing.cursor, listing.match, listing.pageSize);
      if (typeof page === 'number') throw unavailable(store, page, this.timeoutMs);
      const keys = listing.take(page);
      if (keys.length > 0) yield keys;
    }
  }

  /** As `pages`, on the in-process store, at once. */
  *pagesNow(): Generator<NamedKey[], void, undefined> {
    const listing = new Listing(this.prefix);
    while (!listing.done) {
      const store = this.store ?? this.start();
      if (store === undefined) return;
      const page = store.pageNow(this.prefix, listing.cursor, listing.match, listing.pageSize);
      if (typeof page === 'number') throw unavailable(store, page, this.timeoutMs);
      yield listing.take(page);
    }
  }

  async health(): Promise<Health> {
    const store = this.store ?? this.start();
    if (store === undefined) {
      return { ...this.stats(), healthy: true, enabled: false, latencyMs: null, connectedSince: null };
    }
    return probe(store, this.prefix, this.timeoutMs, () => this.stats());
  }

  /** True after a real reply of Redis, false once the connection is gone or a reply is overdue. Connects. */
  isHealthy(): boolean {
    // `next build` loads and prerenders everything; a connection there would hold up the build.
    if (this.source === 'memory' || process.env['NEXT_PHASE'] === 'phase-production-build') return false;
    return (this.store ?? this.start())?.native.healthy() ?? false;
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
      lastError: native?.lastError || null,
      serverVersion: native?.serverVersion || null,
    };
  }

  close(): Promise<void> {
    this.closed = true;
    this.store = undefined;
    this.lease?.release();
    this.lease = undefined;
    return Promise.resolve();
  }

  /** Takes hold of the store now, so that a successor with equal options can share it. Connects nothing. */
  start(): Store | undefined {
    if (this.closed) throw closedError();
    if (!this.enabled) return undefined;
    const lease = this.acquire();
    try {
      for (const set of this.sets.values()) {
        const { algorithm, limit, windowMs } = set.rules[0];
        set.index = lease.store.ruleNumber({
          prefix: this.prefix,
          algorithm,
          limit,
          windowMs,
          timeoutMs: this.timeoutMs,
        });
      }
    } catch (error) {
      lease.release();
      throw error;
    }
    this.lease = lease;
    return (this.store = lease.store);
  }

  /** Whether the store is in use. */
  get started(): boolean {
    return this.store !== undefined;
  }

  private charge<K extends KindOf>(key: string, set: RuleSet, cost: number, kind: K): Promise<Built[K]> {
    const store = this.store ?? this.start();
    return store === undefined ? Promise.resolve(off(key, set, kind)) : store.check(set, key, cost, kind);
  }

  private setOf(plan: string | undefined): RuleSet {
    const set = this.sets.get(plan);
    if (set === undefined) throw this.unknownPlan(plan);
    return set;
  }

  /** A key is counted under one name whatever its plan, so any set of rules finds it. */
  private anySet(): RuleSet {
    return this.sets.values().next().value as RuleSet;
  }

  private unknownPlan(plan: unknown): RateLimitError {
    const known = [...this.sets.keys()].filter((name) => name !== undefined);
    const todo =
      known.length === 0
        ? 'This limiter has one rate: leave the plan out'
        : `Use one of ${known.map(shown).join(', ')}, or add it to plans`;
    return new RateLimitError('ERR_UNKNOWN_PLAN', `${shown(plan)} is not a plan of this limiter. ${todo}.`);
  }
}

/** What a limiter answers that is switched off. The key is checked all the same, so that mistakes show early. */
function off<K extends KindOf>(key: string, set: RuleSet, kind: K): Built[K] {
  validateKey(key);
  return byPolicy(kind, set, Date.now(), 'open') as Built[K];
}

/**
 * A rate limiter with plans: `check(key, plan)`. Plan names are taken from the options, so a misspelled plan does
 * not compile. Creating one connects nothing; the first call does. Limiters with equal connection options share
 * one connection, also when a bundler evaluates the module several times.
 *
 * `RATELIMIT_ENABLE=false` in the environment, read here, admits everything and connects nothing.
 * @throws RateLimitError `ERR_INVALID_OPTION` for any option that is misspelled or out of range
 */
export function createRateLimiter<Plan extends string>(options: PlanOptions<Plan>): PlanLimiter<Plan>;
/** A rate limiter with one rate for every key: `check(key)`. Otherwise as with plans. */
export function createRateLimiter(options: RateOptions): RateLimiter;
export function createRateLimiter(options: RateLimiterOptions): LimiterCore {
  return new LimiterCore(options);
}
