import type { Page } from '../listing';

/**
 * The boundary to the C++ addon: what it exports, in TypeScript's words. `binary.ts` loads it.
 * Everything here is internal; the public API builds promises, objects and errors on top of it.
 */

/** What one rule asks of the core. All numbers are integers. */
export interface NativeRule {
  /** Written in front of every subject: `ratelimit:`. Ignored by the in-process store, which has one prefix. */
  prefix: string;
  /** The part of the key behind the subject, `{<prefix><subject>}:<part>`; empty: the key is `<prefix><subject>`. */
  part: string;
  algorithm: 'fixed-window' | 'sliding-window' | 'sliding-log' | 'token-bucket';
  /** Units admitted (a token bucket: refilled) per window, 0 or more. */
  limit: number;
  /** A token bucket's capacity; ignored by the others. */
  burst: number;
  /** Counts and reports, never denies. */
  shadow: boolean;
  /** Nobody's limit: health's own. Redis only. */
  probe: boolean;
  windowMs: number;
  /** The deadline of a check under this rule; Redis only. */
  timeoutMs: number;
}

/** How TLS is spoken; texts are PEM, empty where nothing is given. */
export interface NativeTls {
  enabled: boolean;
  ca: string;
  cert: string;
  key: string;
  servername: string;
  verify: boolean;
}

export const NO_TLS: NativeTls = {
  enabled: false,
  ca: '',
  cert: '',
  key: '',
  servername: '',
  verify: true,
};

export interface NativeRedisConfig {
  /** `single`: a server, or one node of a cluster, which is recognized; `alone`: a server, whatever it says. */
  kind: 'single' | 'alone' | 'sentinel' | 'cluster';
  /** The server; the sentinels; or the nodes of a cluster to ask first. A `path` that is not empty is a unix socket's. */
  nodes: { host: string; port: number; path: string }[];
  username: string;
  password: string;
  db: number;
  tls: NativeTls;
  /** CLIENT SETNAME; empty: not sent. */
  clientName: string;
  connectTimeoutMs: number;
  /** Of each node. */
  breaker: { failures: number; openMs: number; factor: number; maxOpenMs: number };
  /** Sentinel only, as what follows. */
  masterName: string;
  sentinelUsername: string;
  sentinelPassword: string;
  sentinelTls: NativeTls;
}

export interface NativeMemoryConfig {
  prefix: string;
  /** Upper bound of entries held; beyond it expired entries leave first, then those closest to their end. */
  maxKeys: number;
}

/**
 * What a submitting call answers at once. `Pending`: the slot's result comes with a later batch.
 * `Ready`: it already stands in the batch's first record (in-process store). Negative: refused, nothing was sent.
 */
export const Submit = {
  Pending: 0,
  Ready: 1,
  NotAString: -1,
  Empty: -2,
  TooLong: -3,
  LoneSurrogate: -4,
  BadNumber: -5,
  Closed: -6,
} as const;

export interface NativeStats {
  /** In-process store: entries held. Redis: 0. */
  keys: number;
  /** Checks waiting for their answer. */
  pending: number;
  connected: boolean;
  /** Milliseconds since the present connection was made; -1 without one. */
  connectedForMs: number;
  /** Connections lost and dials failed, since the store was made. */
  reconnects: number;
  timeouts: number;
  /** Redis: commands written for calls, and in how many goes. */
  commands: number;
  roundTrips: number;
  /** Text of the last failure, without secrets; empty when there was none. */
  lastError: string;
  /** Why checks are not counted at the moment, the address in front: `10.0.0.1:6379: OOM ...`; empty where they are. */
  trouble: string;
  /** Calls that met a key that holds what is not ours. */
  foreign: number;
  /** `7.0.15`, or empty while unknown. */
  serverVersion: string;
  /** Of the node that fares worst: 0 closed, 1 open, 2 half-open. */
  breakerState: number;
  breakerFailures: number;
  nextAttemptInMs: number;
  breakerAddress: string;
}

export interface NativeHandle {
  /** Registers the rules of a check and answers the set's number. Throws RangeError for what cannot be held. */
  addRules(rules: NativeRule[]): number;
  /** Nobody asks under this number any more; calls on their way go on. `addRules` may give it to another set. */
  releaseRules(set: number): void;
  // In the calls below `subjects` is the subject of all rules of the set, or an array with one for each. An answered call
  // brings a record for each rule, in order, directly behind each other; any other ending brings one.
  /** The hot call: charge `units` to all rules, or nothing to any. */
  check(set: number, subjects: string | string[], units: number, slot: number): number;
  /** Reads what `check` would see; charges nothing. */
  peek(set: number, subjects: string | string[], units: number, slot: number): number;
  /** Charges `units` also where they do not fit. */
  penalize(set: number, subjects: string | string[], units: number, slot: number): number;
  /** Gives units back to the charges with these marks. One record, whose `Used` is how many rules took them. */
  refund(set: number, subjects: string | string[], units: number, marks: number[], slot: number): number;
  /** Denies for `ms`; then the keys start afresh. One record. */
  block(set: number, subjects: string | string[], ms: number, slot: number): number;
  /** Forgets exactly the keys of the set. One record, whose `Used` is how many there were. */
  reset(set: number, subjects: string | string[], slot: number): number;
  /**
   * Reads one page of the counts of the rule with this prefix and part; answered through `onPage`. `cursor` is `''` for
   * the first page. `match` is a glob over the subject, `*` for all; `pageSize` is a hint. `namesOnly`: the keys of a rule
   * whose states are no counts; then counts and ends are 0.
   */
  list(
    prefix: string,
    part: string,
    cursor: string,
    match: string,
    pageSize: number,
    namesOnly: boolean,
    slot: number,
  ): number;
  /**
   * Sends a command that is no check to the node that has `key`; Redis only. Answered through `onPage`: its `keys` are the
   * texts of the reply, with a count of 0 where one is nil. `source`: of the script, where the command is EVALSHA.
   */
  ask(
    command: readonly string[],
    source: string,
    key: string,
    timeoutMs: number,
    keepsProcess: boolean,
    slot: number,
  ): number;
  /**
   * Whether `trouble` of `stats()` is empty. Asking connects, and charges health's own key, that of `subject` under the one rule of
   * the set, where what is known is bad or old: at most once in 500 ms and server.
   */
  healthy(set: number, subject: string): boolean;
  stats(): NativeStats;
  /** Settles everything that waits (`Closed`) and frees the connections. Idempotent; later calls answer `Closed`. */
  close(): void;
}

export interface NativeCallbacks {
  /** The records of finished slots; the core fills it, `onBatch` reads it. Its length is a multiple of RECORD_LENGTH. */
  batch: Float64Array;
  /** `count` records stand in `batch`. */
  onBatch(count: number): void;
  /** A listing page, or null and the failure's ending. */
  onPage(slot: number, status: number, page: Page | null): void;
  /** `kind` is one of `StoreEvent`. Address and reason hold no secret, no user name and no key. Behind the batches of its turn. */
  onEvent(kind: number, address: string, reason: string): void;
}

/** What `step` is asked; the numbers are those of the core. */
export const StepOp = { Charge: 0, Peek: 1, Force: 2, Refund: 3, Block: 4 } as const;

/** Of each rule, where `step` reads it in `numbers`. */
export const StepIn = {
  /** The place in ALGORITHMS. */
  Algorithm: 0,
  Limit: 1,
  WindowMs: 2,
  Burst: 3,
  Shadow: 4,
  Mark: 5,
} as const;
/** And where it writes what came of it. The first seven are those of a record, and mean nothing after a refund or a block. */
export const StepOut = {
  Allowed: 0,
  Remaining: 1,
  ResetInMs: 2,
  RetryAfterMs: 3,
  Used: 4,
  Mark: 5,
  Blocked: 6,
  /** 1 where another state stands in `states`. */
  Changed: 7,
  ExpiresInMs: 8,
} as const;
export const STEP_LENGTH = 9;

/** The machine of src/domain/breaker.h, in memory that JavaScript holds. Times are whole milliseconds of a monotonic clock. */
export interface NativeBreaker {
  make(failures: number, openMs: number, factor: number, maxOpenMs: number): ArrayBuffer;
  /** The generation of a call that may be made, or 0. */
  enter(breaker: ArrayBuffer, nowMs: number): number;
  succeed(breaker: ArrayBuffer, generation: number): void;
  fail(breaker: ArrayBuffer, generation: number, askedMs: number, nowMs: number): void;
  reset(breaker: ArrayBuffer): void;
  read(breaker: ArrayBuffer): [state: number, failures: number, nextAttemptMs: number, generation: number];
}

export interface NativeAddon {
  breaker: NativeBreaker;
  /**
   * Decides one call on states that the caller keeps, all of its rules or none; pure but for its last two arguments, which it
   * reads and writes. An empty state is none. Answers how many states there are, or the place of the first text that is no
   * state, and then nothing was done. Throws RangeError for what no step is taken by.
   */
  step(op: number, units: number, nowMs: number, numbers: Float64Array, states: string[]): number;
  openRedis(config: NativeRedisConfig, callbacks: NativeCallbacks): NativeHandle;
  openMemory(config: NativeMemoryConfig, callbacks: NativeCallbacks): NativeHandle;
}
