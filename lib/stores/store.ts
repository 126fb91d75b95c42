import type { RateLimitError } from '../base/errors';
import type { AnyResultKind, Built, ResultKind } from '../decision/result-kind';
import type { RuleSet } from '../decision/rule-set';
import type { Subjects } from '../decision/subjects';
import type { Source } from '../decision/types';
import type { StoreState } from '../telemetry/store-state';
import type { Documents } from './documents';
import type { Listing, Page } from './listing';
import type { Health, ServerMemory, Stats } from './types';

/**
 * What limiters need of a store, whichever it is. A call that is refused at once (a key that cannot be counted, a store
 * that was closed) throws a RateLimitError; one that is on its way ends within the deadline of its set, and then either
 * with what was asked for, built by the failure mode where the store did not answer, or with the negative of its `Status`.
 */
export interface Store {
  /** As decisions name it. */
  readonly source: Source;
  readonly state: StoreState;

  /**
   * Makes a set known, whose number is 0 or more from then on; before the first call with it. `timeoutMs` is the deadline
   * of each.
   * @throws RateLimitError `ERR_INVALID_OPTION` for what the store cannot count
   */
  register(set: RuleSet, prefix: string, timeoutMs: number): void;
  /** Charges what a set counts. */
  check<K extends AnyResultKind>(set: RuleSet, subjects: Subjects, units: number, kind: K): Promise<Built[K]>;
  /** Looks at what a set counts, as a check of so many units would. */
  peek<K extends AnyResultKind>(set: RuleSet, subjects: Subjects, units: number, kind: K): Promise<Built[K]>;
  /** Charges also where it does not fit. */
  penalize(set: RuleSet, subjects: Subjects, units: number): Promise<Built[typeof ResultKind.Penalty]>;
  /** Gives units back: how many rules took them, or the negative of the status. `marks`: one for each rule. */
  refund(set: RuleSet, subjects: Subjects, units: number, marks: number[]): Promise<number>;
  /** Denies for so long: 0 or more when done, else the negative of the status. */
  block(set: RuleSet, subjects: Subjects, ms: number): Promise<number>;
  /** Forgets keys: how many there were, or the negative of the status. */
  reset(set: RuleSet, subjects: Subjects): Promise<number>;
  /** One page of a listing, or the status that stands in its way. */
  page(listing: Listing): Promise<Page | number>;

  /** What tells whether it counts. `prefix` and `timeoutMs` are the limiter's. */
  probe(prefix: string, timeoutMs: number): Probe;
  /** What the processes of a prefix keep here beside counts. @throws RateLimitError `ERR_UNSUPPORTED` */
  documents(prefix: string): Documents;
  /** What the server says of its memory; null where there is none, or it does not say. */
  memory(prefix: string): Promise<ServerMemory | null>;
  /** Asks nothing and connects nothing. */
  stats(): Stats;
  /** Ends what waits. Nothing is called afterwards. */
  close(): void;
}

/** A store that can also answer at once. */
export interface SyncStore extends Store {
  checkNow<K extends AnyResultKind>(set: RuleSet, subjects: Subjects, units: number, kind: K): Built[K];
  peekNow<K extends AnyResultKind>(set: RuleSet, subjects: Subjects, units: number, kind: K): Built[K];
  penalizeNow(set: RuleSet, subjects: Subjects, units: number): Built[typeof ResultKind.Penalty];
  resetNow(set: RuleSet, subjects: Subjects): number;
  pageNow(listing: Listing): Page | number;
}

/** A limiter's question to its store whether it counts. */
export interface Probe {
  /** What is known, at once. Asking connects, and refreshes what is bad or old. */
  isHealthy(): boolean;
  /** Runs one real check on a key that nobody has and no listing shows, and reports how it went. */
  run(): Promise<Omit<Health, 'enabled' | 'awaySince'>>;
}

/** A store, or why there is none. */
export type Opened = { readonly source: Source; readonly state: StoreState } & (
  | { readonly store: Store; readonly failure?: undefined }
  | { readonly store: undefined; readonly failure: RateLimitError }
);

/** A store that somebody has a share in. `release` gives it back, once; the last one closes the store. */
export type HeldStore = Opened & { release(): void };
