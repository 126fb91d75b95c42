import { channel } from 'node:diagnostics_channel';
import type { RateLimitRequest } from '../rules/identity';
import type { Decision } from '../decision/types';
import type { BreakerState } from './breaker-state';

/** What the channel `spillway:decision` publishes for every check, after its answer. */
export interface DecisionMessage {
  readonly decision: Decision;
  /** Undefined where a key was checked. */
  readonly request: RateLimitRequest | undefined;
}

/** What the channel `spillway:state` publishes. */
export interface StateMessage {
  /**
   * `away`: calls are decided without the store, or without this node of it. `counting`: they are counted again.
   * `breaker`: the breaker of the store, or of this node, has another state. `moved`: another store of a failover is in use.
   */
  readonly state: 'away' | 'counting' | 'breaker' | 'moved';
  readonly store: string;
  /** `host:port`, or the path of a socket; empty where it is not one server's. */
  readonly address: string;
  /** Without secrets, user names and ids; of `away` and `moved` only. */
  readonly reason: string;
  /** Checks that were decided without the store since it went away. */
  readonly uncounted: number;
  /** As it is now; of Redis, that of the node that fares worst. */
  readonly breaker: BreakerState;
}

/** As much of Node.js's channel as is used here: whoever compiles against this package need not have its types. */
interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

export const decisionChannel: Channel = channel('spillway:decision');
export const stateChannel: Channel = channel('spillway:state');
