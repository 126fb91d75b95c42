import type { CustomStore, Outcome, RefundOp, ScanOp, StoreItem, StoreOp } from 'spillway/store';
import { stepAll } from 'spillway/store';
import { StateStore } from './state-store';

/** A key of a store that takes some for the same. */
const renamed = (op: StoreOp, rename: (key: string) => string): StoreOp => ({
  ...op,
  items: op.items.map((item) => ({ ...item, key: rename(item.key) })),
});

class NotAtomic extends StateStore {
  override async apply({ mode, units, items }: StoreOp): Promise<Outcome[]> {
    const given = items.map(({ key, rule }) => ({ rule, state: this.stateOf(key) }));
    await Promise.resolve();
    const stepped = stepAll({ mode, units, items: given }, this.nowMs);
    await Promise.resolve();
    stepped.forEach((kept, i) => this.keep(items[i]!, kept));
    return stepped.map(({ outcome }) => outcome);
  }
}

class NotAllOrNone extends StateStore {
  override async apply(op: StoreOp): Promise<Outcome[]> {
    await Promise.resolve();
    return op.items.flatMap((item) => this.decide({ ...op, items: [item] }));
  }
}

class CountsDenied extends StateStore {
  override async apply(op: StoreOp): Promise<Outcome[]> {
    const outcomes = await super.apply(op);
    if (op.mode === 'charge' && outcomes.some(({ allowed }) => !allowed))
      this.decide({ ...op, mode: 'force' });
    return outcomes;
  }
}

class IgnoresCost extends StateStore {
  override apply(op: StoreOp): Promise<Outcome[]> {
    return super.apply({ ...op, units: 1 });
  }
}

class PeekCounts extends StateStore {
  override apply(op: StoreOp): Promise<Outcome[]> {
    return super.apply({ ...op, mode: op.mode === 'peek' ? 'charge' : op.mode });
  }
}

class PenaltyMustFit extends StateStore {
  override apply(op: StoreOp): Promise<Outcome[]> {
    return super.apply({ ...op, mode: op.mode === 'force' ? 'charge' : op.mode });
  }
}

/** Counts itself, and gives a key its time anew with each charge. */
class TimeRestarts extends StateStore {
  private readonly counts = new Map<string, { used: number; untilMs: number }>();

  override async apply(op: StoreOp): Promise<Outcome[]> {
    if (op.items.length > 1 || op.items[0]!.rule.algorithm !== 'fixed-window') return super.apply(op);
    const [{ key, rule }] = op.items as [StoreItem];
    const kept = this.counts.get(key);
    const count = kept !== undefined && this.nowMs < kept.untilMs ? kept : { used: 0, untilMs: 0 };
    const allowed = count.used + op.units <= rule.limit;
    if (op.mode === 'force' || (op.mode === 'charge' && allowed)) {
      count.used += op.units;
      count.untilMs = this.nowMs + rule.windowMs;
      this.counts.set(key, count);
    }
    const left = count.used > 0 ? count.untilMs - this.nowMs : rule.windowMs;
    const retryAfterMs = allowed ? 0 : op.units > rule.limit ? -1 : left;
    const remaining = Math.max(0, rule.limit - count.used);
    return [{ allowed, remaining, resetInMs: left, retryAfterMs, used: count.used, blocked: false }];
  }
}

class NothingEnds extends StateStore {
  override advance(): void {}
}

class ForgetsShadow extends StateStore {
  override apply(op: StoreOp): Promise<Outcome[]> {
    const items = op.items.map(({ key, rule }) => ({ key, rule: { ...rule, shadow: false } }));
    return super.apply({ ...op, items });
  }
}

class KeepsFirstLimit extends StateStore {
  private readonly limits = new Map<string, number>();

  override apply(op: StoreOp): Promise<Outcome[]> {
    const items = op.items.map(({ key, rule }) => {
      const limit = this.limits.get(key) ?? rule.limit;
      this.limits.set(key, limit);
      return { key, rule: { ...rule, limit, burst: rule.burst === rule.limit ? limit : rule.burst } };
    });
    return super.apply({ ...op, items });
  }
}

class MixesOutcomes extends StateStore {
  override async apply(op: StoreOp): Promise<Outcome[]> {
    return (await super.apply(op)).reverse();
  }
}

class BlocksForEver extends StateStore {
  override block(op: { ms: number; items: readonly StoreItem[] }): Promise<void> {
    return super.block({ ...op, ms: 315_360_000_000 });
  }
}

class BlocksNewKeysOnly extends StateStore {
  override block({ ms, items }: { ms: number; items: readonly StoreItem[] }): Promise<void> {
    return super.block({ ms, items: items.filter(({ key }) => this.stateOf(key) === null) });
  }
}

/** A block is a mark beside the counts, which are there again afterwards. */
class BlockKeepsCounts extends StateStore {
  private readonly before = new Map<string, { state: string; untilMs: number }>();

  override async block(op: { ms: number; items: readonly StoreItem[] }): Promise<void> {
    for (const { key } of op.items) {
      const state = this.states.get(key);
      if (state !== undefined) this.before.set(key, { state: state.state, untilMs: this.nowMs + op.ms });
    }
    await super.block(op);
  }

  protected override stateOf(key: string): string | null {
    const before = this.before.get(key);
    return before !== undefined && this.nowMs >= before.untilMs ? before.state : super.stateOf(key);
  }
}

class RefundsAnyWindow extends StateStore {
  private readonly marks = new Map<string, number>();

  override async apply(op: StoreOp): Promise<Outcome[]> {
    const outcomes = await super.apply(op);
    outcomes.forEach(({ mark }, i) => this.marks.set(op.items[i]!.key, mark!));
    return outcomes;
  }

  override refund(op: RefundOp): Promise<number> {
    return super.refund({
      ...op,
      items: op.items.map((item) => ({ ...item, mark: this.marks.get(item.key)! })),
    });
  }
}

class RefundsOneRule extends StateStore {
  override refund(op: RefundOp): Promise<number> {
    return super.refund({ ...op, items: op.items.slice(0, 1) });
  }
}

class RefundsNothing extends StateStore {
  override async refund({ items }: RefundOp): Promise<number> {
    await Promise.resolve();
    return items.length;
  }
}

class ResetsOneRule extends StateStore {
  override reset(keys: readonly string[]): Promise<number> {
    return super.reset(keys.slice(0, 1));
  }
}

class ResetsByBeginning extends StateStore {
  override async reset(keys: readonly string[]): Promise<number> {
    await Promise.resolve();
    const those = [...this.states.keys()].filter((stored) => keys.some((key) => stored.startsWith(key)));
    return those.filter((key) => this.states.delete(key)).length;
  }
}

class ResetSaysYes extends StateStore {
  override async reset(keys: readonly string[]): Promise<number> {
    await super.reset(keys);
    return keys.length;
  }
}

class ListingLosesKeys extends StateStore {
  override async scan(op: ScanOp) {
    const { cursor, items } = await super.scan(op);
    return { cursor, items: cursor === '' ? items : items.slice(0, -1) };
  }
}

class ListingIsOnePage extends StateStore {
  override async scan(op: ScanOp) {
    return { ...(await super.scan(op)), cursor: '' };
  }
}

class ListsWhatEnded extends StateStore {
  override scan(op: ScanOp) {
    const { startsWith, endsWith, cursor } = op;
    const all = [...this.states.keys()].filter((key) => key.startsWith(startsWith) && key.endsWith(endsWith));
    const items = all.map((key) => ({ key, used: 1, resetInMs: 1, blocked: false }));
    return cursor === '' ? Promise.resolve({ cursor: '', items }) : super.scan(op);
  }
}

class KeysWithout extends StateStore {
  constructor(private readonly rename: (key: string) => string) {
    super();
  }

  override apply(op: StoreOp): Promise<Outcome[]> {
    return super.apply(renamed(op, this.rename));
  }
}

class Rejects extends StateStore {
  override apply(): Promise<Outcome[]> {
    return Promise.reject(new Error('the disk is full'));
  }
}

/** Stores that break one promise each: what is wrong, how, and a case that has to see it. */
export const BROKEN: readonly [string, () => CustomStore & { advance(ms: number): void }, string][] = [
  ['reads, waits, writes', () => new NotAtomic(), 'many at once, fixed-window: as many as the limit'],
  ['the same, on other keys', () => new NotAtomic(), 'several limiters over one store count together'],
  ['charges rule by rule', () => new NotAllOrNone(), 'several rules: a denial by any of them charges none'],
  [
    'charges rule by rule, at once',
    () => new NotAllOrNone(),
    'several rules, many at once: all are charged or none',
  ],
  ['counts denied requests', () => new CountsDenied(), 'token-bucket: a denied request is charged nothing'],
  ['ignores the cost', () => new IgnoresCost(), 'fixed-window: a cost is charged as a whole or not at all'],
  ['a look counts', () => new PeekCounts(), 'sliding-log: a look counts nothing'],
  ['a penalty has to fit', () => new PenaltyMustFit(), 'a penalty is charged also where it does not fit'],
  ['the time restarts', () => new TimeRestarts(), 'later ones do not lengthen it'],
  ['nothing ends', () => new NothingEnds(), 'fixed-window: after its time a key is as new'],
  ['forgets shadow', () => new ForgetsShadow(), 'a shadow rule never denies'],
  ['keeps the first limit', () => new KeepsFirstLimit(), 'a limit that changes leaves what was charged'],
  ['mixes outcomes', () => new MixesOutcomes(), 'each outcome is that of the rule at its place'],
  [
    'blocks for ever',
    () => new BlocksForEver(),
    'a block denies for its time, and then the key starts afresh',
  ],
  [
    'blocks new keys only',
    () => new BlocksNewKeysOnly(),
    'a block denies for its time, and then the key starts afresh',
  ],
  [
    'a block keeps counts',
    () => new BlockKeepsCounts(),
    'a block denies for its time, and then the key starts afresh',
  ],
  ['refunds any window', () => new RefundsAnyWindow(), 'a refund after its time gives nothing'],
  ['refunds one rule', () => new RefundsOneRule(), 'a refund goes to all rules that were charged'],
  ['refunds nothing', () => new RefundsNothing(), 'a refund gives units back'],
  ['resets one rule', () => new ResetsOneRule(), 'a reset forgets one key under all rules'],
  ['resets by the beginning', () => new ResetsByBeginning(), 'a reset forgets exactly the id that is meant'],
  ['a reset always says yes', () => new ResetSaysYes(), 'a reset forgets one key under all rules'],
  ['a listing loses keys', () => new ListingLosesKeys(), 'a listing has every key once'],
  ['a listing is one page', () => new ListingIsOnePage(), 'a listing has every key once'],
  [
    'lists what has ended',
    () => new ListsWhatEnded(),
    'a listing leaves out what was forgotten and what has ended',
  ],
  ['folds letters', () => new KeysWithout((key) => key.toLowerCase()), 'any two ids count apart'],
  ['cuts blanks off', () => new KeysWithout((key) => key.trimEnd()), 'any two ids count apart'],
  ['normalizes', () => new KeysWithout((key) => key.normalize()), 'any two ids count apart'],
  ['cuts long keys', () => new KeysWithout((key) => key.slice(0, 1_000)), 'any two ids count apart'],
  [
    'drops prefixes',
    () => new KeysWithout((key) => key.replace(/^[^{].*:/, '')),
    'limiters of other prefixes count apart',
  ],
  ['drops rules', () => new KeysWithout((key) => key.replace(/}:.*/, '')), 'rules of one key count apart'],
  ['rejects', () => new Rejects(), 'many at once, fixed-window'],
];
