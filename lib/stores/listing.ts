import { invalidOption, shown } from '../base/errors';
import type { NativePage } from './native/native';
import { readInteger, refuseUnknown } from '../base/validate';
import type { ListedKey, ListOptions } from './types';

/** A key with the name that it has in the store, prefix and encoding included. */
export interface NamedKey extends ListedKey {
  name: string;
}

const RECENT = 50_000;

/** Where a listing stands: which page to read next, and what was seen lately. */
export class Listing {
  readonly match: string;
  readonly pageSize: number;
  /** Empty for the first page. */
  cursor = '';
  done = false;
  private recent = new Set<string>();
  private older = new Set<string>();

  /**
   * @param id what stands behind the subject in the keys of the rule that is listed; see `keyPart`
   * @throws RateLimitError `ERR_INVALID_OPTION`
   */
  constructor(
    readonly prefix: string,
    readonly id = '',
    options: ListOptions = {},
  ) {
    if (typeof options !== 'object' || options === null) {
      throw invalidOption(`The options of a listing must be an object, not ${shown(options)}.`);
    }
    refuseUnknown(options, ['match', 'pageSize'], '');
    const { match = '*', pageSize } = options;
    if (typeof match !== 'string' || match === '' || match.length > 4_096) {
      throw invalidOption('match must be a glob of 1 to 4,096 characters, such as "org-*".');
    }
    this.match = match;
    this.pageSize = readInteger(pageSize, 'pageSize', 30, 1, 100_000);
  }

  /** The new keys of a page that was read. */
  take(page: NativePage): NamedKey[] {
    this.cursor = page.cursor;
    this.done = page.cursor === '';
    const now = Date.now();
    const items: NamedKey[] = [];
    // `<prefix><subject>`, or `{<prefix><subject>}:<id>`.
    const front = this.prefix.length + (this.id === '' ? 0 : 1);
    const tail = this.id === '' ? 0 : this.id.length + 2;
    page.keys.forEach((name, i) => {
      if (!this.isNew(name)) return;
      const key = decodeKey(name.slice(front, name.length - tail));
      items.push({ name, key, count: page.counts[i]!, resetTime: now + page.resetInMs[i]! });
    });
    return items;
  }

  /**
   * SCAN repeats keys when the table shrinks, and then those of buckets that it visited shortly before. Two
   * generations bound the memory: at least the last RECENT keys are known.
   */
  private isNew(name: string): boolean {
    if (this.recent.has(name) || this.older.has(name)) return false;
    if (this.recent.size >= RECENT) {
      this.older = this.recent;
      this.recent = new Set();
    }
    this.recent.add(name);
    return true;
  }
}

/** Undoes the core's encoding of `%`, braces and control characters; other text, put there by others, stays. */
function decodeKey(encoded: string): string {
  if (!encoded.includes('%')) return encoded;
  return encoded.replace(/%([01][0-9A-F]|25|7B|7D|7F)/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
}
