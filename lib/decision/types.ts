import type { NodeResponse } from '../http/response';
import type { Algorithm } from '../rules/algorithm';
import type { FailureMode } from '../rules/failure-mode';
import type { Scope } from '../rules/identity';

/** The public shapes of results. Times are integers: milliseconds since the epoch unless a name ends in `Ms`. */

/**
 * Why a decision came out as it did.
 *
 * - `ok`: counted and admitted.
 * - `limit`: the limit is used up.
 * - `blocked`: by `block`.
 * - `never-fits`: the cost is above what the rule holds, so no wait helps.
 * - `bypass`: by `bypass` of the limiter or the allow list: nothing is counted.
 * - `unlimited`: no rule limits it.
 * - `denied`: by the deny list.
 * - `unidentified`: a rule cannot tell whom to count, and its `missing` says `deny`.
 * - `unavailable`: the store gave no answer, and `failureMode` decided.
 * - `disabled`: limits are switched off by `RATELIMIT_ENABLE`.
 */
export type Reason =
  | 'ok'
  | 'limit'
  | 'blocked'
  | 'never-fits'
  | 'bypass'
  | 'unlimited'
  | 'denied'
  | 'unidentified'
  | 'unavailable'
  | 'disabled';

/**
 * The store that answered: the shared Redis, this process's own table, or a custom store by its name. `none`: no store was
 * asked, or none answered.
 */
export type Source = 'redis' | 'memory' | 'none' | (string & {});

/** What one rule said in a decision. */
export interface RuleResult {
  /** The rule's id: of a plan's first rule the plan's name, and `rate` for a limiter with one rate. */
  rule: string;
  /** Whether this rule alone admits. */
  allowed: boolean;
  /** What `remaining` counts down from: the units that can be had at once, of a token bucket its `burst`. */
  limit: number;
  /** Units left after this check, 0 to `limit`. */
  remaining: number;
  /** When all of it is there again, or the window ends, in milliseconds since the epoch by this process's clock. */
  resetTime: number;
  /** Whole seconds to wait, rounded up, at least 1; 0 when allowed. */
  retryAfter: number;
  algorithm: Algorithm;
  /** The rate: units admitted per window, which a token bucket gains in that time. */
  requests: number;
  windowMs: number;
  /** The kind of identity that a request was counted by; undefined where a key was given. */
  scope: Scope | undefined;
  /** The text under which it counts; see `subjectOf`. */
  subject: string;
  /** True for a rule that is only tried out. */
  shadow: boolean;
  /** True from the rule's `nearLimit` on. False where no store answered. */
  nearLimit: boolean;
}

/**
 * The answer to a check. The most constraining rule is in front: of those that deny the one with the longest wait, else
 * the one with the smallest part left. Rules that are only tried out stand behind all others. A copy (`{ ...decision }`,
 * JSON) has the fields up to `source` and none of what can be done with them.
 */
export type Decision = AdmittedDecision | DeniedDecision;

/** What every decision has. */
export interface DecisionFields {
  readonly allowed: boolean;
  readonly reason: Reason;
  /**
   * What `remaining` counts down from, of the rule in front: the units that can be had at once. Where no rule limits,
   * both are `Number.MAX_SAFE_INTEGER`.
   */
  readonly limit: number;
  /** Units left after this check under the rule in front, 0 to `limit`. */
  readonly remaining: number;
  /** When all of it is there again, or the window ends, in milliseconds since the epoch by this process's clock. */
  readonly resetTime: number;
  /** `retryAfterMs` in seconds, rounded up; 0 when allowed. */
  readonly retryAfter: number;
  /**
   * The wait in milliseconds after which a lone client is admitted; 0 when allowed. With `never-fits` no wait
   * helps: it is then the whole window, so that a client that waits all the same asks rarely.
   */
  readonly retryAfterMs: number;
  /** True where a rule that can deny is used up to its `nearLimit`, by default 80 %. False where no store answered. */
  readonly nearLimit: boolean;
  /** Id of the rule in front; empty where no rule decided. */
  readonly rule: string;
  /** What every rule said, in their order; empty where nothing was counted. */
  readonly rules: RuleResult[];
  readonly source: Source;
  /** The headers that tell a client where it stands, in the limiter's format; see `rateLimitHeaders`. */
  readonly headers: Record<string, string>;
  /**
   * The response with the headers or, where the request is denied, what `toResponse` says in its place, as an object
   * of the same class. A response whose headers cannot be changed is copied.
   */
  applyTo<T extends Response>(response: T): T;
  /**
   * Sets the headers on a response of Node.js (`pages/api`, Express); where the request is denied, also answers it. One
   * that was sent already stays as it is.
   * @returns `allowed`
   */
  applyToNodeResponse(response: NodeResponse): boolean;
}

export interface AdmittedDecision extends DecisionFields {
  readonly allowed: true;
  /** Only a denied request has a response of its own: ask `allowed` first. A call throws. */
  readonly toResponse?: undefined;
}

export interface DeniedDecision extends DecisionFields {
  readonly allowed: false;
  /**
   * What a denied request is answered: its headers and the JSON body `{ error, message, retryAfter }`, under status
   * 429, or 503 where the store gave no answer and `failureMode` is `closed`.
   */
  toResponse(): Response;
}

/** The drop-in's answer to a check. */
export interface RateLimitResult {
  allowed: boolean;
  /** Units left in the window after this check, 0 to `limit`. */
  remaining: number;
  /** When the window ends, in milliseconds since the epoch. */
  resetTime: number;
  /** Units admitted per window; `Number.MAX_SAFE_INTEGER` where the plan is unlimited. */
  limit: number;
}

/** The drop-in's answer to a look that counts nothing. */
export interface RateLimitStatus {
  /** Units left in the window, 0 to `limit`. */
  remaining: number;
  /** When the window ends, in milliseconds since the epoch; one window from now where none is running. */
  resetTime: number;
  /** Units admitted per window; `Number.MAX_SAFE_INTEGER` where the plan is unlimited. */
  limit: number;
  /** Units counted in the window. */
  used: number;
}

/** Options of one check. */
export interface CheckOptions {
  /** Units to charge, all or nothing: an integer, 1 to 2^53-1. Default 1. */
  cost?: number;
  /** What is answered for this check while the store is away, in place of what its rules say. */
  failureMode?: FailureMode;
}
