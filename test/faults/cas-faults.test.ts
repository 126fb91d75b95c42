/** Every fault of a store that can only compare and set, one at a time, under load. */
import { CAS_FAULTS } from './cas-faults';
import { CasPlace } from './cas-place';
import { play } from './play';
import { SEED } from './seed';

let place: CasPlace;
beforeAll(async () => {
  place = await CasPlace.start();
});
afterAll(() => place.close());

test.each(CAS_FAULTS.map((fault) => [fault.name, fault] as const))(
  '%s',
  async (name, fault) => {
    const again = `SPILLWAY_SEED=${SEED} npm test -- --jest cas-faults -t '${name}'`;
    await play(place, [fault], SEED, again);
  },
  120_000,
);
