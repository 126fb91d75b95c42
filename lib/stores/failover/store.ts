import { closedError } from '../../base/errors';
import { ResultKind, type AnyResultKind, type Built } from '../../decision/result-kind';
import type { RuleSet } from '../../decision/rule-set';
import { Status } from '../../decision/status';
import { keysOf, type Subjects } from '../../decision/subjects';
import { noDocuments } from '../documents';
import { mixedSubjects } from '../../rules/one-subject';
import { atOnce } from '../at-once';
import { unanswered } from '../decode';
import { Listing, type Page } from '../listing';
import type { Probe, Store, HeldStore } from '../store';
import type { ServerMemory, Stats } from '../types';
import { Member } from './member';
import type { FailoverSettings } from './options';
import { pick } from './pick';
import { FailoverProbe } from './probe';
import { Prober } from './prober';
import { FailoverState } from './state';
import { within } from './within';

// Taken at the start: a clock that a test replaces is not ours to go by.
const monotonicMs = performance.now.bind(performance);

/** A set in the stores: a twin for each, by the index of the store. */
interface KnownSet {
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly twins: readonly RuleSet[];
}

type Act<B> = (store: Store, twin: RuleSet) => Promise<B>;

/** A call for a decision, which the failure mode has where no store gives one. */
interface Call<K extends AnyResultKind> {
  readonly set: RuleSet;
  readonly known: KnownSet;
  readonly subjects: Subjects;
  readonly units: number;
  readonly kind: K;
  readonly act: Act<Built[K]>;
}

/** Several stores as one: a call is counted in one of those that are up, and goes on to the next where that is soon known to fail. */
export class FailoverStore implements Store {
  readonly source = 'failover';
  readonly state: FailoverState;
  readonly members: readonly Member[];
  private readonly sets = new WeakMap<RuleSet, KnownSet>();
  /** What calls go to, or went to last; by key, what figures are those of. */
  used: Member;
  private readonly prober: Prober;
  private closed = false;

  /** @param opened at least one of them could be */
  constructor(
    opened: readonly { name: string; reference: HeldStore }[],
    private readonly settings: FailoverSettings,
    prefix: string,
  ) {
    this.members = opened.map(
      ({ name, reference }, i) =>
        new Member(
          i,
          name,
          reference,
          () => this.changed(),
          (member) => this.prober.ask(member),
        ),
    );
    this.state = new FailoverState(this.members);
    this.prober = new Prober(this.members, settings, prefix);
    this.used = this.members.find(({ up }) => up)!;
  }

  register(set: RuleSet, prefix: string, timeoutMs: number): void {
    let known = this.sets.get(set);
    if (known === undefined) {
      known = { prefix, timeoutMs, twins: this.members.map(() => set.twin()) };
      this.sets.set(set, known);
    }
    const { twins } = known;
    for (const { index, store } of this.members) {
      if (store !== undefined) this.twinOf(known, index, store);
    }
    set.take(0, () => {
      for (const twin of twins) twin.release();
    });
  }

  check<K extends AnyResultKind>(
    set: RuleSet,
    subjects: Subjects,
    units: number,
    kind: K,
  ): Promise<Built[K]> {
    return this.decide(set, subjects, units, kind, (store, twin) => store.check(twin, subjects, units, kind));
  }

  peek<K extends AnyResultKind>(set: RuleSet, subjects: Subjects, units: number, kind: K): Promise<Built[K]> {
    return this.decide(set, subjects, units, kind, (store, twin) => store.peek(twin, subjects, units, kind));
  }

  penalize(set: RuleSet, subjects: Subjects, units: number): Promise<Built[typeof ResultKind.Penalty]> {
    return this.decide(set, subjects, units, ResultKind.Penalty, (store, twin) =>
      store.penalize(twin, subjects, units),
    );
  }

  /** Goes to the store that was charged, whichever is in use now: its twin tells which. */
  refund(twin: RuleSet, subjects: Subjects, units: number, marks: number[]): Promise<number> {
    this.called();
    const known = this.sets.get(twin.origin)!;
    const member = this.members[known.twins.indexOf(twin)]!;
    return this.ask(member, known, (store) => store.refund(twin, subjects, units, marks));
  }

  /** Everywhere, so that it holds also in a store that takes over. */
  async block(set: RuleSet, subjects: Subjects, ms: number): Promise<number> {
    return (await this.everywhere(set, subjects, (store, twin) => store.block(twin, subjects, ms))).inUse;
  }

  async reset(set: RuleSet, subjects: Subjects): Promise<number> {
    const { inUse, most } = await this.everywhere(set, subjects, (store, twin) =>
      store.reset(twin, subjects),
    );
    return inUse < 0 ? inUse : most;
  }

  /** Of the store in use to its end, whatever happens meanwhile; by key, of one store after the other. */
  async page(listing: Listing): Promise<Page | number> {
    this.called();
    const [, at = '', cursor = ''] = /^(\d+):(.*)$/s.exec(listing.cursor) ?? [];
    const member = at === '' ? this.members.find(({ up }) => up) : this.members[Number(at)]!;
    if (member?.store === undefined) return Status.BreakerOpen;
    const twin = this.twinOf(this.sets.get(listing.set)!, member.index, member.store);
    const own = new Listing(listing.prefix, twin, listing.query);
    own.cursor = cursor;
    const page = await member.store.page(own);
    if (typeof page === 'number') return page;
    if (page.cursor !== '') return { ...page, cursor: `${member.index}:${page.cursor}` };
    const next = this.isByKey && this.members.find(({ index, up }) => up && index > member.index);
    return next ? { ...page, cursor: `${next.index}:` } : page;
  }

  probe(prefix: string, timeoutMs: number): Probe {
    return new FailoverProbe(this, prefix, timeoutMs);
  }

  stats(): Stats {
    const stores = this.members.map((member) => member.status(this.isInUse(member)));
    return { ...this.used.store!.stats(), stores };
  }

  /** Of the store in use. */
  memory(prefix: string): Promise<ServerMemory | null> {
    return this.used.store!.memory(prefix);
  }

  /** Which of them would have it? */
  documents(): never {
    throw noDocuments('failover');
  }

  close(): void {
    this.closed = true;
    this.prober.close();
    for (const member of this.members) member.release();
  }

  isInUse(member: Member): boolean {
    return member.up && (this.isByKey || member === this.used);
  }

  /** A call came. @throws RateLimitError `ERR_CLOSED` */
  private called(): void {
    if (this.closed) throw closedError();
    this.prober.start();
  }

  private get isByKey(): boolean {
    return this.settings.strategy === 'round-robin';
  }

  private decide<K extends AnyResultKind>(
    set: RuleSet,
    subjects: Subjects,
    units: number,
    kind: K,
    act: Act<Built[K]>,
  ): Promise<Built[K]> {
    this.called();
    const known = this.sets.get(set)!;
    const call: Call<K> = { set, known, subjects, units, kind, act };
    const first = this.pick(subjects, 0);
    if (first === undefined) return atOnce(this.unanswered(call, Status.BreakerOpen));
    const dueMs = monotonicMs() + known.timeoutMs;
    return this.ask(first, known, act).then((built) =>
      statusOf(built) === Status.Answered ? built : this.goOn(call, first, built, dueMs),
    );
  }

  /** Asks the others, each once, in the time that is left. */
  private async goOn<K extends AnyResultKind>(
    call: Call<K>,
    first: Member,
    ended: Built[K],
    dueMs: number,
  ): Promise<Built[K]> {
    let built: Built[K] | undefined = ended;
    let asked = 1 << first.index;
    while (built !== undefined && isForNext(statusOf(built)) && !this.closed) {
      const next = this.pick(call.subjects, asked);
      const leftMs = dueMs - monotonicMs();
      if (next === undefined || leftMs <= 0) break;
      asked |= 1 << next.index;
      built = await within(leftMs, this.ask(next, call.known, call.act));
      if (built !== undefined && statusOf(built) === Status.Answered) return built;
    }
    return this.unanswered(call, built === undefined ? Status.TimedOut : statusOf(built));
  }

  private unanswered<K extends AnyResultKind>(
    { kind, set, subjects, units }: Call<K>,
    status: number,
  ): Built[K] {
    // Of one that is away while others are not, its own state has spoken.
    if (!this.members.some(({ up }) => up)) this.state.missed(Status.BreakerOpen, true);
    return unanswered(kind, set, subjects, units, Date.now(), this.source, status) as Built[K];
  }

  /** One call to one store, of which the store's standing learns. */
  private ask<B>(member: Member, known: KnownSet, act: Act<B>): Promise<B> {
    const { generation } = member;
    const store = member.store!;
    const askedMs = monotonicMs();
    return act(store, this.twinOf(known, member.index, store)).then((built) => {
      const status = statusOf(built);
      member.ended(status, generation, askedMs);
      if (status === Status.Answered && this.state.away) this.state.answered();
      return built;
    });
  }

  private async everywhere(
    set: RuleSet,
    subjects: Subjects,
    act: Act<number>,
  ): Promise<{ inUse: number; most: number }> {
    this.called();
    const known = this.sets.get(set)!;
    const inUse = this.pick(subjects, 0);
    if (inUse === undefined) return { inUse: -Status.BreakerOpen, most: 0 };
    const up = this.members.filter((member) => member.up);
    const outcomes = await Promise.all(up.map((member) => this.ask(member, known, act)));
    return { inUse: outcomes[up.indexOf(inUse)]!, most: Math.max(...outcomes) };
  }

  private pick(subjects: Subjects, asked: number): Member | undefined {
    const { strategy } = this.settings;
    const keys = keysOf(subjects);
    if (typeof keys === 'string') return pick(strategy, this.members, keys, asked);
    if (this.isByKey) throw mixedSubjects();
    return pick(strategy, this.members, '', asked);
  }

  private twinOf({ prefix, timeoutMs, twins }: KnownSet, index: number, store: Store): RuleSet {
    const twin = twins[index]!;
    if (twin.number < 0) store.register(twin, prefix, timeoutMs);
    return twin;
  }

  private changed(): void {
    const used = this.members.find(({ up }) => up);
    if (used === undefined || used === this.used) return;
    const before = this.used;
    this.used = used;
    if (!this.isByKey) this.state.moved(before, used);
  }
}

/** Calls with a twin end with the negative of their status where no store answered. */
function statusOf(built: unknown): number {
  return typeof built === 'number' && built < 0 ? -built : Status.Answered;
}

/** Whether another store may be asked in the same call: it is known at once that this one does not answer it. */
function isForNext(status: number): boolean {
  switch (status) {
    case Status.Disconnected:
    case Status.QueueFull:
    case Status.Refused:
    case Status.BreakerOpen:
      return true;
    default:
      return false;
  }
}
