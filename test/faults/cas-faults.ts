import type { CasPlace } from './cas-place';
import type { Fault } from './play';
import { networkFaults } from './wire-faults';

type CasFault = Fault<CasPlace>;

/** A breaker that is open looks again each second. */
const RECOVERS_MS = 2_500;

/** The others are about how a client reads, which is its author's here. */
const OF_NETWORK = /blackhole|refused|cut|late/;

/** What a store that can only compare and set, its network and its author do to those who ask it. */
export const CAS_FAULTS: readonly CasFault[] = [
  {
    name: 'SIGSTOP',
    ...{ away: true, recoversMs: RECOVERS_MS },
    begin(place) {
      place.signal('SIGSTOP');
      return () => place.signal('SIGCONT');
    },
  },
  {
    name: 'kill -9, and started again with nothing in it',
    ...{ away: true, forgets: 'begins', recoversMs: RECOVERS_MS },
    async begin(place) {
      await place.kill();
      return () => place.start();
    },
  },
  ...networkFaults<CasPlace>(6_000, RECOVERS_MS).filter(({ name }) => OF_NETWORK.test(name)),
  ...(
    [
      ['read-only', /^read-only$/],
      ['strange', /answered .*neither/],
    ] as const
  ).map(([as, says]): CasFault => ({
    name: `answers that are ${as}`,
    ...{ away: true, says, recoversMs: RECOVERS_MS },
    async begin({ source }) {
      await source.become(as);
      return () => source.become('usual');
    },
  })),
];
