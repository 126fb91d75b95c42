/** Which rules the core keeps: those of sets that somebody still has. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { NativeRule } from '../../lib/stores/native/native';
import { RuleSet } from '../../lib/decision/rule-set';
import { SetNumbers } from '../../lib/stores/native/set-numbers';
import { until } from '../support/wait';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

class FakeNative {
  readonly held = new Map<number, NativeRule[]>();
  private next = 0;

  addRules(rules: NativeRule[]): number {
    this.held.set(this.next, rules);
    return this.next++;
  }

  releaseRules(set: number): void {
    expect(this.held.delete(set)).toBe(true);
  }
}

/** Collects until it is so. A collection takes long in a process that has run many tests. */
const collectUntil = (what: string, isSo: () => boolean) =>
  until(
    what,
    () => {
      gc();
      return isSo();
    },
    { withinMs: 15_000 },
  );

const rules = (limit: number) => [{ limit } as NativeRule];
const anySet = () => new RuleSet([]);

test('sets that nobody has any more are released, the others are kept', async () => {
  const native = new FakeNative();
  const numbers = new SetNumbers(native);
  const kept = anySet();
  numbers.register(kept, rules(0));
  for (let limit = 1; limit <= 1_000; limit++) numbers.register(anySet(), rules(limit));
  expect(native.held.size).toBe(1_001);
  await collectUntil('released', () => native.held.size === 1);
  expect(native.held.get(kept.number)).toEqual(rules(0));
});

test('equal sets share a number until the last of them is released', () => {
  const native = new FakeNative();
  const numbers = new SetNumbers(native);
  const [one, other] = [anySet(), anySet()];
  numbers.register(one, rules(1));
  numbers.register(other, rules(1));
  expect(one.number).toBe(other.number);
  one.release();
  one.release();
  expect(one.number).toBe(-1);
  expect(native.held.size).toBe(1);
  other.release();
  expect(native.held.size).toBe(0);
  numbers.register(one, rules(1));
  expect(native.held.get(one.number)).toEqual(rules(1));
});

test('what is released is not released again when it is collected', async () => {
  const native = new FakeNative();
  const numbers = new SetNumbers(native);
  const other = anySet();
  let collected = 0;
  const registry = new FinalizationRegistry(() => collected++);
  (() => {
    const gone = anySet();
    numbers.register(gone, rules(1));
    registry.register(gone, undefined);
    gone.release();
    numbers.register(other, rules(1));
  })();
  await collectUntil('collected', () => collected === 1);
  // Registries are told one after the other.
  await new Promise(setImmediate);
  expect(native.held.has(other.number)).toBe(true);
});
