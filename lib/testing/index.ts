/**
 * `spillway/testing`: what every store has to keep, as a suite of tests. It goes through limiters, so stores of one's own
 * are asked as those of the package are.
 */
import { requireObject, refuseUnknown } from '../base/validate';
import { invalidOption, shown } from '../base/errors';
import { absent } from './cases/absent';
import { atomicity } from './cases/atomicity';
import { blocks } from './cases/blocks';
import { charging } from './cases/charging';
import { keys } from './cases/keys';
import { listings } from './cases/listings';
import { refunds } from './cases/refunds';
import { sequences } from './cases/sequences';
import { time } from './cases/time';
import { currentRunner, type TestRunner } from './runner';
import type { ConformanceCase, OpenStore, OptionalMethod } from './types';

export type { ConformanceCase, OpenedStore, OpenStore, OptionalMethod } from './types';
export type { TestRunner } from './runner';

export interface ConformanceOptions {
  /** As the suite is called. */
  name: string;
  /** Opens the store, once for each case. */
  open: OpenStore;
  /** Methods that the store leaves out on purpose. Default: none. */
  without?: readonly OptionalMethod[];
  /** Functions of the test runner, where they are no globals: `{ describe, test }`. */
  runner?: TestRunner;
}

/** All cases, for a runner of one's own: those whose `needs` the store has, and whose `lacks` it has not. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...sequences,
  ...atomicity,
  ...charging,
  ...time,
  ...refunds,
  ...blocks,
  ...keys,
  ...listings,
  ...absent,
];

const METHODS: readonly OptionalMethod[] = ['refund', 'block', 'scan'];
/** Of one case; a runner's own bound is often shorter than a case waits on a busy machine. */
const PATIENCE_MS = 60_000;

/**
 * Registers a suite with the test runner that runs this file: Jest, Vitest and Mocha by their globals, else `node:test`.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function storeConformance(options: ConformanceOptions): void {
  requireObject(options, 'The options of storeConformance');
  refuseUnknown(options, ['name', 'open', 'without', 'runner'], '');
  const { name, open, without = [], runner = currentRunner() } = options;
  if (typeof name !== 'string' || name === '')
    throw invalidOption(`name must be a text, not ${shown(name)}.`);
  if (typeof open !== 'function')
    throw invalidOption(`open must be a function that gives a store, not ${shown(open)}.`);
  if (!Array.isArray(without) || !without.every((method) => METHODS.includes(method as OptionalMethod))) {
    throw invalidOption(`without must be a list of ${METHODS.join(', ')}.`);
  }
  runner.describe(name, () => {
    for (const one of conformanceCases) {
      const isMeant = one.lacks === undefined || without.includes(one.lacks);
      if (!isMeant || one.needs.some((method) => without.includes(method))) continue;
      runner.test(one.name, () => one.run(open), PATIENCE_MS);
    }
  });
}
