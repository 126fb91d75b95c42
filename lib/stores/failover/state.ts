import { Status } from '../../decision/status';
import { ALWAYS_CLOSED } from '../../telemetry/breaker-state';
import type { Log } from '../../telemetry/logger';
import { StoreState, type Meanwhile } from '../../telemetry/store-state';
import type { Member } from './member';

/** What is said of several stores: of each by itself, of the one in use, and of all when none is left. */
export class FailoverState extends StoreState {
  constructor(private readonly members: readonly Member[]) {
    super({
      name: 'The failover',
      source: 'failover',
      trouble: () => (members.some(({ up }) => up) ? '' : 'none of its stores does'),
      breaker: () => ALWAYS_CLOSED,
    });
  }

  override listen(log: Log, meanwhile: Meanwhile): () => void {
    const stops = [
      super.listen(log, meanwhile),
      ...this.members.map(({ state }) => state.listen(log, 'next')),
    ];
    // Nobody asks a store that cannot be opened.
    for (const { store, state } of this.members) if (store === undefined) state.missed(Status.Refused, false);
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** Another store is in use. */
  moved(from: Member, to: Member): void {
    const why = to.index < from.index ? 'which counts again' : `because ${from.name} does not count`;
    this.announce(`counting in ${to.name} now, ${why}`);
  }
}
