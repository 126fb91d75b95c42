import type { CustomStore, Kept, Outcome, RefundOp, ScanOp, StoreItem, StoreOp } from 'spillway/store';
import { stepAll, stepBlock, stepRefund } from 'spillway/store';

/** A store of states in this process, on a clock that stands still: what mutants break one promise of. */
export class StateStore implements CustomStore {
  readonly name: string = 'states';
  nowMs = 1_716_000_000_123;
  protected readonly states = new Map<string, { state: string; rule: StoreItem['rule']; untilMs: number }>();

  // eslint-disable-next-line @typescript-eslint/require-await
  async apply(op: StoreOp): Promise<Outcome[]> {
    return this.decide(op);
  }

  async reset(keys: readonly string[]): Promise<number> {
    await Promise.resolve();
    return keys.filter((key) => this.stateOf(key) !== null && this.states.delete(key)).length;
  }

  async refund({ units, items }: RefundOp): Promise<number> {
    await Promise.resolve();
    return items.filter((item) => {
      const kept = stepRefund(item.rule, this.stateOf(item.key), units, item.mark, this.nowMs);
      this.keep(item, kept);
      return kept.changed;
    }).length;
  }

  async block({ ms, items }: { ms: number; items: readonly StoreItem[] }): Promise<void> {
    await Promise.resolve();
    for (const item of items) this.keep(item, stepBlock(ms, this.nowMs));
  }

  async scan({ startsWith, endsWith, rule, cursor, pageSize }: ScanOp) {
    await Promise.resolve();
    const keys = [...this.states.keys()]
      .filter((key) => key.startsWith(startsWith) && key.endsWith(endsWith) && key > cursor)
      .sort();
    const page = keys.slice(0, pageSize);
    const items = page.flatMap((key) => {
      const state = this.stateOf(key);
      if (state === null) return [];
      const items = [{ rule: { ...rule }, state }];
      const { used, resetInMs, blocked } = stepAll({ mode: 'peek', units: 1, items }, this.nowMs)[0]!.outcome;
      return used > 0 || blocked ? [{ key, used, resetInMs, blocked }] : [];
    });
    return { cursor: keys.length > page.length ? page.at(-1)! : '', items };
  }

  advance(ms: number): void {
    this.nowMs += ms;
  }

  protected decide({ mode, units, items }: Pick<StoreOp, 'mode' | 'units' | 'items'>): Outcome[] {
    const given = items.map(({ key, rule }) => ({ rule, state: this.stateOf(key) }));
    const stepped = stepAll({ mode, units, items: given }, this.nowMs);
    stepped.forEach((kept, i) => this.keep(items[i]!, kept));
    return stepped.map(({ outcome }) => outcome);
  }

  protected stateOf(key: string): string | null {
    const kept = this.states.get(key);
    return kept !== undefined && this.nowMs < kept.untilMs ? kept.state : null;
  }

  protected keep({ key, rule }: StoreItem, { state, expiresInMs }: Kept): void {
    if (state === null) this.states.delete(key);
    else this.states.set(key, { state, rule, untilMs: this.nowMs + expiresInMs });
  }
}
