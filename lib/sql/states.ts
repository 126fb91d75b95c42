import { stepAll, stepBlock, stepRefund, type Kept } from '../stores/step';
import type { Answer, Call, CallItem } from './calls';

type Written = Pick<Kept, 'state' | 'expiresInMs'>;

/** Decides calls one after the other on the states of keys, which the caller reads before and writes after, in one transaction. */
export class States {
  /** What has to be written; a state of null: the key is to be forgotten. */
  readonly written = new Map<string, Written>();

  /** @param read states that mean something still at `nowMs`, by key */
  constructor(
    private readonly read: ReadonlyMap<string, string>,
    private readonly nowMs: number,
  ) {}

  /**
   * Writes all of the call, or, where it throws, nothing.
   * @throws RateLimitError `ERR_INVALID_OPTION`: what was read is no state
   */
  take({ mode, units, items }: Call): Answer {
    const { nowMs } = this;
    switch (mode) {
      case 'reset': {
        const there = items.filter(({ key }) => this.of(key) !== null);
        // What has ended, too: a clock that goes back would find it again.
        for (const { key } of items) this.written.set(key, { state: null, expiresInMs: 0 });
        return there.length;
      }
      case 'block':
        for (const { key } of items) this.written.set(key, stepBlock(units, nowMs));
        return items.length;
      case 'refund': {
        const steps = items.map(({ key, rule, mark = 0 }) =>
          stepRefund(rule, this.of(key), units, mark, nowMs),
        );
        this.write(items, steps);
        return steps.filter(({ changed }) => changed).length;
      }
      case 'peek':
      case 'charge':
      case 'force': {
        const given = items.map(({ key, rule }) => ({ rule, state: this.of(key) }));
        const steps = stepAll({ mode, units, items: given }, nowMs);
        this.write(items, steps);
        return steps.map(({ outcome }) => outcome);
      }
    }
  }

  private write(items: readonly CallItem[], steps: readonly Kept[]): void {
    steps.forEach((step, i) => {
      if (step.changed) this.written.set(items[i]!.key, step);
    });
  }

  private of(key: string): string | null {
    const written = this.written.get(key);
    return written === undefined ? (this.read.get(key) ?? null) : written.state;
  }
}
