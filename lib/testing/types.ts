import type { CustomStore, StoreOption } from '../index';

/** A store as a case is given it. */
export interface OpenedStore {
  readonly store: StoreOption;
  /**
   * Moves the store's clock, which stands still otherwise, by whole milliseconds from 1 on. Without it cases that need
   * time wait for it, and sequences are played as far as they last no time.
   */
  advance?(ms: number): void | Promise<void>;
  /** Stands in front of all keys, such as what the store's user may touch. Default: nothing. */
  readonly prefix?: string;
  /** Called when the case is over, and its limiters are closed. */
  close?(): unknown;
}

/** Opens a store for one case. The cases have prefixes of their own, so they may all be given the same one. */
export type OpenStore = () => StoreOption | OpenedStore | Promise<StoreOption | OpenedStore>;

/** What a `CustomStore` may do without. */
export type OptionalMethod = keyof Pick<CustomStore, 'refund' | 'block' | 'scan'>;

/** One promise of a store. */
export interface ConformanceCase {
  /** Says the promise. */
  readonly name: string;
  /** It is about stores that have these methods. */
  readonly needs: readonly OptionalMethod[];
  /** It is about stores without this method. */
  readonly lacks?: OptionalMethod;
  /** Resolves where the store keeps it; rejects, mostly with an AssertionError, where it does not. */
  run(open: OpenStore): Promise<void>;
}
