import { ResultKind, type AnyResultKind, type Built } from '../decision/result-kind';
import type { RuleSet } from '../decision/rule-set';
import type { Subjects } from '../decision/subjects';
import { withQuota, type CompiledRule } from '../rules/rule';
import type { SyncStore } from './store';

// Taken at the start: timers that a test replaces are not ours to wait for.
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis;
const monotonicMs = performance.now.bind(performance);
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What a table in this process counts, and the twins by which it is asked. */
interface Table {
  readonly store: SyncStore;
  readonly twins: WeakMap<RuleSet, RuleSet>;
}

const locals = new WeakSet<RuleSet>();

/** Whether a set is counted in this process in place of a store. */
export const isLocal = (set: RuleSet): boolean => locals.has(set);

/**
 * The counts of this process for a store that does not answer, under one prefix. They are never added to the store's, and
 * stay until nothing in them can matter: so a store that comes and goes does not give a limit anew each time.
 */
export class LocalCounts {
  private table: Table | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lastUsedMs = 0;
  private longestMs = 0;

  /** @param open makes the table. It throws a RateLimitError where it cannot */
  constructor(
    private readonly prefix: string,
    private readonly open: () => SyncStore,
  ) {}

  /** @throws RateLimitError `ERR_NO_BINARY` */
  decide<K extends AnyResultKind>(
    kind: K,
    set: RuleSet,
    subjects: Subjects,
    units: number,
    share: number,
  ): Built[K] {
    const { store, twins } = (this.table ??= { store: this.open(), twins: new WeakMap() });
    let twin = twins.get(set);
    if (twin === undefined) twins.set(set, (twin = this.twinOf(set, share)));
    if (twin.number < 0) store.register(twin, this.prefix, 1);
    this.lastUsedMs = monotonicMs();
    this.timer ??= this.watch(this.longestMs);
    if (kind === ResultKind.Penalty) return store.penalizeNow(twin, subjects, units) as Built[K];
    return kind === ResultKind.Look || kind === ResultKind.Status
      ? store.peekNow(twin, subjects, units, kind)
      : store.checkNow(twin, subjects, units, kind);
  }

  /** Gives units back to a charge that this process counted; 0 where it is gone. */
  refund(twin: RuleSet, subjects: Subjects, units: number, marks: number[]): Promise<number> {
    if (this.table?.twins.get(twin.origin) !== twin) return Promise.resolve(0);
    return this.table.store.refund(twin, subjects, units, marks);
  }

  /** Forgets what was counted here for subjects of a set. */
  reset(set: RuleSet, subjects: Subjects): void {
    const twin = this.table?.twins.get(set);
    if (twin !== undefined) this.table!.store.resetNow(twin, subjects);
  }

  close(): void {
    stopTimer(this.timer);
    this.timer = undefined;
    this.table?.store.close();
    this.table = undefined;
  }

  private twinOf(set: RuleSet, share: number): RuleSet {
    const twin = set.twin(set.rules.map((rule) => shareOf(rule, set, share)));
    locals.add(twin);
    // A sliding window looks back over two; a bucket fills in its own time.
    for (const { quota } of twin.rules) {
      const { limit, burst, windowMs } = quota;
      this.longestMs = Math.max(this.longestMs, 2 * windowMs, limit === 0 ? 0 : (burst / limit) * windowMs);
    }
    return twin;
  }

  /** Gives the table up when it was not asked for as long as it could matter. */
  private watch(ms: number): ReturnType<typeof setTimeout> {
    const timer = startTimer(
      () => {
        const leftMs = this.lastUsedMs + this.longestMs - monotonicMs();
        if (leftMs <= 0) this.close();
        else this.timer = this.watch(leftMs);
      },
      Math.min(Math.ceil(ms) + 1, LONGEST_TIMER_MS),
    );
    timer.unref();
    return timer;
  }
}

/** What one of so many processes takes of a rule, rounded up. A rule that would admit is tried out only. */
function shareOf(rule: CompiledRule, set: RuleSet, share: number): CompiledRule {
  const { limit, burst } = rule.quota;
  const quota = { ...rule.quota, limit: Math.ceil(limit / share), burst: Math.ceil(burst / share) };
  return { ...withQuota(rule, quota), shadow: set.failureModeOf(rule) !== 'memory' };
}
