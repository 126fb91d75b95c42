import { customStore, type CustomStore, type Outcome, type StoreItem, type StoreOp } from 'spillway';
import { stepAll, stepBlock, stepRefund } from '../../lib/stores/step';

/** A custom store over a Map, on the package's own algorithms; each method can be replaced. */
export class TableStore implements CustomStore {
  readonly name: string = 'table';
  readonly states = new Map<string, { state: string; endsAtMs: number }>();
  readonly calls: StoreOp[] = [];
  closed = 0;
  nowMs = () => Date.now();

  apply(op: StoreOp): Promise<readonly Outcome[]> | readonly Outcome[] {
    this.calls.push(op);
    const nowMs = this.nowMs();
    const items = op.items.map(({ key, rule }) => ({ rule, state: this.read(key, nowMs) }));
    const results = stepAll({ mode: op.mode, units: op.units, items }, nowMs);
    results.forEach(({ state, changed, expiresInMs }, i) => {
      if (changed) this.write(op.items[i]!.key, state, nowMs + expiresInMs);
    });
    return Promise.resolve(results.map(({ outcome }) => outcome));
  }

  reset(keys: readonly string[]): Promise<number> {
    return Promise.resolve(keys.filter((key) => this.states.delete(key)).length);
  }

  refund({ units, items }: { units: number; items: readonly (StoreItem & { mark: number })[] }) {
    const nowMs = this.nowMs();
    const taken = items.filter(({ key, rule, mark }) => {
      const { state, changed, expiresInMs } = stepRefund(rule, this.read(key, nowMs), units, mark, nowMs);
      if (changed) this.write(key, state, nowMs + expiresInMs);
      return changed;
    });
    return Promise.resolve(taken.length);
  }

  block({ ms, items }: { ms: number; items: readonly StoreItem[] }): Promise<void> {
    const nowMs = this.nowMs();
    for (const { key } of items) this.write(key, stepBlock(ms, nowMs).state, nowMs + ms);
    return Promise.resolve();
  }

  scan: CustomStore['scan'] = ({ startsWith, endsWith, rule, cursor, pageSize }) => {
    const keys = [...this.states.keys()].filter(
      (key) => key.startsWith(startsWith) && key.endsWith(endsWith),
    );
    const from = Number(cursor || 0);
    const nowMs = this.nowMs();
    const items = keys.slice(from, from + pageSize).map((key) => {
      const call = { mode: 'peek', units: 1, items: [{ rule, state: this.read(key, nowMs) }] } as const;
      return { key, ...stepAll(call, nowMs)[0]!.outcome };
    });
    return Promise.resolve({ cursor: from + pageSize < keys.length ? String(from + pageSize) : '', items });
  };

  close(): void {
    this.closed++;
  }

  option() {
    return customStore(this);
  }

  private read(key: string, nowMs: number): string | null {
    const kept = this.states.get(key);
    return kept === undefined || kept.endsAtMs < nowMs ? null : kept.state;
  }

  private write(key: string, state: string | null, endsAtMs: number): void {
    if (state === null) this.states.delete(key);
    else this.states.set(key, { state, endsAtMs });
  }
}
