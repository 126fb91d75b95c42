/** Every fault of a cluster, one at a time, under load. */
import { CLUSTER_FAULTS } from './cluster-faults';
import { ClusterPlace } from './cluster-place';
import { play } from './play';
import { SEED } from './seed';

let place: ClusterPlace;
beforeAll(async () => {
  place = await ClusterPlace.start();
}, 60_000);
afterAll(() => place.close());

test.each(CLUSTER_FAULTS.map((fault) => [fault.name, fault] as const))(
  '%s',
  async (name, fault) => {
    const again = `SPILLWAY_SEED=${SEED} npm test -- --jest cluster-faults -t '${name}'`;
    await play(place, [fault], SEED, again);
  },
  120_000,
);
