import type { Fault } from './play';
import type { SentinelPlace } from './sentinel-place';

type SentinelFault = Fault<SentinelPlace>;

/** A master counts as lost after a second, then another is voted for and told. */
const PROMOTION_MS = 8_000;

/** What happens to a Redis behind sentinels. Replication is asynchronous, so a replica may lack the last charges. */
export const SENTINEL_FAULTS: readonly SentinelFault[] = [
  {
    name: 'a master that is killed, and comes back as a replica',
    ...{ forgets: 'begins', ms: 1_500, recoversMs: PROMOTION_MS },
    async begin({ set }) {
      const master = await set.master();
      await master.kill();
      return async () => {
        await set.promoted(master);
        await master.start();
      };
    },
  },
  {
    name: 'a master that is stopped, replaced, and goes on',
    // It may take charges before it is told that it was replaced.
    ...{ forgets: 'begins and ends', ms: 1_500, recoversMs: PROMOTION_MS },
    async begin({ set }) {
      const master = await set.master();
      master.freeze();
      return async () => {
        await set.promoted(master);
        master.thaw();
      };
    },
  },
  {
    name: 'SENTINEL FAILOVER',
    ...{ forgets: 'begins', ms: 500, recoversMs: PROMOTION_MS },
    async begin({ set }) {
      const master = await set.master();
      await set.sentinels[0]!.command('SENTINEL', 'FAILOVER', 'mymaster');
      return () => set.promoted(master);
    },
  },
  {
    name: 'all sentinels away, the master there',
    async begin({ set }) {
      await Promise.all(set.sentinels.map((sentinel) => sentinel.kill()));
      return () => Promise.all(set.sentinels.map((sentinel) => sentinel.start()));
    },
  },
];
