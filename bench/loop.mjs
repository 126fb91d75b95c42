// The closed loop: so many callers, each with one check out, each asking again the moment it is answered.
import { Histogram } from './measure.mjs';

export const ORGANIZATIONS = 10_000;
const ORDER_MASK = 0xffff;
const STALLED_MS = 10_000;

/** The organizations and the fixed random order in which every peer meets them. */
export function makeKeys(seed = 1) {
  const ids = Array.from({ length: ORGANIZATIONS }, (_, i) => Buffer.from(`org-${10_000 + i}`).latin1Slice());
  const random = mulberry32(seed);
  return Array.from({ length: ORDER_MASK + 1 }, () => ids[Math.floor(random() * ORGANIZATIONS)]);
}

/** A small generator with a seed, so that runs can be repeated. */
export function mulberry32(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Runs `peer` for about `ms` and until the last answer has come. Reading the clock costs about as much as a
 * promise, so only every `stride`-th check is timed; the strides are odd, so that no caller is always or never it.
 */
export function closedLoop(peer, keys, inFlight, ms) {
  const stride = inFlight === 1 ? 1 : inFlight < 64 ? 3 : 7;
  const { check, admitted, denial } = peer;
  const histogram = new Histogram();
  let issued = 0;
  let denied = 0;
  let running = inFlight;
  let stopping = false;

  return new Promise((resolve, reject) => {
    const started = performance.now();
    const end = started + ms;
    const stalled = setTimeout(
      () => reject(new Error(`${running} of ${inFlight} callers still wait ${STALLED_MS} ms after the end`)),
      ms + STALLED_MS,
    );

    const issue = () => {
      const key = keys[issued++ & ORDER_MASK];
      if (issued % stride !== 0) {
        check(key).then(answered, refused);
        return;
      }
      const from = performance.now();
      const timed = () => {
        const now = performance.now();
        histogram.record(now - from);
        if (now >= end) stopping = true;
      };
      check(key).then(
        (result) => (timed(), answered(result)),
        (error) => (timed(), refused(error)),
      );
    };
    const next = () => {
      if (!stopping) return issue();
      if (--running > 0) return;
      clearTimeout(stalled);
      resolve({ checks: issued, denied, elapsedMs: performance.now() - started, histogram });
    };
    const answered = (result) => {
      if (!admitted(result)) denied++;
      next();
    };
    const refused = (error) => {
      // rate-limiter-flexible rejects with its result when it denies; anything else is a failure of the run.
      if (denial === undefined || !denial(error)) {
        clearTimeout(stalled);
        reject(error);
        stopping = true;
        return;
      }
      denied++;
      next();
    };
    for (let i = 0; i < inFlight; i++) issue();
  });
}
