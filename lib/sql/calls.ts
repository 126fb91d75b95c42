/** What a database is asked by all of its stores: calls, each with all of its items or none. */
import type {
  BlockOp,
  CustomStore,
  Outcome,
  RefundOp,
  ScanOp,
  ScanPage,
  StoreItem,
  StoreOp,
} from '../stores/custom/types';

export interface CallItem extends StoreItem {
  /** Of a refund. */
  readonly mark?: number;
}

export interface Call {
  readonly mode: 'peek' | 'charge' | 'force' | 'refund' | 'block' | 'reset';
  /** Of a block: its ms. */
  readonly units: number;
  /** No two of one key. */
  readonly items: readonly CallItem[];
}

/** The outcome of each item; of a refund, a block or a reset: how many keys took it. */
export type Answer = readonly Required<Outcome>[] | number;

/** Deadline of calls that tell none; what waits for them gives up sooner. */
export const PATIENCE_MS = 5_000;

/** A reset asks for no rule. */
const ANY_RULE: StoreItem['rule'] = {
  algorithm: 'fixed-window',
  limit: 0,
  windowMs: 1,
  burst: 0,
  shadow: false,
};

/** A store whose database takes calls. */
export abstract class CallStore implements CustomStore {
  migrate?: CustomStore['migrate'];

  constructor(readonly name: string) {}

  /** Takes a call within its deadline, or rejects. */
  protected abstract call(call: Call, deadlineMs: number): Promise<Answer>;

  /**
   * Keys above `after` and below `before` by their bytes, where that is not empty, in this order; at most `many`. Keys that
   * have ended may be among them.
   */
  protected abstract keys(after: string, before: string, many: number): Promise<readonly string[]>;

  async apply({ mode, units, deadlineMs, items }: StoreOp): Promise<readonly Outcome[]> {
    return (await this.call({ mode, units, items }, deadlineMs)) as readonly Outcome[];
  }

  async reset(keys: readonly string[]): Promise<number> {
    const items = keys.map((key) => ({ key, rule: ANY_RULE }));
    return (await this.call({ mode: 'reset', units: 1, items }, PATIENCE_MS)) as number;
  }

  async refund({ units, items }: RefundOp): Promise<number> {
    return (await this.call({ mode: 'refund', units, items }, PATIENCE_MS)) as number;
  }

  async block({ ms, items }: BlockOp): Promise<void> {
    await this.call({ mode: 'block', units: ms, items }, PATIENCE_MS);
  }

  async scan({ startsWith, endsWith, rule, cursor, pageSize }: ScanOp): Promise<ScanPage> {
    const keys = await this.keys(cursor || startsWith, behind(startsWith), pageSize);
    const own = keys.filter((key) => key.startsWith(startsWith) && key.endsWith(endsWith));
    const answers = await Promise.all(
      own.map((key) => this.call({ mode: 'peek', units: 1, items: [{ key, rule }] }, PATIENCE_MS)),
    );
    return {
      cursor: keys.length < pageSize ? '' : keys.at(-1)!,
      items: own
        .map((key, i) => ({ key, ...(answers[i] as readonly Outcome[])[0]! }))
        .filter(({ used, blocked }) => used > 0 || blocked)
        .map(({ key, used, resetInMs, blocked }) => ({ key, used, resetInMs, blocked })),
    };
  }
}

/** The least text that is above all that begin so, in the order of code points; empty: there is none. */
function behind(prefix: string): string {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return '';
  // No text has halves of surrogate pairs.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}
