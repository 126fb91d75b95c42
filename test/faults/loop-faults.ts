import type { Fault, Place } from './play';
import { repeated } from './wire-faults';

/** What an application does to itself: again and again it keeps its event loop from running for so many ms. */
export const blockedLoops = <P extends Place>(): Fault<P>[] =>
  [300, 2_000].map((blockedMs) =>
    repeated<P>(
      `an event loop that is blocked for ${blockedMs} ms`,
      blockedMs * 1.5,
      (_place, _turn, tell) => tell(`block ${blockedMs}`),
      { ms: Math.max(2_000, blockedMs * 2) },
    ),
  );
