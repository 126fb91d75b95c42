import type { FaultyWire, WireFault } from '../support/faulty-wire';
import { delay } from '../support/wait';
import type { Fault, Place } from './play';

export type Wired = Place & { readonly wire: FaultyWire };
type More<P extends Place> = Partial<Fault<P>>;

export const wireFault = <P extends Wired>(name: string, fault: WireFault, more: More<P> = {}): Fault<P> => ({
  name,
  begin({ wire }) {
    wire.become(fault);
    return () => wire.mend();
  },
  ...more,
});

/** Does it again and again, so many ms apart. */
export const repeated = <P extends Place>(
  name: string,
  everyMs: number,
  act: (place: P, turn: number, tell: (line: string) => void) => unknown,
  { end, ...more }: More<P> & { end?: (place: P) => unknown } = {},
): Fault<P> => ({
  name,
  begin(place, _ms, tell) {
    let going = true;
    const over = (async () => {
      for (let turn = 0; going; turn++) {
        await act(place, turn, tell);
        await delay(everyMs);
      }
    })();
    return async () => {
      going = false;
      await over;
      await end?.(place);
    };
  },
  ...more,
});

/**
 * What a network does, whatever the server is.
 * @param recoversMs a lost connection is replaced within it
 */
export const networkFaults = <P extends Wired>(flappingMs: number, recoversMs?: number): Fault<P>[] => [
  wireFault('a blackhole both ways', { kind: 'blackhole' }, { away: true, ms: 3_000, recoversMs }),
  wireFault(
    'silence from the first byte of a new connection on',
    { kind: 'mute' },
    { away: true, recoversMs },
  ),
  wireFault(
    'a reader of ten bytes a second',
    { kind: 'deaf', bytesPerSecond: 10 },
    { away: true, recoversMs },
  ),
  wireFault('connections that are refused', { kind: 'refuse' }, { away: true, recoversMs }),
  wireFault('connections that are cut at each byte', { kind: 'cut', fromByte: 0 }, { ms: 5_000, recoversMs }),
  wireFault('replies 100 ms late', { kind: 'slow', ms: 100 }),
  wireFault('replies 400 ms late, beyond the deadline', { kind: 'slow', ms: 400 }, { recoversMs }),
  wireFault('replies byte by byte', { kind: 'trickle', everyMs: 1 }, { recoversMs }),
  wireFault('replies at a byte in 200 ms', { kind: 'trickle', everyMs: 200 }, { away: true, recoversMs }),
  repeated(
    `flapping every 300 ms for ${flappingMs / 1_000} s`,
    300,
    ({ wire }, turn) => wire.become({ kind: turn % 2 === 0 ? 'refuse' : 'none' }),
    { ms: flappingMs, recoversMs, end: ({ wire }) => wire.mend() },
  ),
];
