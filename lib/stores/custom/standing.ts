import { Status } from '../../decision/status';
import { Histogram } from '../../telemetry/histogram';
import { StoreState } from '../../telemetry/store-state';
import { Breaker } from '../breaker';
import type { BreakerSettings } from '../breaker-options';
import type { Stats } from '../types';

type AnyStatus = (typeof Status)[keyof typeof Status];

/** A call that may be made: what its end is judged by. */
export interface Leave {
  /** Of the breaker; 0: the call is not to be made. */
  readonly generation: number;
  /** By `performance.now()`. */
  readonly askedMs: number;
  /** A check, whose latency counts. */
  readonly isTimed: boolean;
}

/** Whether a store of one's own counts, by what became of its calls. */
export class CustomStanding {
  readonly state: StoreState;
  private readonly breaker: Breaker;
  /** Why calls are not counted at the moment; empty where they are. */
  private trouble = '';
  private lastError: string | null = null;
  private lastOutcomeMs = -Infinity;
  private timeouts = 0;
  private roundTrips = 0;
  private readonly latency = new Histogram();

  constructor(
    private readonly source: string,
    settings: BreakerSettings,
  ) {
    this.breaker = new Breaker(settings, (state) => this.state.breakerChanged('', state));
    this.state = new StoreState({
      name: `The store '${source}'`,
      source,
      trouble: () => this.trouble,
      breaker: () => this.breaker.state,
    });
  }

  /** Asks for leave to make a call; health's own is made in any case. */
  enter(isProbe: boolean, isTimed = false): Leave {
    const generation = isProbe ? this.breaker.beside() : this.breaker.enter();
    if (generation !== 0) this.roundTrips++;
    return { generation, askedMs: performance.now(), isTimed };
  }

  succeed(leave: Leave): void {
    this.breaker.succeed(leave.generation);
    this.trouble = '';
    this.ended(leave);
    if (this.state.away) this.state.answered();
  }

  /** @param reason empty: it did not answer in time */
  fail(status: AnyStatus, reason: string, isCheck: boolean, leave: Leave): void {
    const { generation, askedMs } = leave;
    if (status === Status.TimedOut) this.timeouts++;
    if (status === Status.TimedOut || status === Status.Refused) this.breaker.fail(generation, askedMs);
    if (status !== Status.Closed && status !== Status.BreakerOpen) {
      this.trouble = reason === '' ? 'no answer in time' : reason;
      this.lastError = this.trouble;
      this.ended(leave);
    }
    this.state.missed(status, isCheck);
  }

  private ended({ askedMs, isTimed }: Leave): void {
    this.lastOutcomeMs = performance.now();
    if (isTimed) this.latency.record((this.lastOutcomeMs - askedMs) * 1_000);
  }

  /** Why it does not count, empty where it does; and how long ago it said so, in ms. */
  now(): { trouble: string; ageMs: number } {
    return { trouble: this.trouble, ageMs: performance.now() - this.lastOutcomeMs };
  }

  stats(pending: number): Stats {
    return {
      store: this.source,
      keys: 0,
      pending,
      connected: this.trouble === '' && this.lastOutcomeMs > -Infinity,
      reconnects: 0,
      timeouts: this.timeouts,
      commands: 0,
      roundTrips: this.roundTrips,
      latency: this.latency.read(),
      lastError: this.lastError,
      foreign: 0,
      serverVersion: null,
      breaker: this.breaker.state,
    };
  }
}
