import { RateLimitError, invalidOption, sentence } from '../../base/errors';
import { refusal } from './refusal';
import { ResultKind, type Built, type AnyResultKind } from '../../decision/result-kind';
import type { Listing, Page } from '../listing';
import { Submit, type NativeCallbacks, type NativeHandle } from './native';
import { nativeRules } from './rules';
import { RedisDocuments, type Ask } from './documents';
import { serverMemory } from './server-memory';
import type { Documents } from '../documents';
import { MemoryDocuments } from '../memory-documents';
import { atOnce } from '../at-once';

import { breakerOf, NAMES, statsOf } from './stats';
import { probePrefix, probeSet } from '../probe-set';
import { NativeProbe } from './probe';
import { readStates } from './states';
import type { Probe, SyncStore } from '../store';
import type { ServerMemory, Stats } from '../types';
import { RECORD_LENGTH, RecordField } from '../records';
import { Status } from '../../decision/status';
import { build, recordsOf } from '../decode';
import { isCheck } from '../tally';
import { Histogram } from '../../telemetry/histogram';
import { RuleSet } from '../../decision/rule-set';
import { SetNumbers } from './set-numbers';
import { StoreState } from '../../telemetry/store-state';
import { keysOf, type Subjects } from '../../decision/subjects';

/** Records that one call from the core can carry; a larger read comes in several calls. */
const BATCH_RECORDS = 1_024;
const FIRST_SLOTS = 64;

const { Pending, Ready } = Submit;
const { Slot: SLOT, Status: STATUS, TookUs: TOOK_US } = RecordField;
const { Answered } = Status;

type Settle = (value: unknown) => void;

/** Stands in a free slot, so that the array holds nothing but functions and keeps no settled promise alive. */
const settled: Settle = () => {};

/** One executor for every promise: it leaves `resolve` here for the caller, so a check allocates no closure. */
let stashed: Settle = settled;
function stash(resolve: Settle): void {
  stashed = resolve;
}

/** What stands in a free slot in place of a set of rules. */
const NO_RULES = new RuleSet([]);

/**
 * The hot path: one native store, and the promises that wait for it. A waiting call holds a slot, a small number
 * that crosses to the core and comes back with the result; parallel arrays say what the slot waits for.
 */
export class NativeStore implements SyncStore {
  private readonly native: NativeHandle;
  readonly source: 'redis' | 'memory';
  readonly state: StoreState;
  private readonly batch = new Float64Array(BATCH_RECORDS * RECORD_LENGTH);
  private readonly settles: Settle[] = [];
  private readonly sets: RuleSet[] = [];
  private readonly kinds: AnyResultKind[] = [];
  private readonly subjectsBySlot: Subjects[] = [];
  private readonly units: number[] = [];
  /** Free slots are `free[0]` to `free[freeCount - 1]`, the one used last on top. */
  private readonly free: number[] = [];
  private freeCount = 0;
  private readonly latency = new Histogram();
  private readonly numbers: SetNumbers;
  /** By their prefix. */
  private readonly documentsOf = new Map<string, Documents>();

  constructor(source: 'redis' | 'memory', open: (callbacks: NativeCallbacks) => NativeHandle) {
    this.source = source;
    this.state = new StoreState({
      name: NAMES[source],
      source,
      trouble: () => this.native.stats().trouble,
      breaker: () => breakerOf(this.native.stats()),
    });
    this.addSlots(FIRST_SLOTS);
    this.native = open({
      batch: this.batch,
      onBatch: (count) => this.settleBatch(count),
      onPage: (slot, status, page) => this.settlePage(slot, status, page),
      onEvent: (kind, address, reason) => this.state.event(kind, address, reason),
    });
    this.numbers = new SetNumbers(this.native);
  }

  /**
   * Gives a set its number here. `probe`: it is health's own.
   * @throws RateLimitError `ERR_INVALID_OPTION` for what the core cannot count
   */
  register(set: RuleSet, prefix: string, timeoutMs: number, probe = false): void {
    try {
      this.numbers.register(set, nativeRules(set, prefix, timeoutMs, probe));
    } catch (error) {
      throw invalidOption(
        `The rate cannot be used: ${sentence(error instanceof Error ? error.message : String(error))}`,
      );
    }
  }

  // The calls below throw a RateLimitError at once when they are refused.

  /** Charges what a set counts. */
  check<K extends AnyResultKind>(
    set: RuleSet,
    subjects: Subjects,
    units: number,
    kind: K,
  ): Promise<Built[K]> {
    const slot = this.topSlot();
    const code = this.native.check(set.number, keysOf(subjects), units, slot);
    return this.submitted(code, slot, set, subjects, units, kind);
  }

  /** Looks at what a set counts, as a check of so many units would. */
  peek<K extends AnyResultKind>(set: RuleSet, subjects: Subjects, units: number, kind: K): Promise<Built[K]> {
    const slot = this.topSlot();
    const code = this.native.peek(set.number, keysOf(subjects), units, slot);
    return this.submitted(code, slot, set, subjects, units, kind);
  }

  /** Charges also where it does not fit. */
  penalize(set: RuleSet, subjects: Subjects, units: number): Promise<Built[typeof ResultKind.Penalty]> {
    const slot = this.topSlot();
    const code = this.native.penalize(set.number, keysOf(subjects), units, slot);
    return this.submitted(code, slot, set, subjects, units, ResultKind.Penalty);
  }

  /** Gives units back: how many rules took them, or negative: the status. */
  refund(set: RuleSet, subjects: Subjects, units: number, marks: number[]): Promise<number> {
    const slot = this.topSlot();
    const code = this.native.refund(set.number, keysOf(subjects), units, marks, slot);
    return this.submitted(code, slot, set, subjects, units, ResultKind.Outcome);
  }

  /** Denies for a while: 0 or more when done, negative: the status. */
  block(set: RuleSet, subjects: Subjects, ms: number): Promise<number> {
    const slot = this.topSlot();
    const code = this.native.block(set.number, keysOf(subjects), ms, slot);
    return this.submitted(code, slot, set, subjects, 0, ResultKind.Outcome);
  }

  /** Forgets keys: how many there were, or negative: the status. */
  reset(set: RuleSet, subjects: Subjects): Promise<number> {
    const slot = this.topSlot();
    const code = this.native.reset(set.number, keysOf(subjects), slot);
    return this.submitted(code, slot, set, subjects, 0, ResultKind.Outcome);
  }

  /** As `check`, for a store that answers at once. */
  checkNow<K extends AnyResultKind>(set: RuleSet, subjects: Subjects, units: number, kind: K): Built[K] {
    return this.answered(
      this.native.check(set.number, keysOf(subjects), units, 0),
      set,
      subjects,
      units,
      kind,
    );
  }

  /** As `peek`, for a store that answers at once. */
  peekNow<K extends AnyResultKind>(set: RuleSet, subjects: Subjects, units: number, kind: K): Built[K] {
    return this.answered(
      this.native.peek(set.number, keysOf(subjects), units, 0),
      set,
      subjects,
      units,
      kind,
    );
  }

  /** As `penalize`, for a store that answers at once. */
  penalizeNow(set: RuleSet, subjects: Subjects, units: number): Built[typeof ResultKind.Penalty] {
    return this.answered(
      this.native.penalize(set.number, keysOf(subjects), units, 0),
      set,
      subjects,
      units,
      ResultKind.Penalty,
    );
  }

  /** As `reset`, for a store that answers at once. */
  resetNow(set: RuleSet, subjects: Subjects): number {
    return this.answered(
      this.native.reset(set.number, keysOf(subjects), 0),
      set,
      subjects,
      0,
      ResultKind.Outcome,
    );
  }

  /** One page of a listing, or the status that stands in its way. */
  async page(listing: Listing): Promise<Page | number> {
    const page = await new Promise<Page | number>((resolve) => this.submitPage(listing, resolve as Settle));
    return listing.isOfCounts || typeof page === 'number' ? page : readStates(this, listing, page);
  }

  /** As `page`, for counts in a store that answers at once. */
  pageNow(listing: Listing): Page | number {
    let page: Page | number | undefined;
    this.submitPage(listing, (value) => (page = value as Page | number));
    if (page === undefined) throw new RateLimitError('ERR_UNAVAILABLE', 'The store did not answer at once.');
    return page;
  }

  probe(prefix: string, timeoutMs: number): Probe {
    const set = probeSet();
    if (this.source === 'redis') this.register(set, probePrefix(prefix), timeoutMs, true);
    else this.register(set, prefix, 1);
    return new NativeProbe(this, this.native, set, timeoutMs);
  }

  documents(prefix: string): Documents {
    const lastError = () => this.native.stats().lastError;
    const made =
      this.documentsOf.get(prefix) ??
      (this.source === 'redis' ? new RedisDocuments(prefix, this.ask, lastError) : new MemoryDocuments());
    this.documentsOf.set(prefix, made);
    return made;
  }

  memory(prefix: string): Promise<ServerMemory | null> {
    return this.source === 'redis' ? serverMemory(this.ask, prefix) : Promise.resolve(null);
  }

  stats(): Stats {
    return statsOf(this.source, this.native.stats(), this.latency);
  }

  close(): void {
    this.native.close();
  }

  private readonly ask: Ask = (command, source, key, timeoutMs, keepsProcess) =>
    new Promise((resolve) => {
      const slot = this.topSlot();
      const code = this.native.ask(command, source, key, timeoutMs, keepsProcess, slot);
      if (code < 0) return resolve(Status.Closed);
      this.freeCount--;
      this.settles[slot] = resolve as Settle;
    });

  private submitPage({ prefix, part, isOfCounts, cursor, query }: Listing, settle: Settle): void {
    // The page may come before the call returns, so the slot is taken first.
    const slot = this.topSlot();
    this.freeCount--;
    this.settles[slot] = settle;
    const { pattern, pageSize } = query;
    const code = this.native.list(prefix, part, cursor, pattern, pageSize, !isOfCounts, slot);
    if (code >= 0) return;
    this.release(slot);
    throw refusal(code, prefix);
  }

  private submitted<K extends AnyResultKind>(
    code: number,
    slot: number,
    set: RuleSet,
    subjects: Subjects,
    units: number,
    kind: K,
  ): Promise<Built[K]> {
    if (code !== Pending) {
      const answer = this.answered(code, set, subjects, units, kind);
      return this.batch[STATUS] === Answered ? Promise.resolve(answer) : atOnce(answer);
    }
    const promise = new Promise<Built[K]>(stash as (resolve: (value: Built[K]) => void) => void);
    this.freeCount--;
    this.settles[slot] = stashed;
    stashed = settled;
    this.sets[slot] = set;
    this.kinds[slot] = kind;
    this.subjectsBySlot[slot] = subjects;
    this.units[slot] = units;
    return promise;
  }

  private answered<K extends AnyResultKind>(
    code: number,
    set: RuleSet,
    subjects: Subjects,
    units: number,
    kind: K,
  ): Built[K] {
    if (code !== Ready) throw refusal(code, keysOf(subjects));
    if (this.batch[STATUS] !== Answered) this.missed(this.batch[STATUS]!, kind);
    return build(kind, this.batch, 0, set, subjects, units, Date.now(), this.source) as Built[K];
  }

  private settleBatch(count: number): void {
    const { batch, settles, sets, kinds, subjectsBySlot, units, source } = this;
    const now = Date.now();
    for (let at = 0, end = count * RECORD_LENGTH; at < end;) {
      const slot = batch[at + SLOT]!;
      const settle = settles[slot]!;
      const set = sets[slot]!;
      const kind = kinds[slot]!;
      const subjects = subjectsBySlot[slot]!;
      this.release(slot);
      // Health's own belongs to no limiter.
      if (isCheck(kind) && set.owner !== undefined && batch[at + TOOK_US]! >= 0)
        this.latency.record(batch[at + TOOK_US]!);
      if (batch[at + STATUS] !== Answered) this.missed(batch[at + STATUS]!, kind);
      settle(build(kind, batch, at, set, subjects, units[slot]!, now, source));
      at += recordsOf(kind, batch, at, set) * RECORD_LENGTH;
    }
    if (this.state.away) this.state.answered();
  }

  private missed(status: number, kind: AnyResultKind): void {
    this.state.missed(status, kind !== ResultKind.Outcome && kind !== ResultKind.Reading);
  }

  private settlePage(slot: number, status: number, page: Page | null): void {
    const settle = this.settles[slot]!;
    this.release(slot);
    settle(page ?? status);
  }

  private topSlot(): number {
    if (this.freeCount === 0) this.addSlots(this.settles.length);
    return this.free[this.freeCount - 1]!;
  }

  private release(slot: number): void {
    this.settles[slot] = settled;
    // They lead to their limiter, which may be forgotten.
    this.sets[slot] = NO_RULES;
    this.subjectsBySlot[slot] = '';
    this.free[this.freeCount++] = slot;
  }

  private addSlots(count: number): void {
    for (let i = 0; i < count; i++) {
      const slot = this.settles.length;
      this.settles.push(settled);
      this.sets.push(NO_RULES);
      this.kinds.push(ResultKind.Outcome);
      this.subjectsBySlot.push('');
      this.units.push(0);
      this.free[this.freeCount++] = slot;
    }
  }
}
