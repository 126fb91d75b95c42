/** Every fault of a MariaDB, one at a time, under load. */
import { play } from './play';
import { MYSQL_FAULTS } from './mysql-faults';
import { MysqlPlace } from './mysql-place';
import { SEED } from './seed';

let place: MysqlPlace;
beforeAll(async () => {
  place = await MysqlPlace.start();
}, 60_000);
afterAll(() => place.close());

test.each(MYSQL_FAULTS.map((fault) => [fault.name, fault] as const))(
  '%s',
  async (name, fault) => {
    const again = `SPILLWAY_SEED=${SEED} npm test -- --jest mysql-faults -t '${name}'`;
    await play(place, [fault], SEED, again);
  },
  120_000,
);
