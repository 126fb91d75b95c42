import { Status } from '../../decision/status';
import { ALWAYS_CLOSED, type BreakerState } from '../../telemetry/breaker-state';
import type { StoreState } from '../../telemetry/store-state';
import { Breaker } from '../breaker';
import { readBreaker } from '../breaker-options';
import type { Probe, Store, HeldStore } from '../store';
import type { StoreStatus } from '../types';

/** One of the stores of a failover, and whether calls go to it. */
export class Member {
  /** False from the failures that open a breaker, or a bad probe, until a good probe. */
  up: boolean;
  /** Undefined: it cannot be opened, and is away for ever. */
  readonly store: Store | undefined;
  readonly state: StoreState;
  /** Counts misses also where the store's own breaker was told to bear more of them. */
  private readonly breaker = new Breaker(readBreaker(undefined, 'breaker'), () => {});
  private probe: Probe | undefined;
  private probing = false;

  /**
   * @param changed called when it goes away, and when it is back
   * @param found called when it can be reached again: time for a probe
   */
  constructor(
    readonly index: number,
    readonly name: string,
    private readonly reference: HeldStore,
    private readonly changed: () => void,
    private readonly found: (member: Member) => void,
  ) {
    this.store = reference.store;
    this.state = reference.state;
    this.up = this.store !== undefined;
    this.state.onReach.add(this.reached);
  }

  /** For a call that starts: what its end has to bring back. */
  get generation(): number {
    return this.breaker.beside();
  }

  /** A call ended. */
  ended(status: number, generation: number, askedMs: number): void {
    switch (status) {
      case Status.Answered:
      case Status.Foreign:
        this.breaker.succeed(generation);
        return;
      case Status.TimedOut:
      case Status.Disconnected:
      case Status.Refused:
        this.breaker.fail(generation, askedMs);
        if (this.breaker.state.state !== 'closed') this.turn(false);
        return;
      case Status.BreakerOpen:
        this.turn(false);
    }
  }

  /** Asks it beside the requests whether it counts, one question at a time. */
  ask(prefix: string, timeoutMs: number): void {
    if (this.store === undefined || this.probing) return;
    this.probing = true;
    this.probe ??= this.store.probe(prefix, timeoutMs);
    void this.probe
      .run()
      .then(({ healthy }) => this.turn(healthy))
      .finally(() => (this.probing = false));
  }

  /** A probe was answered: calls go to it again. */
  turn(up: boolean): void {
    if (up) this.breaker.reset();
    if (this.up === up) return;
    this.up = up;
    this.changed();
  }

  status(inUse: boolean): StoreStatus {
    const { breaker, lastError } = this.store?.stats() ?? { breaker: ALWAYS_CLOSED, lastError: null };
    return {
      store: this.reference.source,
      inUse,
      healthy: this.up,
      breaker: this.worse(breaker),
      lastError: this.reference.failure?.message ?? lastError,
    };
  }

  /** Nobody has to wait for a server that refuses, or that refuses us. */
  private readonly reached = (is: boolean): void => {
    if (!is && this.store?.stats().connected === false) this.turn(false);
    if (is && !this.up) this.found(this);
  };

  release(): void {
    this.state.onReach.delete(this.reached);
    this.reference.release();
  }

  private worse(ofStore: BreakerState): BreakerState {
    return ofStore.state === 'closed' ? this.breaker.state : ofStore;
  }
}
