// From the start of a process to its first answer from Redis, above a node process that does nothing.
import { here, runNode } from './children.mjs';

export const COLD = {
  spillway: 'spillway',
  ioredis: 'ioredis',
  'node-redis': 'node-redis',
  'flexible-ioredis': 'rate-limiter-flexible on ioredis',
  'express-node-redis': 'rate-limit-redis on node-redis',
};

/** One round of all names, the empty process first; gives milliseconds by name. */
export async function coldRound(prefix, port, names, packageDir) {
  const result = {};
  for (const name of ['empty', ...names]) {
    const from = performance.now();
    let answered = NaN;
    await runNode(prefix, [here('cold-start-child.cjs'), name, String(port), packageDir], 20_000, () => {
      answered = performance.now();
    });
    result[name] = answered - from;
  }
  return result;
}
