import { closedError, RateLimitError, sentence } from '../../base/errors';
import { ResultKind, type AnyResultKind, type Built } from '../../decision/result-kind';
import { keyPart, type RuleSet } from '../../decision/rule-set';
import { Status, statusText } from '../../decision/status';
import { keysOf, type Subjects } from '../../decision/subjects';
import { NO_MARK } from '../../decision/decision';
import type { Source } from '../../decision/types';
import { validateKey } from '../../rules/key';
import { MAX_RULES } from '../../rules/rule';
import type { StoreState } from '../../telemetry/store-state';
import { atOnce } from '../at-once';
import { build } from '../decode';
import { encodeSubject, keyFront, keyTail } from '../keys';
import { BLOCKED, type Listing, type Page } from '../listing';
import { RECORD_LENGTH, RecordField } from '../records';
import { PROBE_KEY } from '../probe-set';
import { noDocuments, type Documents } from '../documents';
import type { Probe, Store } from '../store';
import type { Stats } from '../types';
import type { BreakerSettings } from '../breaker-options';
import { Deadlines } from './deadlines';
import { outcomesProblem, reasonOf } from './outcomes';
import { CustomProbe } from './probe';
import { CustomStanding } from './standing';
import type { CustomStore, Outcome, ScanPage, StoreItem, StoreOp, StoreRule } from './types';

type AnyStatus = (typeof Status)[keyof typeof Status];

/** Calls that may wait; as many as the core lets wait for Redis. */
const MOST_WAITING = 65_536;
const FULL = statusText(Status.QueueFull);

/** A rule as the store is told of it, and what stands around a subject in its keys. */
interface KnownRule {
  readonly front: string;
  readonly tail: string;
  readonly rule: StoreRule;
}

interface KnownSet {
  readonly rules: readonly KnownRule[];
  readonly deadlines: Deadlines;
  readonly timeoutMs: number;
  readonly probe: boolean;
}

/** A custom store as limiters use stores: it names keys, holds deadlines, and puts outcomes into records. */
export class AdaptedStore implements Store {
  readonly source: Source;
  readonly state: StoreState;
  private readonly batch = new Float64Array(MAX_RULES * RECORD_LENGTH);
  private readonly sets = new WeakMap<RuleSet, KnownSet>();
  private readonly deadlines = new Map<number, Deadlines>();
  private readonly standing: CustomStanding;
  private pending = 0;
  private closed = false;

  constructor(
    private readonly custom: CustomStore,
    settings: BreakerSettings,
  ) {
    this.source = custom.name;
    this.standing = new CustomStanding(custom.name, settings);
    this.state = this.standing.state;
  }

  /** `probe`: it is health's own, which asks also while nobody else may. */
  register(set: RuleSet, prefix: string, timeoutMs: number, probe = false): void {
    const rules = set.rules.map((rule): KnownRule => {
      const { algorithm, limit, burst, windowMs } = rule.quota;
      const part = keyPart(rule);
      return {
        front: keyFront(prefix, part),
        tail: keyTail(part),
        rule: Object.freeze({ algorithm, limit, windowMs, burst, shadow: rule.shadow }),
      };
    });
    let deadlines = this.deadlines.get(timeoutMs);
    if (deadlines === undefined) {
      this.deadlines.set(timeoutMs, (deadlines = new Deadlines(timeoutMs, Status.TimedOut)));
    }
    this.sets.set(set, { rules, deadlines, timeoutMs, probe });
    set.take(0, () => this.sets.delete(set));
  }

  check<K extends AnyResultKind>(
    set: RuleSet,
    subjects: Subjects,
    units: number,
    kind: K,
  ): Promise<Built[K]> {
    return this.apply('charge', set, subjects, units, kind);
  }

  peek<K extends AnyResultKind>(set: RuleSet, subjects: Subjects, units: number, kind: K): Promise<Built[K]> {
    return this.apply('peek', set, subjects, units, kind);
  }

  penalize(set: RuleSet, subjects: Subjects, units: number): Promise<Built[typeof ResultKind.Penalty]> {
    return this.apply('force', set, subjects, units, ResultKind.Penalty);
  }

  refund(set: RuleSet, subjects: Subjects, units: number, marks: number[]): Promise<number> {
    const { custom } = this;
    if (custom.refund === undefined) throw this.lacks('refund');
    const items = this.itemsOf(set, subjects)
      .map((item, i) => ({ ...item, mark: marks[i]! }))
      .filter(({ mark }) => mark !== NO_MARK);
    if (items.length === 0) return Promise.resolve(0);
    return this.run(set, () => custom.refund!({ units, items }));
  }

  block(set: RuleSet, subjects: Subjects, ms: number): Promise<number> {
    const { custom } = this;
    if (custom.block === undefined) throw this.lacks('block');
    const items = this.itemsOf(set, subjects);
    return this.run(set, () => custom.block!({ ms, items }).then(() => items.length));
  }

  reset(set: RuleSet, subjects: Subjects): Promise<number> {
    const keys = this.itemsOf(set, subjects).map(({ key }) => key);
    return this.run(set, () => this.custom.reset(keys));
  }

  async page(listing: Listing): Promise<Page | number> {
    const { custom } = this;
    if (custom.scan === undefined) throw this.lacks('scan');
    const { rule, front, tail } = this.setOf(listing.set).rules[0]!;
    const op = { startsWith: front, endsWith: tail, rule, cursor: listing.cursor };
    let page: ScanPage | undefined;
    const status = await this.run(listing.set, async () => {
      page = await custom.scan!({ ...op, pageSize: listing.query.pageSize });
      return 0;
    });
    if (status < 0) return -status;
    const items = page!.items.filter(
      ({ key }) => key.startsWith(front) && key.endsWith(tail) && key.length > front.length + tail.length,
    );
    return {
      cursor: page!.cursor,
      keys: items.map(({ key }) => key),
      counts: items.map(({ used, blocked }) => (blocked ? BLOCKED : used)),
      resetInMs: items.map(({ resetInMs }) => resetInMs),
    };
  }

  probe(prefix: string, timeoutMs: number): Probe {
    return new CustomProbe(this, prefix, timeoutMs);
  }

  /** Whether it can be reached, by its `ping` or by a check: 0 or more, or the negative of the status. */
  reach(set: RuleSet): Promise<number> {
    const { custom } = this;
    if (custom.ping === undefined) return this.check(set, PROBE_KEY, 1, ResultKind.Outcome);
    return this.run(set, async () => {
      await custom.ping!();
      return 0;
    });
  }

  /** Why it does not count, empty where it does; and how long ago it said so, in ms. */
  known(): { trouble: string; ageMs: number } {
    return this.standing.now();
  }

  stats(): Stats {
    return this.standing.stats(this.pending);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const deadlines of this.deadlines.values()) deadlines.endAll(Status.Closed);
    // What it says to its end is nobody's any more.
    try {
      Promise.resolve(this.custom.close?.()).catch(() => {});
    } catch {
      // As above.
    }
  }

  private apply<K extends AnyResultKind>(
    mode: StoreOp['mode'],
    set: RuleSet,
    subjects: Subjects,
    units: number,
    kind: K,
  ): Promise<Built[K]> {
    const items = this.itemsOf(set, subjects);
    const { deadlines, timeoutMs, probe } = this.setOf(set);
    const leave = this.standing.enter(probe, mode === 'charge' && !probe);
    const built = (): Built[K] =>
      build(kind, this.batch, 0, set, subjects, units, Date.now(), this.source) as Built[K];
    const answered = (outcomes: readonly Outcome[]): Built[K] => {
      const problem = outcomesProblem(outcomes, items.length);
      if (problem !== '') return failed(Status.Refused, problem);
      this.write(outcomes);
      this.standing.succeed(leave);
      return built();
    };
    const failed = (status: AnyStatus, reason: string): Built[K] => {
      this.batch[RecordField.Status] = status;
      this.standing.fail(status, reason, true, leave);
      return built();
    };
    if (leave.generation === 0) return atOnce(failed(Status.BreakerOpen, ''));
    if (this.pending >= MOST_WAITING) return atOnce(failed(Status.QueueFull, FULL));
    let answer: Promise<readonly Outcome[]> | readonly Outcome[];
    try {
      answer = this.custom.apply({ mode, units, deadlineMs: timeoutMs, items });
    } catch (error) {
      return Promise.resolve(failed(Status.Refused, reasonOf(error)));
    }
    if (!isPromise(answer)) return Promise.resolve(answered(answer));
    return new Promise((resolve) => {
      this.pending++;
      const waiting = deadlines.add((status) => {
        this.pending--;
        resolve(failed(status, ''));
      });
      const end = (finish: () => Built[K]) => {
        if (!waiting.end()) return;
        this.pending--;
        resolve(finish());
      };
      answer.then(
        (outcomes) => end(() => answered(outcomes)),
        (error: unknown) => end(() => failed(Status.Refused, reasonOf(error))),
      );
    });
  }

  /** A call that no failure mode answers: its number, or the negative of its status. */
  private run(set: RuleSet, act: () => Promise<number>): Promise<number> {
    if (this.closed) throw closedError();
    const { deadlines, probe } = this.setOf(set);
    const leave = this.standing.enter(probe);
    if (leave.generation === 0) return atOnce(-Status.BreakerOpen);
    return new Promise((resolve) => {
      this.pending++;
      const waiting = deadlines.add((status) => end(-status, ''));
      const end = (outcome: number, reason: string) => {
        this.pending--;
        if (outcome < 0) this.standing.fail(-outcome as AnyStatus, reason, false, leave);
        else this.standing.succeed(leave);
        resolve(outcome);
      };
      // In a function of its own, so that what is thrown at once is an answer like others.
      void (async () => await act())().then(
        (many) => {
          if (!waiting.end()) return;
          if (Number.isInteger(many) && many >= 0) end(many, '');
          else end(-Status.Refused, `answered ${String(many)} where a number of keys belongs`);
        },
        (error: unknown) => {
          if (waiting.end()) end(-Status.Refused, reasonOf(error));
        },
      );
    });
  }

  private setOf(set: RuleSet): KnownSet {
    return this.sets.get(set)!;
  }

  private itemsOf(set: RuleSet, subjects: Subjects): StoreItem[] {
    if (this.closed) throw closedError();
    const { rules } = this.setOf(set);
    const keys = keysOf(subjects);
    if (typeof keys !== 'string') {
      return rules.map(({ front, tail, rule }, i) => ({ key: front + encoded(keys[i]!) + tail, rule }));
    }
    const subject = encoded(keys);
    return rules.map(({ front, tail, rule }) => ({ key: front + subject + tail, rule }));
  }

  private write(outcomes: readonly Outcome[]): void {
    const { batch } = this;
    batch[RecordField.Status] = Status.Answered;
    for (let i = 0; i < outcomes.length; i++) {
      const outcome = outcomes[i]!;
      const at = i * RECORD_LENGTH;
      batch[at + RecordField.Allowed] = outcome.allowed ? 1 : 0;
      batch[at + RecordField.Remaining] = outcome.remaining;
      batch[at + RecordField.ResetInMs] = outcome.resetInMs;
      batch[at + RecordField.RetryAfterMs] = outcome.retryAfterMs;
      batch[at + RecordField.Used] = outcome.used;
      batch[at + RecordField.Mark] = outcome.mark ?? 0;
      batch[at + RecordField.Blocked] = outcome.blocked ? 1 : 0;
    }
  }

  memory(): Promise<null> {
    return Promise.resolve(null);
  }

  documents(prefix: string): Documents {
    const documents = this.custom.documents?.(prefix);
    if (documents === undefined) throw noDocuments(this.source);
    return documents;
  }

  private lacks(method: string): RateLimitError {
    return new RateLimitError(
      'ERR_UNSUPPORTED',
      sentence(
        `The store '${this.source}' has no method ${method}, which this call needs; see CustomStore in its documentation`,
      ),
    );
  }
}

/** By what it does: one may come from another realm, as those of Node's own modules do under Jest. */
function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === 'function';
}

function encoded(subject: string): string {
  validateKey(subject);
  return encodeSubject(subject);
}
