import { SentinelSet } from '../support/sentinel';
import type { Place } from './play';

/** A master, two replicas and three sentinels. */
export class SentinelPlace implements Place {
  readonly store = 'redis';
  readonly perSecond = 100;
  readonly nowhere = { kind: 'redis', options: 'redis://127.0.0.1:1' };

  private constructor(readonly set: SentinelSet) {}

  static async start(): Promise<SentinelPlace> {
    return new SentinelPlace(await SentinelSet.start());
  }

  get given() {
    return { kind: 'redis', options: this.set.redis };
  }

  direct() {
    return { redis: this.set.redis };
  }

  close(): Promise<void> {
    return this.set.close();
  }
}
