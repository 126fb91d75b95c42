/** One entry of the list, `error` of whose `count` may belong to others. */
export interface Denials {
  readonly rule: string;
  readonly subject: string;
  readonly count: number;
  readonly error: number;
  /** In milliseconds since the epoch, since it is in the list. */
  readonly firstDeniedAt: number;
  readonly lastDeniedAt: number;
}

/** Subjects that are counted at a time. */
export const MOST_SUBJECTS = 1_000;
/** At most half full, so that a search is short. A power of two. */
const TABLE = 2_048;
const NONE = -1;

/**
 * Whom rules deny most, in bounded memory: the space-saving sketch of Metwally, Agrawal and El Abbadi (2005). A newcomer
 * takes the place of the least, and its count with it, as its error. So of n denials in all
 *
 * - whoever has more than n / 1,000 is in the list,
 * - a count is at least the true one, and at most `error` above it,
 * - no error is above n / 1,000.
 *
 * Entries stand in a heap, the least on top, and are found by a table of open addressing. Recording allocates nothing.
 */
export class TopDenied {
  /** By entry. */
  private readonly rules: string[] = [];
  private readonly subjects: string[] = [];
  private readonly hashes = new Int32Array(MOST_SUBJECTS);
  private readonly counts = new Float64Array(MOST_SUBJECTS);
  private readonly errors = new Float64Array(MOST_SUBJECTS);
  private readonly firsts = new Float64Array(MOST_SUBJECTS);
  private readonly lasts = new Float64Array(MOST_SUBJECTS);
  private readonly placeInHeap = new Int32Array(MOST_SUBJECTS);
  /** Entries. */
  private readonly heap = new Int32Array(MOST_SUBJECTS);
  private readonly table = new Int32Array(TABLE).fill(NONE);
  private size = 0;
  /** Nobody outside knows whose entries would stand behind each other. */
  private readonly seed = (Math.random() * 2 ** 32) | 0;

  add(rule: string, subject: string, nowMs: number): void {
    const hash = this.hashOf(subject);
    let entry = this.find(hash, rule, subject);
    if (entry === NONE) {
      entry = this.size < MOST_SUBJECTS ? this.append() : this.replaceLeast();
      this.rules[entry] = rule;
      this.subjects[entry] = subject;
      this.hashes[entry] = hash;
      this.firsts[entry] = nowMs;
      this.insert(entry);
    }
    this.counts[entry]!++;
    this.lasts[entry] = nowMs;
    this.sink(entry);
  }

  /** Those with the highest counts in front. */
  list(most: number): Denials[] {
    return Array.from({ length: this.size }, (_, entry) => entry)
      .sort((a, b) => this.counts[b]! - this.counts[a]!)
      .slice(0, most)
      .map((entry) => ({
        rule: this.rules[entry]!,
        subject: this.subjects[entry]!,
        count: this.counts[entry]!,
        error: this.errors[entry]!,
        firstDeniedAt: this.firsts[entry]!,
        lastDeniedAt: this.lasts[entry]!,
      }));
  }

  /** FNV-1a. */
  private hashOf(subject: string): number {
    let hash = this.seed;
    for (let i = 0; i < subject.length; i++) hash = Math.imul(hash ^ subject.charCodeAt(i), 0x01000193);
    return hash ^ (hash >>> 15);
  }

  private find(hash: number, rule: string, subject: string): number {
    for (let at = hash & (TABLE - 1); ; at = (at + 1) & (TABLE - 1)) {
      const entry = this.table[at]!;
      if (entry === NONE) return NONE;
      if (this.hashes[entry] === hash && this.subjects[entry] === subject && this.rules[entry] === rule)
        return entry;
    }
  }

  private append(): number {
    const entry = this.size++;
    let at = entry;
    this.heap[at] = entry;
    this.placeInHeap[entry] = at;
    // Its count is 0: it rises to the top.
    while (at > 0) {
      const above = (at - 1) >> 1;
      this.swap(at, above);
      at = above;
    }
    return entry;
  }

  private replaceLeast(): number {
    const entry = this.heap[0]!;
    this.remove(entry);
    this.errors[entry] = this.counts[entry]!;
    return entry;
  }

  private insert(entry: number): void {
    let at = this.hashes[entry]! & (TABLE - 1);
    while (this.table[at] !== NONE) at = (at + 1) & (TABLE - 1);
    this.table[at] = entry;
  }

  /** Closes the gap, so that a search may end at the first empty place. */
  private remove(entry: number): void {
    let gap = this.hashes[entry]! & (TABLE - 1);
    while (this.table[gap] !== entry) gap = (gap + 1) & (TABLE - 1);
    for (let at = (gap + 1) & (TABLE - 1); this.table[at] !== NONE; at = (at + 1) & (TABLE - 1)) {
      const home = this.hashes[this.table[at]!]! & (TABLE - 1);
      // Whether its way leads over the gap.
      if (((at - home) & (TABLE - 1)) < ((at - gap) & (TABLE - 1))) continue;
      this.table[gap] = this.table[at]!;
      gap = at;
    }
    this.table[gap] = NONE;
  }

  /** After its count has grown. */
  private sink(entry: number): void {
    const { counts, heap } = this;
    let at = this.placeInHeap[entry]!;
    for (;;) {
      let least = 2 * at + 1;
      if (least >= this.size) return;
      if (least + 1 < this.size && counts[heap[least + 1]!]! < counts[heap[least]!]!) least++;
      if (counts[heap[least]!]! >= counts[entry]!) return;
      this.swap(at, least);
      at = least;
    }
  }

  private swap(a: number, b: number): void {
    const { heap, placeInHeap } = this;
    const entry = heap[a]!;
    heap[a] = heap[b]!;
    heap[b] = entry;
    placeInHeap[heap[a]] = a;
    placeInHeap[entry] = b;
  }
}
