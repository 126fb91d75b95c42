/** Every fault of a Redis behind sentinels, one at a time, under load. */
import { SENTINEL_FAULTS } from './sentinel-faults';
import { SentinelPlace } from './sentinel-place';
import { play } from './play';
import { SEED } from './seed';

let place: SentinelPlace;
beforeAll(async () => {
  place = await SentinelPlace.start();
}, 60_000);
afterAll(() => place.close());

test.each(SENTINEL_FAULTS.map((fault) => [fault.name, fault] as const))(
  '%s',
  async (name, fault) => {
    const again = `SPILLWAY_SEED=${SEED} npm test -- --jest sentinel-faults -t '${name}'`;
    await play(place, [fault], SEED, again);
  },
  120_000,
);
