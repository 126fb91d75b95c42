import type { RuleSet } from '../decision/rule-set';
import { keyPart } from '../decision/rule-set';
import type { Scope } from '../rules/identity';
import { keyFront, keyTail, subjectIn } from './keys';

/** One page of a listing: `keys[i]`, as it is named in the store, has `counts[i]` and ends in `resetInMs[i]`. */
export interface Page {
  /** Where the next one begins; empty: there is none. */
  readonly cursor: string;
  readonly keys: readonly string[];
  /** Units; from `BLOCKED` on the key is blocked. */
  readonly counts: readonly number[];
  readonly resetInMs: readonly number[];
}

/** The count of a blocked key. */
export const BLOCKED = 2 ** 53;

/** What a listing asks for, validated. */
export interface ListQuery {
  /** What the bare key has to match. */
  readonly match: RegExp;
  /** A glob over the whole subject that leaves out nobody whose key matches. */
  readonly pattern: string;
  readonly kind: Scope | undefined;
  /** Keys asked for in one step, a hint. */
  readonly pageSize: number;
}

/** A key as it stands in the store. */
export interface StoredKey {
  /** Its whole name there, prefix and encoding included. */
  readonly key: string;
  readonly subject: string;
  /** Units; 0 where it is blocked. */
  readonly count: number;
  readonly resetTime: number;
  readonly blocked: boolean;
}

const RECENT = 50_000;

/** Where a listing stands that goes through all keys of one rule: which page to read next, and what was seen lately. */
export class Listing {
  /** Empty for the first page. */
  cursor = '';
  done = false;
  private readonly front: string;
  private readonly tail: string;
  private recent = new Set<string>();
  private older = new Set<string>();

  /** @param set of one rule, whose keys are meant and by which they are read */
  constructor(
    readonly prefix: string,
    readonly set: RuleSet,
    readonly query: ListQuery,
  ) {
    this.front = keyFront(prefix, this.part);
    this.tail = keyTail(this.part);
  }

  /** What stands behind the subject in the keys; see `keyPart`. */
  get part(): string {
    return keyPart(this.set.rules[0]!);
  }

  /** Whether the keys hold counts that can be read as they are. */
  get isOfCounts(): boolean {
    return this.set.rules[0]!.quota.algorithm === 'fixed-window';
  }

  subjectOf(key: string): string {
    return subjectIn(key, this.front, this.tail);
  }

  /** The new keys of a page that was read. */
  take(page: Page): StoredKey[] {
    this.cursor = page.cursor;
    this.done = page.cursor === '';
    const now = Date.now();
    const items: StoredKey[] = [];
    page.keys.forEach((key, i) => {
      if (!this.isNew(key)) return;
      const count = page.counts[i]!;
      const blocked = count >= BLOCKED;
      items.push({
        key,
        subject: this.subjectOf(key),
        count: blocked ? 0 : count,
        resetTime: now + page.resetInMs[i]!,
        blocked,
      });
    });
    return items;
  }

  /**
   * SCAN repeats keys when the table shrinks, and then those of buckets that it visited shortly before. Two
   * generations bound the memory: at least the last RECENT keys are known.
   */
  private isNew(key: string): boolean {
    if (this.recent.has(key) || this.older.has(key)) return false;
    if (this.recent.size >= RECENT) {
      this.older = this.recent;
      this.recent = new Set();
    }
    this.recent.add(key);
    return true;
  }
}
