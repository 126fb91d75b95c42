import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { RateLimitError } from '../../lib/base/errors';

/** What a run draws from; one that failed is played again by it: `SPILLWAY_SEED=7 npm test -- --jest fuzz/`. */
const seed = Number(process.env.SPILLWAY_SEED ?? randomInt(2 ** 31));

/** Holds a promise against inputs that are drawn; a failure tells the seed and the smallest input that breaks it. */
export function always<Drawn extends [unknown, ...unknown[]]>(
  arbitraries: { [I in keyof Drawn]: fc.Arbitrary<Drawn[I]> },
  promise: (...drawn: Drawn) => void,
  numRuns = 2_000,
): void {
  fc.assert(fc.property(...arbitraries, promise), { seed, numRuns });
}

/** What a reader answers, or undefined where it refuses; fails the test where it throws anything else. */
export function readOr<Read>(read: () => Read): Read | undefined {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(RateLimitError);
    expect((error as RateLimitError).code).toMatch(/^ERR_/);
    return undefined;
  }
}

/** Texts of pieces that mean something to a reader, among others. */
export const textOf = (pieces: readonly string[], maxLength = 12): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...pieces) }, fc.string({ maxLength: 4 })), {
      maxLength,
    })
    .map((parts) => parts.join(''));

/**
 * So long that a reader which goes through its text once is done in milliseconds, and one that does so for every place of
 * it, ten billion steps, is not done within a test's time.
 */
export const LONG = 200_000;
