/** The sketch against an exact count: the bounds that its header states. */
import { MOST_SUBJECTS, TopDenied } from '../../lib/telemetry/top-denied';
import { random } from '../support/sequences';

/** Ranks whose frequency falls with a power of them. */
function zipf(below: (most: number) => number, many: number, power: number): () => number {
  const upTo: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= many; rank++) upTo.push((sum += rank ** -power));
  return () => {
    const at = (below(1e9) / 1e9) * sum;
    let [low, high] = [0, many - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

test.each([
  [0, 5_000],
  [0.5, 20_000],
  [0.8, 100_000],
  [1, 100_000],
  [1.2, 50_000],
  [2, 800],
])('zipf %d over %d subjects: counts within their errors, whoever is frequent is there', (power, many) => {
  const top = new TopDenied();
  const exact = new Map<string, { count: number; first: number; last: number }>();
  const next = zipf(random(many), many, power);
  const denials = 50_000;
  for (let nowMs = 1; nowMs <= denials; nowMs++) {
    const rank = next();
    const [rule, subject] = [`rule-${rank % 3}`, `ip:10.0.${rank >> 8}.${rank & 255}`];
    top.add(rule, subject, nowMs);
    const name = `${rule} ${subject}`;
    const known = exact.get(name) ?? { count: 0, first: nowMs, last: 0 };
    exact.set(name, { ...known, count: known.count + 1, last: nowMs });
  }
  const listed = top.list(MOST_SUBJECTS);
  const bound = denials / MOST_SUBJECTS;
  expect(listed.reduce((sum, { count }) => sum + count, 0)).toBe(denials);
  for (const { rule, subject, count, error, firstDeniedAt, lastDeniedAt } of listed) {
    const truth = exact.get(`${rule} ${subject}`)!;
    if (count < truth.count || count - error > truth.count || error > bound) {
      throw new Error(`${rule} ${subject}: ${count} with error ${error}, in truth ${truth.count}`);
    }
    expect(lastDeniedAt).toBe(truth.last);
    expect(firstDeniedAt).toBeGreaterThanOrEqual(truth.first);
    if (error === 0)
      expect({ count, firstDeniedAt }).toEqual({ count: truth.count, firstDeniedAt: truth.first });
  }
  const names = new Set(listed.map(({ rule, subject }) => `${rule} ${subject}`));
  expect(names.size).toBe(listed.length);
  const frequent = [...exact].filter(([, { count }]) => count > bound);
  expect(frequent.filter(([name]) => !names.has(name))).toEqual([]);
  expect(top.list(3)).toEqual(listed.slice(0, 3));
});

test('a flood of subjects that come once each leaves those that come often, and no more than a thousand', () => {
  const top = new TopDenied();
  for (let i = 0; i < 1_000_000; i++) {
    top.add('api', `ip:flood-${i}`, i);
    if (i % 500 === 0) top.add('api', 'ip:often', i);
  }
  const listed = top.list(Infinity);
  expect(listed.length).toBe(MOST_SUBJECTS);
  expect(listed[0]).toMatchObject({ rule: 'api', subject: 'ip:often' });
  expect(listed[0]!.count - listed[0]!.error).toBeLessThanOrEqual(2_000);
  expect(listed[0]!.count).toBeGreaterThanOrEqual(2_000);
});
