import { RateLimitError, invalidOption } from './errors';
import { refusal } from './key';
import {
  RECORD_LENGTH,
  RecordField,
  Submit,
  type NativeCallbacks,
  type NativePage,
  type NativeRule,
  type NativeStore,
} from './native';
import { build, Kind, type Built, type KindOf } from './results';
import type { RuleSet } from './rule';

/** Records that one call from the core can carry; a larger read comes in several calls. */
const BATCH_RECORDS = 1_024;
const FIRST_SLOTS = 64;

const { Pending, Ready } = Submit;
const SLOT = RecordField.Slot;

type Settle = (value: unknown) => void;

/** Stands in a free slot, so that the array holds nothing but functions and keeps no settled promise alive. */
const settled: Settle = () => {};

/** One executor for every promise: it leaves `resolve` here for the caller, so a check allocates no closure. */
let stashed: Settle = settled;
function stash(resolve: Settle): void {
  stashed = resolve;
}

/** No rule of a limiter, for the calls whose outcome does not depend on one. */
const NO_RULES: RuleSet = {
  index: -1,
  rules: [{ id: '', algorithm: 'fixed-window', limit: 0, windowMs: 1 }],
  onError: 'open',
};

/**
 * The hot path: one native store, and the promises that wait for it. A waiting call holds a slot, a small number
 * that crosses to the core and comes back with the result; three parallel arrays say what the slot waits for.
 */
export class Store {
  readonly native: NativeStore;
  readonly source: 'redis' | 'memory';
  private readonly batch = new Float64Array(BATCH_RECORDS * RECORD_LENGTH);
  private readonly settles: Settle[] = [];
  private readonly sets: RuleSet[] = [];
  private readonly kinds: KindOf[] = [];
  /** Free slots are `free[0]` to `free[freeCount - 1]`, the one used last on top. */
  private readonly free: number[] = [];
  private freeCount = 0;
  private readonly ruleNumbers = new Map<string, number>();

  constructor(source: 'redis' | 'memory', open: (callbacks: NativeCallbacks) => NativeStore) {
    this.source = source;
    this.addSlots(FIRST_SLOTS);
    this.native = open({
      batch: this.batch,
      onBatch: (count) => this.settleBatch(count),
      onPage: (slot, ending, page) => this.settlePage(slot, ending, page),
    });
  }

  /** The number of a rule. Equal rules share one, because the core keeps a rule for good. */
  ruleNumber(rule: NativeRule): number {
    const key = JSON.stringify([rule.prefix, rule.algorithm, rule.limit, rule.windowMs, rule.timeoutMs]);
    let number = this.ruleNumbers.get(key);
    if (number === undefined) {
      try {
        number = this.native.addRule(rule);
      } catch (error) {
        throw invalidOption(
          `The rate cannot be used: ${error instanceof Error ? error.message : String(error)}.`,
        );
      }
      this.ruleNumbers.set(key, number);
    }
    return number;
  }

  /** Charges a key. @throws RateLimitError at once when the call is refused */
  check<K extends KindOf>(set: RuleSet, key: string, cost: number, kind: K): Promise<Built[K]> {
    const slot = this.topSlot();
    return this.submitted(this.native.check(set.index, key, cost, slot), slot, set, key, kind);
  }

  /** Looks at a key. @throws RateLimitError at once when the call is refused */
  peek<K extends KindOf>(set: RuleSet, key: string, kind: K): Promise<Built[K]> {
    const slot = this.topSlot();
    return this.submitted(this.native.peek(set.index, key, slot), slot, set, key, kind);
  }

  /** Forgets a key: 1 when there was one, 0 when not, negative: the ending. @throws RateLimitError when refused */
  reset(set: RuleSet, key: string): Promise<number> {
    const slot = this.topSlot();
    return this.submitted(this.native.reset(set.index, key, slot), slot, set, key, Kind.Outcome);
  }

  /** As `check`, for a store that answers at once. */
  checkNow<K extends KindOf>(set: RuleSet, key: string, cost: number, kind: K): Built[K] {
    return this.answered(this.native.check(set.index, key, cost, 0), set, key, kind);
  }

  /** As `peek`, for a store that answers at once. */
  peekNow<K extends KindOf>(set: RuleSet, key: string, kind: K): Built[K] {
    return this.answered(this.native.peek(set.index, key, 0), set, key, kind);
  }

  /** As `reset`, for a store that answers at once. */
  resetNow(set: RuleSet, key: string): number {
    return this.answered(this.native.reset(set.index, key, 0), set, key, Kind.Outcome);
  }

  /** One page of a listing, or the ending that stands in its way. */
  page(prefix: string, cursor: string, match: string, pageSize: number): Promise<NativePage | number> {
    return new Promise((resolve) => this.submitPage(prefix, cursor, match, pageSize, resolve as Settle));
  }

  /** As `page`, for a store that answers at once. */
  pageNow(prefix: string, cursor: string, match: string, pageSize: number): NativePage | number {
    let page: NativePage | number | undefined;
    this.submitPage(prefix, cursor, match, pageSize, (value) => (page = value as NativePage | number));
    if (page === undefined) throw new RateLimitError('ERR_UNAVAILABLE', 'The store did not answer at once.');
    return page;
  }

  private submitPage(prefix: string, cursor: string, match: string, pageSize: number, settle: Settle): void {
    // The page may come before the call returns, so the slot is taken first.
    const slot = this.topSlot();
    this.freeCount--;
    this.settles[slot] = settle;
    const code = this.native.list(prefix, cursor, match, pageSize, slot);
    if (code >= 0) return;
    this.release(slot);
    throw refusal(code, prefix);
  }

  private submitted<K extends KindOf>(
    code: number,
    slot: number,
    set: RuleSet,
    key: string,
    kind: K,
  ): Promise<Built[K]> {
    if (code !== Pending) return Promise.resolve(this.answered(code, set, key, kind));
    const promise = new Promise<Built[K]>(stash as (resolve: (value: Built[K]) => void) => void);
    this.freeCount--;
    this.settles[slot] = stashed;
    this.sets[slot] = set;
    this.kinds[slot] = kind;
    return promise;
  }

  private answered<K extends KindOf>(code: number, set: RuleSet, key: string, kind: K): Built[K] {
    if (code !== Ready) throw refusal(code, key);
    return build(kind, this.batch, 0, set, Date.now(), this.source) as Built[K];
  }

  private settleBatch(count: number): void {
    const { batch, settles, sets, kinds, source } = this;
    const now = Date.now();
    for (let at = 0, end = count * RECORD_LENGTH; at < end; at += RECORD_LENGTH) {
      const slot = batch[at + SLOT]!;
      const settle = settles[slot]!;
      this.release(slot);
      settle(build(kinds[slot]!, batch, at, sets[slot]!, now, source));
    }
  }

  private settlePage(slot: number, ending: number, page: NativePage | null): void {
    const settle = this.settles[slot]!;
    this.release(slot);
    settle(page ?? ending);
  }

  private topSlot(): number {
    if (this.freeCount === 0) this.addSlots(this.settles.length);
    return this.free[this.freeCount - 1]!;
  }

  private release(slot: number): void {
    this.settles[slot] = settled;
    this.free[this.freeCount++] = slot;
  }

  private addSlots(count: number): void {
    for (let i = 0; i < count; i++) {
      const slot = this.settles.length;
      this.settles.push(settled);
      this.sets.push(NO_RULES);
      this.kinds.push(Kind.Outcome);
      this.free[this.freeCount++] = slot;
    }
  }
}
