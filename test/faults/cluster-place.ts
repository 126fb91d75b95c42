import { RedisCluster } from '../support/cluster';
import type { RedisServer } from '../support/redis';
import type { Place } from './play';

/** Three masters with a replica each. */
export class ClusterPlace implements Place {
  readonly store = 'redis';
  readonly perSecond = 100;
  readonly nowhere = { kind: 'redis', options: 'redis://127.0.0.1:1' };

  private constructor(readonly cluster: RedisCluster) {}

  static async start(): Promise<ClusterPlace> {
    return new ClusterPlace(await RedisCluster.start());
  }

  get given() {
    return { kind: 'redis', options: this.cluster.redis };
  }

  direct() {
    return { redis: this.cluster.redis };
  }

  async aMaster(): Promise<RedisServer> {
    return (await this.cluster.masters())[0]!;
  }

  close(): Promise<void> {
    return this.cluster.close();
  }
}
