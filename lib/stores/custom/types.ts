import type { Algorithm } from '../../rules/algorithm';
import type { Documents } from '../documents';

/**
 * A store of one's own. It holds states under keys, decides on its own clock, and counts all items of a call or none.
 * Every method may be called many times at once; what it rejects with is an outage, which the failure mode answers.
 * Durations are whole milliseconds.
 */
export interface CustomStore {
  /** As decisions, health and messages name it: 1 to 32 of a-z 0-9 and `-`. */
  readonly name: string;
  /**
   * Decides one check. A `charge` charges `units` to all items, or to none where an item whose rule is no `shadow` has no
   * room or is blocked; shadow items are charged where they have room, when the others admit. A `peek` says what a charge
   * would, and writes nothing. A `force` charges also where it does not fit; not what is blocked.
   * @returns an outcome for each item, in their order
   */
  apply(op: StoreOp): Promise<readonly Outcome[]> | readonly Outcome[];
  /** Forgets keys, blocks included. @returns how many there were */
  reset(keys: readonly string[]): Promise<number>;
  /**
   * Gives units back to the charges that the marks tell, where they are still counted.
   * @returns how many items took them
   */
  refund?(op: RefundOp): Promise<number>;
  /** Denies for `ms`, whatever was counted; then the keys start afresh. */
  block?(op: BlockOp): Promise<void>;
  /** One page of what is stored. Needed by listings. */
  scan?(op: ScanOp): Promise<ScanPage>;
  /** Resolves where the store can be reached. Without it, health asks by a check. */
  ping?(): Promise<void>;
  /** What the processes of a prefix keep beside counts. Needed by shared rules and analytics. @internal */
  documents?(prefix: string): Documents;
  /** Makes what it counts in, where that is missing: `npx spillway migrate` calls it. It may run many times, at once, too. */
  migrate?(): Promise<void>;
  /** Called once, when nobody uses the store any more. */
  close?(): Promise<void> | void;
}

/** What a key is counted by. */
export interface StoreRule {
  readonly algorithm: Algorithm;
  /** Units admitted per window (a token bucket: refilled); 0 denies everything. */
  readonly limit: number;
  readonly windowMs: number;
  /** Units that can be had at once: a token bucket's capacity, else the limit. */
  readonly burst: number;
  /** Counts and reports, never denies. */
  readonly shadow: boolean;
}

/** A key, at most 1,400 bytes or so of printable text, and the rule that counts it. */
export interface StoreItem {
  readonly key: string;
  readonly rule: StoreRule;
}

export interface StoreOp {
  readonly mode: 'charge' | 'peek' | 'force';
  /** 1 or more. */
  readonly units: number;
  /** What is left until nobody waits for the answer any more. A charge that is made later admits nobody. */
  readonly deadlineMs: number;
  /** 1 to 8, no two of one key. */
  readonly items: readonly StoreItem[];
}

/** What one rule says of its key after the call. */
export interface Outcome {
  /** Whether this rule alone admits. */
  readonly allowed: boolean;
  /** Units left, 0 to `burst`. */
  readonly remaining: number;
  /** Until nothing is counted any more, or the window ends; the whole window where none is running. */
  readonly resetInMs: number;
  /** 0 when allowed; else the wait after which a lone client is admitted; -1: it never fits. */
  readonly retryAfterMs: number;
  /** Units counted. */
  readonly used: number;
  readonly blocked: boolean;
  /** What a refund needs to find the charge again: any number. Default 0. */
  readonly mark?: number;
}

export interface RefundOp {
  readonly units: number;
  /** Those that were charged, with the marks of their outcomes. */
  readonly items: readonly (StoreItem & { readonly mark: number })[];
}

export interface BlockOp {
  readonly ms: number;
  readonly items: readonly StoreItem[];
}

export interface ScanOp {
  /** What the keys begin and end with, literally. */
  readonly startsWith: string;
  readonly endsWith: string;
  /** By what they are counted. */
  readonly rule: StoreRule;
  /** Empty: the first page; else what the last page gave. */
  readonly cursor: string;
  /** How many keys are wanted; a hint. */
  readonly pageSize: number;
}

export interface ScanPage {
  /** Where the next page begins; empty: there is none. */
  readonly cursor: string;
  /** Keys whose state means something still. */
  readonly items: readonly (Pick<Outcome, 'used' | 'resetInMs' | 'blocked'> & { readonly key: string })[];
}
