/** That counting allocates nothing, once the rules and the subjects that are counted are known. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { RuleSet } from '../../lib/decision/rule-set';
import { Status } from '../../lib/decision/status';
import { RECORD_LENGTH, RecordField } from '../../lib/stores/records';
import { tally, tallyMissed } from '../../lib/stores/tally';
import { Counters } from '../../lib/telemetry/counters';
import { Histogram } from '../../lib/telemetry/histogram';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;
const CALLS = 10_000;

/** Bytes that a call leaves on the heap: the least of several rounds, because the heap is Jest's, too. */
function bytesOf(call: (i: number) => void): number {
  // Until it is compiled.
  for (let i = 0; i < 20 * CALLS; i++) call(i);
  let least = Infinity;
  for (let round = 0; round < 10; round++) {
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < CALLS; i++) call(i);
    least = Math.min(least, process.memoryUsage().heapUsed - before);
  }
  return Math.max(0, least) / CALLS;
}

function stage() {
  const set = {
    owner: { counters: new Counters() },
    rules: ['a', 'b'].map((id) => ({ id, nearAt: 2, shadow: false })),
    counted: [],
  } as unknown as RuleSet;
  const batch = new Float64Array(2 * RECORD_LENGTH);
  return { set, batch };
}

/** More than are told apart, so that most take the place of another. */
const SUBJECTS = Array.from({ length: 5_000 }, (_, i) => `org-${i}`);
const NOW_MS = 1_700_000_000_000.5;

test('an allocation would be seen', () => {
  let kept: unknown;
  expect(bytesOf((i) => (kept = { i }))).toBeGreaterThan(10);
  expect(kept).toBeDefined();
});

test.each([
  ['admitted', 1],
  ['denied, by a flood of subjects', 0],
])('a check of two rules that is %s', (_, allowed) => {
  const { set, batch } = stage();
  for (const at of [0, RECORD_LENGTH]) batch[at + RecordField.Allowed] = allowed;
  const bytes = bytesOf((i) => tally(set, batch, 0, 1 - allowed, SUBJECTS[i % 5_000]!, 'redis', NOW_MS));
  expect(bytes).toBeLessThan(1);
});

test('one that no store answered, and how long one took', () => {
  const { set } = stage();
  const latency = new Histogram();
  const bytes = bytesOf((i) => {
    tallyMissed(set, 'redis', Status.TimedOut);
    latency.record(i * 1.5);
  });
  expect(bytes).toBeLessThan(1);
});
