import type { SweepSettings } from './options';
import type { Statements } from './statements';
import type { Ask, Done } from './transaction';

/** Lets ended rows leave beside charges: a table grows by charges alone, so they pay for its upkeep. */
export class Sweep {
  private charges = 0;
  /** The key behind which to go on. */
  private after: string | undefined;
  private running = false;

  /** @param transact does some work in a transaction */
  constructor(
    private readonly settings: SweepSettings,
    private readonly statements: Statements,
    private readonly transact: (work: (ask: Ask) => Promise<Done<void>>) => Promise<void>,
  ) {}

  /** @param key one of those charged: there the first sweep begins, so processes begin in different places */
  charged(many: number, key: string): void {
    this.charges += many;
    if (this.charges < this.settings.everyCharges || this.running) return;
    this.charges = 0;
    this.running = true;
    this.after ??= key;
    void this.run().finally(() => (this.running = false));
  }

  private async run(): Promise<void> {
    try {
      await this.transact((ask) => this.part(ask));
    } catch {
      // Whatever it was, checks meet it as well and say so; what has ended is in nobody's way.
    }
  }

  /** Looks at so many rows and locks none but those that leave; it waits for nobody. */
  private async part(ask: Ask): Promise<Done<void>> {
    const { statements, settings, after = '' } = this;
    const [edge] = await keysOf(ask, [statements.edge(after, settings.rows)]);
    const ended = await keysOf(ask, [statements.ended(after, settings.rows)]);
    const held = await keysOf(ask, statements.lockEnded(ended));
    for (const sql of statements.delete(held)) await ask(sql);
    this.after = edge ?? '';
    return { value: undefined, wrote: held.length > 0 };
  }
}

async function keysOf(ask: Ask, all: readonly string[]): Promise<string[]> {
  const keys: string[] = [];
  for (const sql of all) for (const [key] of await ask(sql)) keys.push(key!.toString('hex'));
  return keys;
}
