import type { SweepSettings } from './options';

/** Lets ended rows leave beside charges: a table grows by charges alone, so they pay for its upkeep. */
export class Sweep {
  private charges = 0;
  /** The block to go on with; -1: anywhere, so that processes begin in different places. */
  private from = -1;
  private running = false;

  /** @param send asks the function, and gives its answer */
  constructor(
    private readonly settings: SweepSettings,
    private readonly send: (values: string[]) => Promise<unknown>,
  ) {}

  charged(many: number): void {
    this.charges += many;
    if (this.charges < this.settings.everyCharges || this.running) return;
    this.charges = 0;
    this.running = true;
    void this.run().finally(() => (this.running = false));
  }

  private async run(): Promise<void> {
    try {
      const answer = await this.send([`${this.from}`, `${this.settings.blocks}`]);
      const [, next = -1] = String(answer).slice(1, -1).split(',').map(Number);
      this.from = Number.isSafeInteger(next) ? next : -1;
    } catch {
      // Whatever it was, checks meet it as well and say so; what has ended is in nobody's way.
    }
  }
}
