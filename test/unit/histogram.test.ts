import { bucketOf, Histogram, startOf } from '../../lib/telemetry/histogram';

test('each duration is in the bucket that begins at or below it, none of which is wider than an eighth of its start', () => {
  let random = 7;
  const wrong: number[] = [];
  for (let i = 0; i < 100_000; i++) {
    random = (random * 48_271) % 2_147_483_647;
    const us = random >> (random % 31);
    const bucket = bucketOf(us);
    const [start, end] = [startOf(bucket), startOf(bucket + 1)];
    if (us < start || us >= end || end - start > Math.max(1, start / 8)) wrong.push(us);
  }
  expect(wrong).toEqual([]);
});

test('buckets follow each other without a gap, up to 2^31 microseconds', () => {
  for (let bucket = 0; bucket < bucketOf(Infinity); bucket++) {
    expect(bucketOf(startOf(bucket))).toBe(bucket);
    expect(bucketOf(startOf(bucket + 1) - 1)).toBe(bucket);
  }
  expect(startOf(bucketOf(Infinity) + 1)).toBe(2 ** 31);
  expect([-1, 0, 0.9, 2 ** 40].map(bucketOf)).toEqual([0, 0, 0, bucketOf(2 ** 31 - 1)]);
});

test('quantiles are the ends of the buckets that hold them', () => {
  const histogram = new Histogram();
  expect(histogram.read()).toEqual({ count: 0, sumUs: 0, p50Us: 0, p99Us: 0, p999Us: 0, buckets: [] });
  for (let i = 0; i < 98; i++) histogram.record(10);
  histogram.record(1_000);
  histogram.record(1_000_000);
  const { count, sumUs, p50Us, p99Us, p999Us, buckets } = histogram.read();
  expect({ count, sumUs }).toEqual({ count: 100, sumUs: 98 * 10 + 1_000 + 1_000_000 });
  expect(buckets.map((bucket) => bucket.count)).toEqual([98, 1, 1]);
  expect([p50Us, p99Us, p999Us]).toEqual([11, 1_024, 1_048_576]);
});
