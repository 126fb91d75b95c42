import type { RedisServer } from '../support/redis';
import { delay, until } from '../support/wait';
import type { ClusterPlace } from './cluster-place';
import type { End, Fault } from './play';
import { repeated } from './wire-faults';

type ClusterFault = Fault<ClusterPlace>;

/** A master counts as lost after a second, and its replica is voted for. */
const PROMOTION_MS = 6_000;
/** Dials begin at most two seconds apart. */
const DIALS_MS = 2_500;

const idOf = (node: RedisServer) => node.command('CLUSTER', 'MYID');

/** The keys that are charged most: their masters forget them, and send on whoever asks for one. */
async function sendOn(
  { cluster }: ClusterPlace,
  state: 'NODE' | 'MIGRATING',
  to: (from: RedisServer) => RedisServer,
): Promise<End> {
  const ends: End[] = [];
  for (const from of await cluster.masters()) {
    for (const key of (await from.command('KEYS', '*all')) as string[]) {
      const slot = Number(await from.command('CLUSTER', 'KEYSLOT', key));
      const where = String(await idOf(to(from)));
      await until('it sends on', async () => {
        // A slot with keys stays, and further ones come all the time.
        const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
        await from.command('MULTI');
        if (keys.length > 0) await from.command('DEL', ...keys);
        await from.command('CLUSTER', 'SETSLOT', slot, state, where);
        await from.command('EXEC');
        return from.command('GET', key).then(
          () => false,
          (error: Error) => error.message.includes(state === 'NODE' ? 'MOVED' : 'ASK'),
        );
      });
      ends.push(async () => from.command('CLUSTER', 'SETSLOT', slot, 'NODE', String(await idOf(from))));
    }
  }
  expect(ends).not.toHaveLength(0);
  return async () => {
    for (const end of ends) await end();
    await cluster.settled();
  };
}

/** They are sent on to a node that has gone. */
const sentToNobody = (
  name: string,
  state: 'NODE' | 'MIGRATING',
  go: (node: RedisServer) => unknown,
  comeBack: (node: RedisServer) => unknown,
): ClusterFault => ({
  name,
  ...{ forgets: 'begins', recoversMs: DIALS_MS },
  async begin(place) {
    const { cluster } = place;
    const nobody = await cluster.add();
    // Asked while it can still say who it is.
    const end = await sendOn(place, state, () => nobody);
    await go(nobody);
    return async () => {
      await comeBack(nobody);
      await end();
      await cluster.remove(nobody);
    };
  },
});

/** What happens to a cluster while it is asked. Replication is asynchronous, so a replica may lack the last charges. */
export const CLUSTER_FAULTS: readonly ClusterFault[] = [
  {
    name: 'a master that is killed, and comes back as a replica',
    ...{ forgets: 'begins', ms: 4_000, recoversMs: PROMOTION_MS },
    async begin(place) {
      const master = await place.aMaster();
      await master.kill();
      return async () => {
        await master.start();
        await place.cluster.settled();
      };
    },
  },
  {
    name: 'a master that is stopped, replaced, and goes on',
    // It may take charges before it hears that it was replaced.
    ...{ forgets: 'begins and ends', ms: 4_000, recoversMs: PROMOTION_MS },
    async begin(place) {
      const master = await place.aMaster();
      master.freeze();
      return async () => {
        master.thaw();
        await place.cluster.settled();
      };
    },
  },
  {
    name: 'a failover in order',
    forgets: 'begins',
    async begin(place) {
      const masters = await place.cluster.masters();
      const replica = place.cluster.nodes.find((node) => !masters.includes(node))!;
      await replica.command('CLUSTER', 'FAILOVER');
      return () => place.cluster.settled();
    },
  },
  {
    name: 'slots that move to another master',
    async begin(place) {
      const [from, to] = await place.cluster.masters();
      await place.cluster.move(300, from!, to!);
      return () => place.cluster.move(300, to!, from!);
    },
  },
  {
    name: 'slots that move while no server has a script',
    async begin(place) {
      const [from, to] = await place.cluster.masters();
      let going = true;
      const flushing = (async () => {
        while (going) {
          for (const node of [from!, to!]) await node.command('SCRIPT', 'FLUSH');
          await delay(10);
        }
      })();
      await place.cluster.move(300, from!, to!);
      return async () => {
        await place.cluster.move(300, to!, from!);
        going = false;
        await flushing;
      };
    },
  },
  {
    name: 'two masters that each name the other: MOVED in a circle',
    forgets: 'begins',
    async begin(place) {
      const masters = await place.cluster.masters();
      return sendOn(place, 'NODE', (from) => masters.find((other) => other !== from)!);
    },
  },
  sentToNobody(
    'MOVED to where nobody listens',
    'NODE',
    (node) => node.kill(),
    (node) => node.start(),
  ),
  sentToNobody(
    'ASK to a black hole',
    'MIGRATING',
    (node) => node.freeze(),
    (node) => node.thaw(),
  ),
  repeated(
    'connections killed every 100 ms',
    100,
    async (place) => {
      for (const node of await place.cluster.masters())
        await node.command('CLIENT', 'KILL', 'TYPE', 'normal');
    },
    { recoversMs: 2_500 },
  ),
];
