import type { Probe } from '../store';
import type { Health } from '../types';
import type { Member } from './member';

/** What a probe knows of its failover. */
interface Probed {
  readonly members: readonly Member[];
  /** The store that calls go to, or went to last; by key, one of them. */
  readonly used: Member;
  /** Whether calls go to it. */
  isInUse(member: Member): boolean;
}

/** Whether one of several stores counts, and how each of them is. */
export class FailoverProbe implements Probe {
  private readonly probes: readonly (Probe | undefined)[];

  constructor(
    private readonly failover: Probed,
    prefix: string,
    timeoutMs: number,
  ) {
    this.probes = failover.members.map(({ store }) => store?.probe(prefix, timeoutMs));
  }

  /** Asks all of them: whoever stands by is connected by it. */
  isHealthy(): boolean {
    return this.failover.members
      .map(({ store, up }, i) => {
        // The table in this process is never away, and has nothing to be asked for.
        const counts = store?.source === 'memory' || this.probes[i]?.isHealthy() === true;
        return up && counts;
      })
      .includes(true);
  }

  async run(): Promise<Omit<Health, 'enabled' | 'awaySince'>> {
    const healths = await Promise.all(this.probes.map(async (probe) => probe?.run()));
    const { members } = this.failover;
    // A bad one ends no use: the deadline of a limiter is much shorter than that of the failover's own probes.
    healths.forEach((health, i) => health?.healthy === true && members[i]!.turn(true));
    const stores = members.map((member, i) => {
      const { healthy = false, latencyMs = null } = healths[i] ?? {};
      return { ...member.status(this.failover.isInUse(member)), healthy, latencyMs };
    });
    return { ...healths[this.failover.used.index]!, healthy: stores.some(({ healthy }) => healthy), stores };
  }
}
