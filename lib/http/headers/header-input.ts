/** What one rule said, as far as headers tell it. The items of `Decision.rules` are such, and may say more. */
export interface HeaderRule {
  /** The rule's id, which is the name of its policy. */
  readonly rule: string;
  readonly allowed: boolean;
  /** What `remaining` counts down from. */
  readonly limit: number;
  readonly remaining: number;
  /** In milliseconds since the epoch. */
  readonly resetTime: number;
  /** In whole seconds; 0 when allowed. */
  readonly retryAfter: number;
  readonly algorithm: string;
  readonly windowMs?: number;
  /** Units that a token bucket gains per window; default: its `limit`. */
  readonly requests?: number;
  /** Whom the rule counts: `ip`, `user` and so on. */
  readonly scope?: string;
  /** The text under which it counts; headers give its hash only. */
  readonly subject?: string;
  /** A rule that is only tried out, of which clients are told nothing. */
  readonly shadow?: boolean;
}

/** A decision as far as headers tell it; every `Decision` is one. */
export interface HeaderDecision {
  readonly allowed: boolean;
  /** In whole seconds; 0 when allowed. */
  readonly retryAfter: number;
  /** Id of the rule in front. */
  readonly rule: string;
  readonly rules: readonly HeaderRule[];
}
