import type { CasSource } from 'spillway/store';
import { random } from './sequences';

/** A map that answers at turns drawn at random, so that who reads and who writes meet in any order. */
export class RacingMap implements CasSource {
  readonly name: string = 'map';
  readonly kept = new Map<string, string>();
  nowMs = 1_716_000_000_123;
  writes = 0;
  lost = 0;
  private readonly next: (below: number) => number;

  /** @param turns the most that an answer takes */
  constructor(
    seed: number,
    private readonly turns = 4,
  ) {
    this.next = random(seed);
  }

  now(): number {
    return this.nowMs;
  }

  async read(key: string): Promise<string | undefined> {
    await this.pass();
    const text = this.kept.get(key);
    await this.pass();
    return text;
  }

  async compareAndSet(key: string, was: string | undefined, is: string | undefined): Promise<boolean> {
    await this.pass();
    const same = this.kept.get(key) === was;
    if (same && is === undefined) this.kept.delete(key);
    else if (same) this.kept.set(key, is!);
    this.writes++;
    if (!same) this.lost++;
    await this.pass();
    return same;
  }

  async scan({ startsWith, cursor, pageSize }: { startsWith: string; cursor: string; pageSize: number }) {
    await this.pass();
    const keys = [...this.kept.keys()].filter((key) => key > cursor && key.startsWith(startsWith)).sort();
    const page = keys.slice(0, pageSize);
    return { cursor: keys.length > page.length ? page.at(-1)! : '', keys: page };
  }

  private async pass(): Promise<void> {
    for (let left = this.next(this.turns); left > 0; left--) await new Promise(setImmediate);
  }
}
