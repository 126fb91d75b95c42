import { RateLimitError } from '../base/errors';

/** A text with the version that somebody gave it; both are empty where there is none. See `MOST_TEXT_BYTES`. */
export interface Versioned {
  readonly version: string;
  readonly text: string;
}

/** Amounts that are added to a named set of sums, which ends so long after the last addition. */
export interface Addition {
  readonly name: string;
  readonly expiresInMs: number;
  readonly amounts: ReadonlyMap<string, number>;
}

/**
 * What the processes of a prefix keep in a store beside their counts: texts, of which each change names the version that
 * it changes, and sums. Listings do not show them. Every method rejects with `ERR_UNAVAILABLE` where the store does not answer
 * in time; what was to be changed then may have been changed.
 */
export interface Documents {
  /** Cheap: asked twice a second by each process. */
  version(name: string): Promise<string>;
  read(name: string): Promise<Versioned>;
  /** Puts `to` in place of what has the version `from`. @returns false, and nothing was done, where it has another */
  compareAndSet(name: string, from: string, to: Versioned): Promise<boolean>;
  /** Adds all of them in one call. @returns false where nothing was sent, so that they may be added again */
  add(additions: readonly Addition[]): Promise<boolean>;
  /** The sums of each name, in their order. */
  sums(names: readonly string[]): Promise<ReadonlyMap<string, number>[]>;
}

/**
 * A text that is larger, whoever put it there, is read as none: a reply of Redis of more than a megabyte ends its connection,
 * and with it checks.
 */
export const MOST_TEXT_BYTES = 256 * 1024;

/** Names that a set of sums holds at most; what is new beyond that is left out. */
export const MOST_SUMS = 2_000;

export function noDocuments(source: string): RateLimitError {
  return new RateLimitError(
    'ERR_UNSUPPORTED',
    `The store '${source}' keeps counts only. Shared rules and analytics need Redis, PostgreSQL or the store in this process: give them redisStore(url), postgresStore(pool) or memoryStore().`,
  );
}
