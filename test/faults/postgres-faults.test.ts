/** Every fault of a PostgreSQL, one at a time, under load. */
import { play } from './play';
import { POSTGRES_FAULTS } from './postgres-faults';
import { PostgresPlace } from './postgres-place';
import { SEED } from './seed';

let place: PostgresPlace;
beforeAll(async () => {
  place = await PostgresPlace.start();
}, 60_000);
afterAll(() => place.close());

test.each(POSTGRES_FAULTS.map((fault) => [fault.name, fault] as const))(
  '%s',
  async (name, fault) => {
    const again = `SPILLWAY_SEED=${SEED} npm test -- --jest postgres-faults -t '${name}'`;
    await play(place, [fault], SEED, again);
  },
  120_000,
);
