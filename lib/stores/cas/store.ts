import type {
  BlockOp,
  CustomStore,
  Outcome,
  RefundOp,
  ScanOp,
  ScanPage,
  StoreItem,
  StoreOp,
} from '../custom/types';
import { stepAll, stepBlock, stepRefund, type Kept, type Stepped } from '../step';
import { Lanes } from './lanes';
import type { CasScanPage, CasSource } from './types';

const monotonicMs = performance.now.bind(performance);

/** Deadline of calls that tell none; what waits for them gives up sooner. */
const PATIENCE_MS = 5_000;

/** The algorithms over texts that are written where they are still what was read: one key after the other. */
export class CasStore implements CustomStore {
  readonly name: string;
  /** Only where the source has them: what needs them is refused else. */
  readonly scan?: CustomStore['scan'];
  readonly ping?: CustomStore['ping'];
  readonly migrate?: CustomStore['migrate'];
  readonly close?: CustomStore['close'];
  private readonly lanes: Lanes;

  constructor(source: CasSource) {
    this.name = source.name;
    this.lanes = new Lanes(source);
    if (source.scan !== undefined) {
      this.scan = async ({ startsWith, cursor, pageSize, ...of }) =>
        this.counted(await source.scan!({ startsWith, cursor, pageSize }), { startsWith, ...of });
    }
    if (source.ping !== undefined) this.ping = () => source.ping!();
    if (source.migrate !== undefined) this.migrate = () => source.migrate!();
    if (source.close !== undefined) this.close = () => source.close!();
  }

  async apply({ mode, units, deadlineMs, items }: StoreOp): Promise<readonly Outcome[]> {
    // What else this turn of the event loop does is not its time.
    await Promise.resolve();
    const dueMs = monotonicMs() + deadlineMs;
    if (mode === 'force') {
      const forced = await this.all(items, dueMs, (item, state, nowMs) =>
        one('force', item, units, state, nowMs),
      );
      return forced.map(({ outcome }) => outcome);
    }
    if (mode === 'charge' && items.length === 1) {
      return [(await this.charge(items[0]!, units, dueMs)).outcome];
    }
    const looked = await this.look(items, dueMs);
    const nowMs = this.lanes.nowMs();
    const outcomes = decide(mode, items, units, looked, nowMs);
    if (mode === 'peek' || isDenied(items, outcomes)) return outcomes;
    return this.chargeAll(items, units, dueMs, looked);
  }

  async reset(keys: readonly string[]): Promise<number> {
    const dueMs = monotonicMs() + PATIENCE_MS;
    const forgotten = await Promise.all(keys.map((key) => this.lanes.step(key, dueMs, forget)));
    return forgotten.filter(({ there }) => there).length;
  }

  async refund({ units, items }: RefundOp): Promise<number> {
    const paid = await this.all(items, monotonicMs() + PATIENCE_MS, ({ rule, mark }, state, nowMs) =>
      stepRefund(rule, state, units, mark, nowMs),
    );
    return paid.filter(({ changed }) => changed).length;
  }

  async block({ ms, items }: BlockOp): Promise<void> {
    await this.all(items, monotonicMs() + PATIENCE_MS, (_, __, nowMs) => stepBlock(ms, nowMs));
  }

  /** Charges one after the other; where one denies or fails, what was charged goes back, and nobody waits for that. */
  private async chargeAll(
    items: readonly StoreItem[],
    units: number,
    dueMs: number,
    looked: (string | null)[],
  ): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    const charged: (StoreItem & { readonly mark: number })[] = [];
    const giveBack = () => {
      if (charged.length > 0) void this.refund({ units, items: charged }).catch(() => {});
    };
    for (const i of chargingOrder(items)) {
      const item = items[i]!;
      let stepped: Stepped & Seen;
      try {
        stepped = await this.charge(item, units, dueMs);
      } catch (error) {
        giveBack();
        throw error;
      }
      outcomes[i] = stepped.outcome;
      if (stepped.outcome.allowed) charged.push({ ...item, mark: stepped.outcome.mark });
      else if (!item.rule.shadow) {
        giveBack();
        looked[i] = stepped.state;
        return decide('charge', items, units, looked, stepped.nowMs);
      }
    }
    return outcomes;
  }

  private charge(item: StoreItem, units: number, dueMs: number): Promise<Stepped & Seen> {
    return this.lanes.step(item.key, dueMs, (state, nowMs) => ({
      ...one('charge', item, units, state, nowMs),
      nowMs,
    }));
  }

  /** Behind what this process still has to write, so that it sees what it gave back. */
  private async look(items: readonly StoreItem[], dueMs: number): Promise<(string | null)[]> {
    const looked = await this.all(items, dueMs, ({ rule }, state, nowMs) => {
      stepAll({ mode: 'peek', units: 1, items: [{ rule, state }] }, nowMs);
      return { state, changed: false, expiresInMs: 0 };
    });
    return looked.map(({ state }) => state);
  }

  /** A step on each. */
  private all<I extends StoreItem, T extends Kept>(
    items: readonly I[],
    dueMs: number,
    step: (item: I, state: string | null, nowMs: number) => T,
  ): Promise<T[]> {
    return Promise.all(
      items.map((item) => this.lanes.step(item.key, dueMs, (state, nowMs) => step(item, state, nowMs))),
    );
  }

  private async counted(
    { cursor, keys }: CasScanPage,
    { startsWith, endsWith, rule }: Pick<ScanOp, 'startsWith' | 'endsWith' | 'rule'>,
  ): Promise<ScanPage> {
    const items = keys
      .filter((key) => key.startsWith(startsWith) && key.endsWith(endsWith))
      .map((key) => ({ key, rule }));
    const looked = await this.look(items, monotonicMs() + PATIENCE_MS);
    const nowMs = this.lanes.nowMs();
    const counts = items.map((item, i) => ({
      key: item.key,
      ...one('peek', item, 1, looked[i]!, nowMs).outcome,
    }));
    return { cursor, items: counts.filter(({ used, blocked }) => used > 0 || blocked) };
  }
}

interface Seen {
  /** When it was decided. */
  readonly nowMs: number;
}

function one(
  mode: StoreOp['mode'],
  { rule }: StoreItem,
  units: number,
  state: string | null,
  nowMs: number,
): Stepped {
  return stepAll({ mode, units, items: [{ rule, state }] }, nowMs)[0]!;
}

/** What all items come to together, written or not. */
function decide(
  mode: StoreOp['mode'],
  items: readonly StoreItem[],
  units: number,
  states: readonly (string | null)[],
  nowMs: number,
): Outcome[] {
  const given = items.map(({ rule }, i) => ({ rule, state: states[i]! }));
  return stepAll({ mode, units, items: given }, nowMs).map(({ outcome }) => outcome);
}

const isDenied = (items: readonly StoreItem[], outcomes: readonly Outcome[]): boolean =>
  items.some(({ rule }, i) => !rule.shadow && !outcomes[i]!.allowed);

/** One order for all, so that two checks never hold each other's room; those that only watch count what the others admit. */
function chargingOrder(items: readonly StoreItem[]): number[] {
  const rank = (i: number) => `${Number(items[i]!.rule.shadow)}${items[i]!.key}`;
  return [...items.keys()].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** What has ended, too: a clock that goes back would find it again. */
const forget = (state: string | null): Kept & { readonly there: boolean } => ({
  ...{ state: null, changed: true, expiresInMs: 0 },
  there: state !== null,
});
