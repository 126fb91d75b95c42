import type { Outcome, StoreOp } from 'spillway/store';
import { StateStore } from './state-store';

/** A store of one's own that tells what it was asked. */
export class TableStore extends StateStore {
  override readonly name: string = 'table';
  readonly calls: StoreOp[] = [];
  closed = 0;

  override apply(op: StoreOp): Promise<Outcome[]> {
    this.calls.push(op);
    return super.apply(op);
  }

  close(): void {
    this.closed++;
  }
}
