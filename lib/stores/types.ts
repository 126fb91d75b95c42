import type { Source } from '../decision/types';
import type { Scope } from '../rules/identity';
import type { BreakerState } from '../telemetry/breaker-state';
import type { Latency } from '../telemetry/histogram';

/** What stores tell of themselves and of what they hold. Times are in milliseconds since the epoch. */

/** What is stored for one key. */
export interface RateLimitEntry {
  /** Units counted in the window. */
  count: number;
  /** When the window ends, in milliseconds since the epoch. */
  resetTime: number;
}

/** One item of a listing: what one rule counts for one subject. */
export interface ListedKey extends RateLimitEntry {
  /** Who is counted, without kind and encoding: `org-123`, `203.0.113.9`. Of an API key its hash. */
  key: string;
  /** The kind: of what `check` counted by a key, `organization`, unless the key begins like another kind. */
  scope: Scope;
  /** Key and kind, as `reset` and `block` take them. */
  subject: string;
  /** Id of the rule that counts. Plans that share a count: those of all of them, in the order of the plans. */
  rule: string;
  /** What can be counted at most; undefined where plans of different limits share the count. */
  limit: number | undefined;
  /** True while `block` holds; then nothing is counted, and `resetTime` is its end. */
  blocked: boolean;
}

/** Counters of the store. Limiters with equal connections share one store, and so these figures. */
export interface Stats {
  /** `redis`, `memory`, or the name of a custom store. */
  store: Source;
  /** In-process store: keys held. Redis: 0. */
  keys: number;
  /** Calls waiting for their answer. */
  pending: number;
  /**
   * Redis: whether a connection is up; to a cluster: whether every slot has a master and one is up to each. In-process
   * store: true once it is in use.
   */
  connected: boolean;
  /** Connections lost and dials failed. */
  reconnects: number;
  /** Calls that the deadline ended. */
  timeouts: number;
  /** Redis: commands written. Others: 0. */
  commands: number;
  /** Redis: writes of a turn of the event loop to a server, many commands in one. Custom store: its calls. In process: 0. */
  roundTrips: number;
  /** How long checks took from when they were sent off, unanswered ones included. In process nothing is timed. */
  latency: Latency;
  /** Text of the last failure, without secrets; null when there was none. */
  lastError: string | null;
  /** Calls that met a key that holds what spillway did not write; `failureMode` decided them. */
  foreign: number;
  /** Such as `7.0.15`; null while unknown. */
  serverVersion: string | null;
  /** Whether the store is asked, or its failures answered without it. */
  breaker: BreakerState;
  /** With `failoverStore`: each of its stores, in their order; the figures beside it are those of the store in use. */
  stores?: StoreStatus[];
  /** With `sharedRules`: how things stand with them in this process. */
  sharedRules?: SharedRulesStatus;
}

/** How things stand with the rules that a fleet shares, in this process. */
export interface SharedRulesStatus {
  /** Of the rules that were read last; empty: there were none. */
  readonly version: string;
  /** Whether the store answered the last time that it was asked. */
  readonly current: boolean;
  /** Why rules of the version that was read last, or the next ones, are not in use; null: they are. */
  readonly error: string | null;
}

/** One of the stores of a failover. */
export interface StoreStatus {
  store: Source;
  /** Whether calls go to it. */
  inUse: boolean;
  /** In `stats()`: whether calls may go to it. In `health()`: whether it answered the probe. */
  healthy: boolean;
  breaker: BreakerState;
  /** Text of the last failure, without secrets; null when there was none. */
  lastError: string | null;
  /** In `health()`: how long its probe took, in milliseconds; null when it was not answered. */
  latencyMs?: number | null;
}

/** The outcome of a real check on a probe key, with what is known about the connection. */
export interface Health extends Stats {
  /** True when the probe was answered by the store within the deadline, and no reply of any server is overdue. */
  healthy: boolean;
  /** False under `RATELIMIT_ENABLE=false`: everything is admitted and nothing is probed. */
  enabled: boolean;
  /** How long the probe took, in milliseconds; null when it was not answered. */
  latencyMs: number | null;
  /** When the present connection (to a cluster: the latest) was made, in ms since the epoch; null without one. */
  connectedSince: number | null;
  /** Since when this process knows that nothing is counted, in ms since the epoch; null where it is, or nothing was asked before. */
  awaySince: number | null;
  /** With `memory: true`: what the Redis server says; null where it does not, and of other stores. */
  memory?: ServerMemory | null;
}

/** What `health` may be told. */
export interface HealthOptions {
  /** Also ask the server for its memory, in two commands more; default false. */
  memory?: boolean;
}

/** What a Redis server says of its memory; of a cluster, one of its nodes. */
export interface ServerMemory {
  /** Its `maxmemory-policy`. */
  policy: string;
  /** Its `maxmemory`; 0: none. */
  limitBytes: number;
  usedBytes: number;
  /** Keys that it dropped for want of memory since it was started. */
  evictedKeys: number;
  /** Whether it may drop keys that still count, which then start afresh. */
  mayDropCounts: boolean;
}

/** Options of a listing. */
export interface ListOptions {
  /** A glob over `key`: `*` any text, `?` one character, `[ab]` one of these. Default `*`. */
  match?: string;
  /** Only subjects of this kind. */
  kind?: Scope;
  /** Only what this rule counts. Default: all rules, one after the other. */
  rule?: string;
  /** Keys asked for in one step, a hint: 1 to 100,000. Default 30. */
  pageSize?: number;
}

/** Options of one page of a listing. */
export interface PageOptions extends ListOptions {
  /** Where the page before ended; the other options have to be the same. Default: the first page. */
  cursor?: string;
}

/** A page of a listing, for whoever goes on later or elsewhere. */
export interface KeyPage {
  items: ListedKey[];
  /** Where the next page begins, as the option `cursor`; empty: this was the last. */
  cursor: string;
}
