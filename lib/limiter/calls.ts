import { ResultKind, type AnyResultKind, type Built } from '../decision/result-kind';
import type { RuleSet } from '../decision/rule-set';
import { requestOf, type Subjects } from '../decision/subjects';
import type { Decision } from '../decision/types';
import { unanswered } from '../stores/decode';
import { isCheck } from '../stores/tally';
import { Status } from '../decision/status';
import { settled, shaped, withoutStore } from '../decision/unavailable';
import type { FailureMode } from '../rules/failure-mode';
import type { RateLimitRequest } from '../rules/identity';
import { validateKey } from '../rules/key';
import type { Store, SyncStore } from '../stores/store';
import type { Counters } from '../telemetry/counters';
import { isWatched, tell, type Observers } from '../telemetry/observe';
import type { Backend } from './backend';
import type { Resolution, RuleResolver } from './rule-resolver';
import { noteWindows } from './windows';

/** Calls of one limiter on their way to its store, or to the answer that needs none. */
export class Calls {
  /** Of its windows: what lasts as long as the store must not lead here. */
  private readonly mark = {};

  constructor(
    private readonly backend: Backend,
    private readonly resolver: RuleResolver,
    private readonly observers: Observers,
    private readonly counters: Counters,
  ) {}

  /** One call for one key. */
  run<K extends AnyResultKind>(
    key: string,
    set: RuleSet,
    units: number,
    kind: K,
    failureMode?: FailureMode,
  ): Promise<Built[K]> {
    if (this.resolver.access.isEmpty) return this.call(set, key, units, kind, failureMode);
    validateKey(key);
    return this.submit(this.resolver.setFor(key, set), units, kind, failureMode);
  }

  /** A call for a key, on the in-process store, at once; a look where the kind is a status. */
  now<K extends typeof ResultKind.Result | typeof ResultKind.Status>(
    key: string,
    set: RuleSet,
    kind: K,
  ): Built[K] {
    const store = this.storeFor(set, key) as SyncStore | undefined;
    if (store === undefined) return this.unasked(kind, set, key, 1);
    return kind === ResultKind.Result
      ? store.checkNow<K>(set, key, 1, kind)
      : store.peekNow<K>(set, key, 1, kind);
  }

  /** Forgets what was counted for a key, on the in-process store, at once. */
  resetNow(key: string): void {
    this.backend.need();
    for (const set of this.resolver.everySet(key)) {
      (this.storeFor(set, key) as SyncStore | undefined)?.resetNow(set, key);
    }
  }

  submit<K extends AnyResultKind>(
    resolution: Resolution,
    units: number,
    kind: K,
    failureMode?: FailureMode,
    request?: RateLimitRequest,
  ): Promise<Built[K]> {
    if (resolution.set !== undefined)
      return this.call(resolution.set, resolution.subjects, units, kind, failureMode);
    return Promise.resolve(this.told(kind, settled(resolution.reason, resolution.rule), request));
  }

  /** The answer to a call that no store is asked for. */
  private unasked<K extends AnyResultKind>(
    kind: K,
    set: RuleSet,
    subjects: Subjects,
    units: number,
  ): Built[K] {
    const reason = this.backend.absence;
    const now = Date.now();
    if (reason === 'disabled' || set.rules.length === 0)
      return this.told(kind, withoutStore(set, subjects, reason, now), requestOf(subjects));
    this.backend.missed();
    const { source } = this.backend;
    return unanswered(kind, set, subjects, units, now, source, Status.Unopened) as Built[K];
  }

  private told<K extends AnyResultKind>(
    kind: K,
    decision: Decision,
    request: RateLimitRequest | undefined,
  ): Built[K] {
    if (isCheck(kind)) this.counters.settled(decision.reason);
    if (isWatched(kind, this.observers)) tell(this.observers, decision, request);
    return shaped(kind, decision) as Built[K];
  }

  call<K extends AnyResultKind>(
    given: RuleSet,
    subjects: Subjects,
    units: number,
    kind: K,
    failureMode?: FailureMode,
  ): Promise<Built[K]> {
    const set = failureMode === undefined ? given : given.under(failureMode);
    const store = this.storeFor(set, subjects);
    if (store === undefined) return Promise.resolve(this.unasked(kind, set, subjects, units));
    if (kind === ResultKind.Look || kind === ResultKind.Status) return store.peek(set, subjects, units, kind);
    if (kind === ResultKind.Penalty) return store.penalize(set, subjects, units) as Promise<Built[K]>;
    return store.check(set, subjects, units, kind);
  }

  /** Forgets what this process counted for keys while the store did not. */
  resetLocally(names: readonly string[], rule?: string): void {
    const { localCounts } = this.backend;
    if (localCounts === undefined) return;
    for (const name of names) {
      for (const set of this.resolver.everySet(name, rule)) localCounts.reset(set, name);
    }
  }

  /** Runs a call for all keys of a subject, by whichever name, and says whether one of them had something. */
  async onEvery(
    names: readonly string[],
    act: (store: Store, set: RuleSet, name: string) => Promise<number>,
    rule?: string,
  ): Promise<boolean> {
    this.backend.need();
    const calls = names.flatMap((name) =>
      this.resolver.everySet(name, rule).map((set) => ({ name, set, store: this.storeFor(set, name) })),
    );
    const outcomes = await Promise.all(
      calls.map(({ name, set, store }) => (store === undefined ? Promise.resolve(0) : act(store, set, name))),
    );
    return outcomes
      .map((outcome, i) => this.backend.require(calls[i]!.store, outcome))
      .some((many) => many > 0);
  }

  /** The store, which knows the set by then; undefined where it need not be asked. */
  private storeFor(set: RuleSet, subjects: Subjects): Store | undefined {
    const store = this.backend.store ?? this.backend.open();
    if (store === undefined || set.rules.length === 0) {
      if (typeof subjects === 'string') validateKey(subjects);
      return undefined;
    }
    if (set.number < 0) this.register(store, set);
    return store;
  }

  private register(store: Store, set: RuleSet): void {
    this.backend.know(store, set);
    // What a call brings along is counted under a key that names its window.
    if (!set.passing)
      noteWindows(this.backend.log, store, this.backend.prefix, this.mark, this.resolver.windows());
  }
}
