/** How long calls took, in whole microseconds from `fromUs` to `toUs`. */
export interface LatencyBucket {
  readonly fromUs: number;
  readonly toUs: number;
  readonly count: number;
}

/** How long checks took. */
export interface Latency {
  /** Checks that were timed. */
  count: number;
  sumUs: number;
  /** Half of them took at most so long; likewise 99 and 99.9 %. The end of a bucket; 0 where none was timed. */
  p50Us: number;
  p99Us: number;
  p999Us: number;
  /** Those that have counted something, in order. */
  buckets: LatencyBucket[];
}

/** Below this each microsecond has a bucket, above it each doubling has eight: none is wider than an eighth of its start. */
const LINEAR = 16;
const LINEAR_BITS = 4;
const PER_DOUBLING_BITS = 3;
const PER_DOUBLING = 1 << PER_DOUBLING_BITS;
/** What took longer, 35 minutes, counts as this. */
const MOST_US = 2 ** 31 - 1;
const SIZE = LINEAR + (31 - LINEAR_BITS) * PER_DOUBLING;

/** The bucket of a duration. */
export function bucketOf(us: number): number {
  const whole = us < MOST_US ? us | 0 : MOST_US;
  if (whole < LINEAR) return whole > 0 ? whole : 0;
  const doubling = 31 - Math.clz32(whole);
  const part = (whole >> (doubling - PER_DOUBLING_BITS)) - PER_DOUBLING;
  return LINEAR + (doubling - LINEAR_BITS) * PER_DOUBLING + part;
}

/** The least duration of a bucket. */
export function startOf(bucket: number): number {
  if (bucket < LINEAR) return bucket;
  const doubling = LINEAR_BITS + ((bucket - LINEAR) >> PER_DOUBLING_BITS);
  const part = (bucket - LINEAR) & (PER_DOUBLING - 1);
  return (PER_DOUBLING + part) * 2 ** (doubling - PER_DOUBLING_BITS);
}

/** Durations in buckets that never change: recording one allocates nothing. */
export class Histogram {
  private readonly counts = new Float64Array(SIZE);
  private sumUs = 0;

  record(us: number): void {
    this.counts[bucketOf(us)]!++;
    this.sumUs += us;
  }

  read(): Latency {
    const buckets: LatencyBucket[] = [];
    let count = 0;
    this.counts.forEach((many, i) => {
      if (many === 0) return;
      buckets.push({ fromUs: startOf(i), toUs: startOf(i + 1), count: many });
      count += many;
    });
    return { count, sumUs: this.sumUs, ...quantilesOf(buckets), buckets };
  }
}

/** Of buckets in order. */
export function quantilesOf(buckets: readonly LatencyBucket[]): Pick<Latency, 'p50Us' | 'p99Us' | 'p999Us'> {
  const count = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  const at = (part: number): number => {
    let left = Math.ceil(part * count);
    return buckets.find((bucket) => (left -= bucket.count) <= 0)?.toUs ?? 0;
  };
  return { p50Us: at(0.5), p99Us: at(0.99), p999Us: at(0.999) };
}

/** Of a store that times nothing, because it answers at once. */
export const NOT_TIMED: Latency = Object.freeze({
  count: 0,
  sumUs: 0,
  p50Us: 0,
  p99Us: 0,
  p999Us: 0,
  buckets: [],
});
