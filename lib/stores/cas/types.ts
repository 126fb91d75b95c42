import type { BreakerOptions } from '../breaker-options';

/** What `casStore` is made of: a place for texts that writes one only where it is still what was read. */
export interface CasSource {
  /** As decisions, health and messages name it: 1 to 32 of a-z 0-9 and `-`. */
  readonly name: string;
  /** What is kept under a key: an opaque text of printable ASCII. Nothing: undefined or null. Never a copy that may be old. */
  read(key: string): Promise<string | null | undefined>;
  /**
   * Writes `is` where `was` is kept, in one step; undefined: nothing is kept, or is to be. A rejection says that it may have
   * been written.
   * @param expiresInMs after that it means nothing, and may be forgotten
   * @returns whether it was written; false: something else is kept
   */
  compareAndSet(
    key: string,
    was: string | undefined,
    is: string | undefined,
    expiresInMs: number,
  ): Promise<boolean>;
  /** Milliseconds of a clock that all who share the store share; default `Date.now`. */
  now?(): number;
  /** One page of the keys that begin so; others may be among them. Needed by listings. */
  scan?(op: CasScanOp): Promise<CasScanPage>;
  /** Resolves where it can be reached. */
  ping?(): Promise<void>;
  /** As that of `CustomStore`. */
  migrate?(): Promise<void>;
  /** Called once, when nobody uses the store any more. */
  close?(): Promise<void> | void;
}

export interface CasScanOp {
  readonly startsWith: string;
  /** Empty: the first page; else what the last page gave. */
  readonly cursor: string;
  /** How many keys are wanted; a hint. */
  readonly pageSize: number;
}

export interface CasScanPage {
  /** Where the next page begins; empty: there is none. */
  readonly cursor: string;
  readonly keys: readonly string[];
}

/** What `casStore` may be told. */
export interface CasStoreOptions {
  /** When it is no longer asked. Of limiters that share the store, the first one's holds. */
  breaker?: BreakerOptions;
}
