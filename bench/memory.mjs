// A million keys in process: the memory they take, and the speed at that size, of spillway and of a Map.
import { here, runNode } from './children.mjs';

// The young generation has its full size from the start: how far V8 happens to grow it is no memory of a key's.
const FLAGS = ['--expose-gc', '--min-semi-space-size=16', '--max-semi-space-size=16'];

export const STORES = ['map', 'spillway'];

/** One round: each store in a process of its own, in turns as to who is first. */
export async function memoryRound(prefix, { stores, keys, seconds, round, packageDir }) {
  const order = round % 2 === 0 ? stores : [...stores].reverse();
  const result = {};
  for (const store of order) {
    const args = [...FLAGS, here('memory-child.mjs'), store, String(keys), String(seconds), packageDir];
    result[store] = JSON.parse(await runNode(prefix, args, 120_000 + seconds * 1e4));
  }
  return result;
}
