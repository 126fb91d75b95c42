// Taken at the start: what a test replaces is not ours to wait for.
const { setImmediate: afterReads } = globalThis;

/** Far more than are asked in one turn of the loop, and answered in well under a millisecond. */
const MOST_IN_A_TURN = 1_000;

let inTurn = 0;
const beginTurn = () => {
  inTurn = 0;
};

/**
 * Gives an answer for which no store was asked: at once, but not so often that the loop has no turn meanwhile. Whoever asks
 * again and again until the store is back would otherwise keep this process from hearing of it.
 */
export function atOnce<T>(answer: T): Promise<T> {
  if (inTurn === 0) afterReads(beginTurn);
  if (++inTurn <= MOST_IN_A_TURN) return Promise.resolve(answer);
  return new Promise((resolve) => afterReads(resolve, answer));
}
