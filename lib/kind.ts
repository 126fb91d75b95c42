import type { Decision, RateLimitResult, RateLimitStatus } from './types';

/** What a waiting slot wants built from its records. A small integer, so that a check carries no closure for it. */
export const Kind = { Result: 0, Decision: 1, Status: 2, Outcome: 3, Look: 4, Penalty: 5 } as const;

/**
 * What each kind is built into. A look is a decision that charged nothing, a penalty one that charged in any case. An
 * outcome is one number, or the negative of the ending when unanswered.
 */
export interface Built {
  [Kind.Result]: RateLimitResult;
  [Kind.Decision]: Decision;
  [Kind.Status]: RateLimitStatus;
  [Kind.Outcome]: number;
  [Kind.Look]: Decision;
  [Kind.Penalty]: Decision;
}
export type KindOf = keyof Built;
