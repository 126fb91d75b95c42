import type { FleetOptions } from '../fleet/analytics';
import type { FleetView } from '../fleet/view';
import type { AccessList } from '../rules/access';
import type { RateLimitRequest } from '../rules/identity';
import type { SubjectId } from '../rules/named';
import type { RequestRule } from '../rules/request-rule';
import type { Plan as PlanRules } from '../rules/plan';
import type { Change, Who } from '../rules/change';
import type { SharedRules } from '../fleet/types';
import type { CheckOptions, Decision, Reason } from '../decision/types';
import type { DeniedSubject, RuleCounts } from '../telemetry/counters';
import type { Described } from './describe';
import type {
  Health,
  HealthOptions,
  KeyPage,
  ListedKey,
  ListOptions,
  PageOptions,
  Stats,
} from '../stores/types';

/** What all limiters do. Every promise rejects with a `RateLimitError`, or with what a function of the rules throws. */
export interface LimiterBase {
  /** Who is never limited, always denied, or has limits of their own. What is changed holds from the next check on. */
  readonly access: AccessList;
  /**
   * Gives back what a decision was charged, or a part of it, where it is still counted in the same window, sub-window
   * or entries; a token bucket takes nothing back once it could have been full since. A decision is given back once.
   * @param decision the very object that a check or a penalty of this limiter gave, no copy
   * @param units default: all that was charged
   * @returns true where a rule took units back; false where nothing was charged or it is too late
   * @throws RateLimitError `ERR_INVALID_OPTION`, `ERR_CLOSED`, `ERR_UNAVAILABLE` (it may have been given back)
   */
  refund(decision: Decision, units?: number): Promise<boolean>;
  /**
   * Charges more units to whom a decision counted, under its rules, also where they do not fit: after a wrong
   * password, say. Otherwise as `penalize` with a key.
   */
  penalize(decision: Decision, units?: number): Promise<Decision>;
  /**
   * Denies a subject for so long under every rule of this limiter; then it starts afresh. What is unlimited stays so.
   * An address is blocked with all that is counted with it, of IPv6 its network.
   * @param ms 1 to ten years
   * @param who for the audit, see `onChange`
   * @throws RateLimitError `ERR_INVALID_KEY`, also for whom no rule of this limiter could ever count;
   *   `ERR_INVALID_OPTION`, `ERR_CLOSED`, `ERR_UNAVAILABLE`
   */
  block(subject: SubjectId, ms: number, who?: Who): Promise<void>;
  /**
   * Forgets what was counted for a subject under all plans and rules of this limiter, or one of them, blocks included.
   * @param subject as in `block`
   * @returns true when something had been counted
   * @throws RateLimitError `ERR_INVALID_KEY`, `ERR_INVALID_OPTION`, `ERR_CLOSED`, `ERR_UNAVAILABLE` (nothing is known to be
   *   forgotten)
   */
  reset(subject: SubjectId, options?: ResetOptions): Promise<boolean>;
  /**
   * What is counted for one subject: an item for each rule, or plans that share a count, that has counted it or blocks it.
   * Asks for these keys alone, unlike `list`, and counts nothing.
   * @param subject as in `block`
   * @throws RateLimitError `ERR_INVALID_KEY`, `ERR_INVALID_OPTION`, `ERR_CLOSED`, `ERR_UNAVAILABLE`
   */
  status(subject: SubjectId, options?: ResetOptions): Promise<ListedKey[]>;
  /**
   * Puts other rules for requests in place of those there are, from the next check on. Counts go on where ids stay.
   * @throws RateLimitError `ERR_INVALID_OPTION`, also where an override names a rule that leaves; then all stay as they were
   */
  setRules(rules: readonly RequestRule[], who?: Who): void;
  /** The headers of a decision, in the format of the option `headers`; see `rateLimitHeaders`. */
  headers(decision: Decision): Record<string, string>;
  /**
   * Goes through what every rule of this limiter counts, rule by rule, page by page and in no order; in Redis on a
   * connection of its own. Keys that come or go meanwhile may be missed. Memory stays bounded however many keys there are;
   * Redis may repeat a key while its table shrinks, and repetitions among the last 50,000 keys are left out. Each rule
   * takes Redis a walk through all of its keys: with millions of them name the `rule`.
   * @throws RateLimitError `ERR_INVALID_OPTION`, `ERR_CLOSED`, `ERR_UNAVAILABLE`, `ERR_UNSUPPORTED`
   */
  list(options?: ListOptions): AsyncIterableIterator<ListedKey>;
  /**
   * One page of `list`, for routes that are asked for the next one later, in whatever process: about `pageSize` items, at
   * least one unless it is the last. Keys may be repeated across pages, as Redis repeats them.
   * @throws RateLimitError as `list`
   */
  page(options?: PageOptions): Promise<KeyPage>;
  /** What is limited now: plans, rate and rules with their numbers, and how many subjects are treated apart. No secrets. */
  describe(): Described;
  /**
   * Runs a real check on a probe key, which no key of yours can be and no listing shows.
   * @throws RateLimitError `ERR_CLOSED`; Redis being away is `healthy: false`
   */
  health(options?: HealthOptions): Promise<Health>;
  /**
   * What all processes of the prefix counted, up to 10 s ago. Needs `analytics: true`.
   * @throws RateLimitError `ERR_INVALID_OPTION`, `ERR_UNAVAILABLE`
   */
  fleet(options?: FleetOptions): Promise<FleetView>;
  /**
   * The last hundred changes that somebody put a name to (`by`): resets, blocks, overrides, plans, rules. Newest first, of all
   * processes of the prefix where the store keeps more than counts (see `fleet`), else of this one.
   * @throws RateLimitError `ERR_UNAVAILABLE`
   */
  changes(): Promise<readonly Change[]>;
  /** The option `sharedRules`. */
  readonly sharedRules: SharedRules | undefined;
  /** What this limiter and its store have counted since they were made. Asks nothing of Redis and connects nothing. */
  stats(): LimiterStats;
  /**
   * Whom rules of this limiter denied most in this process, those with the highest counts in front. At most 1,000 are
   * counted at a time: of n denials in all, no `error` is above n / 1,000, and whoever has more than that is listed.
   * @param most 1 to 1,000, default 100
   * @throws RateLimitError `ERR_INVALID_OPTION`
   */
  topDenied(most?: number): DeniedSubject[];
  /**
   * Gives the connection back; the last limiter that shares it closes it. What still waits is then decided by
   * `failureMode`; later calls reject with `ERR_CLOSED`. Closing twice is closing once. Resolves when what was still to be
   * written, with `analytics` the last counts, is in the store, or was given up.
   */
  close(): Promise<void>;
}

/** What `stats` answers: of the store, whose figures limiters with equal connections share, and of this limiter alone. */
export interface LimiterStats extends Stats {
  /** Checks by what their decisions say. */
  decisions: Record<Reason, number>;
  /** By rule, and by who decided; each is there from its first check on. */
  rules: RuleCounts[];
}

/** What `reset` and `status` may be told besides. */
export interface ResetOptions extends Who {
  /** Id of the one rule whose count is meant. Plans that share a count forget it together. */
  rule?: string;
}

/** A limiter with rules for requests only: `createRateLimiter({ rules })`. */
export interface RequestLimiter extends LimiterBase {
  /**
   * Charges a request to all rules that match it and to its plan or the limiter's one rate, or to none of them where
   * one denies: one round trip. While Redis is away the policy `failureMode` of the rules answers; one that says `closed`
   * denies for all.
   * @throws RateLimitError `ERR_UNKNOWN_PLAN`, also where there are plans and no rules and the request names no plan;
   *   `ERR_INVALID_KEY` for an id that cannot be counted; `ERR_INVALID_OPTION`; `ERR_CLOSED`; what a function of the
   *   rules throws
   */
  checkRequest(request: RateLimitRequest & { plan?: undefined }): Promise<Decision>;
  /** What `checkRequest` would decide now, without charging anything. Same errors as `checkRequest`. */
  peekRequest(request: RateLimitRequest & { plan?: undefined }): Promise<Decision>;
}

/** A limiter with plans: `createRateLimiter({ plans })`. */
export interface PlanLimiter<Plan extends string> extends LimiterBase {
  /**
   * Charges `cost` units to a key under all rules of the plan, or nothing where they do not fit one of them. Lists and
   * overrides take the key for an organization's id, whatever it looks like. While
   * Redis is away the policy `failureMode` answers within the deadline; the promise does not reject for that.
   * @throws RateLimitError `ERR_UNKNOWN_PLAN`, `ERR_INVALID_KEY`, `ERR_INVALID_OPTION`, `ERR_CLOSED`
   */
  check(key: string, plan: Plan, options?: CheckOptions): Promise<Decision>;
  /** What `check` would decide now, without charging anything. Same errors as `check`. */
  peek(key: string, plan: Plan, options?: CheckOptions): Promise<Decision>;
  penalize(decision: Decision, units?: number): Promise<Decision>;
  /**
   * Charges units to a key also where they do not fit. The decision says where the key stands then, and `allowed`
   * whether they had fitted. A blocked key is charged nothing. Same errors as `check`.
   * @param units default 1
   */
  penalize(key: string, plan: Plan, units?: number): Promise<Decision>;
  /** Whether a name, such as one of a database, is one of the plans: `if (limiter.hasPlan(name)) limiter.check(key, name)`. */
  hasPlan(name: unknown): name is Plan;
  /** As in `RequestLimiter`. */
  checkRequest(request: RateLimitRequest & { plan?: Plan }): Promise<Decision>;
  /** As in `RequestLimiter`. */
  peekRequest(request: RateLimitRequest & { plan?: Plan }): Promise<Decision>;
  /**
   * Puts other plans in place of those there are, from the next check on. Counts go on: what was consumed stays
   * consumed.
   * @throws RateLimitError `ERR_INVALID_OPTION`; then all plans stay as they were
   */
  setPlans(plans: { readonly [Name in Plan]: PlanRules }, who?: Who): void;
}

/** A limiter with one rate: `createRateLimiter({ rate })`. */
export interface RateLimiter extends RequestLimiter {
  /**
   * Charges `cost` units of the limit to a key, or nothing when they do not fit. While Redis is away the policy
   * `failureMode` answers within the deadline; the promise does not reject for that.
   * @throws RateLimitError `ERR_INVALID_KEY`, `ERR_INVALID_OPTION`, `ERR_CLOSED`
   */
  check(key: string, options?: CheckOptions): Promise<Decision>;
  /** What `check` would decide now, without charging anything. Same errors as `check`. */
  peek(key: string, options?: CheckOptions): Promise<Decision>;
  penalize(decision: Decision, units?: number): Promise<Decision>;
  /** As in `PlanLimiter`. */
  penalize(key: string, units?: number): Promise<Decision>;
}

/** A limiter whose options are known at run time only, such as those of `loadRules`. */
export interface AnyLimiter extends PlanLimiter<string> {
  check(key: string, plan?: string, options?: CheckOptions): Promise<Decision>;
  peek(key: string, plan?: string, options?: CheckOptions): Promise<Decision>;
  penalize(decision: Decision, units?: number): Promise<Decision>;
  penalize(key: string, plan?: string, units?: number): Promise<Decision>;
}

/** The limiter that `createRateLimiter` makes of these plans and this rate. */
export type LimiterFor<Plan extends string, One> = string extends Plan
  ? AnyLimiter
  : [Plan] extends [never]
    ? [One] extends [never]
      ? RequestLimiter
      : RateLimiter
    : PlanLimiter<Plan>;
