/** Every fault of a file of SQLite, one at a time, under load. */
import { play } from './play';
import { SQLITE_FAULTS } from './sqlite-faults';
import { SqlitePlace } from './sqlite-place';
import { SEED } from './seed';

let place: SqlitePlace;
beforeAll(() => {
  place = new SqlitePlace();
});
afterAll(() => place.close());

test.each(SQLITE_FAULTS.map((fault) => [fault.name, fault] as const))(
  '%s',
  async (name, fault) => {
    const again = `SPILLWAY_SEED=${SEED} npm test -- --jest sqlite-faults -t '${name}'`;
    await play(place, [fault], SEED, again);
  },
  120_000,
);
