import { invalidOption } from '../base/errors';
import { nodeTest } from '../base/lazy';

/** The two functions of a test runner that a suite needs. */
export interface TestRunner {
  describe(name: string, define: () => void): unknown;
  test(name: string, run: () => Promise<void>, timeoutMs?: number): unknown;
}

/** Jest, Vitest, Mocha; each has more than these. */
interface Globals {
  readonly describe?: TestRunner['describe'];
  readonly test?: TestRunner['test'];
  readonly it?: TestRunner['test'];
}

/**
 * Whoever runs this file: the runner whose functions are globals, else node's.
 * @throws RateLimitError `ERR_INVALID_OPTION` in a runner that keeps its functions to itself
 */
export function currentRunner(): TestRunner {
  const { describe, it, test = it } = globalThis as Globals;
  if (typeof describe === 'function' && typeof test === 'function') return { describe, test };
  const { VITEST, JEST_WORKER_ID } = process.env;
  if (VITEST !== undefined || JEST_WORKER_ID !== undefined) {
    throw invalidOption(
      'The test runner has no global describe and test: give them as runner: { describe, test }, or switch globals on.',
    );
  }
  const node = nodeTest();
  return { describe: node.describe, test: (name, run) => node.test(name, run) };
}
