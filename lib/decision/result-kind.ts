import type { Decision, RateLimitResult, RateLimitStatus } from './types';

/** What a waiting slot wants built from its records. A small integer, so that a check carries no closure for it. */
export const ResultKind = {
  Result: 0,
  Decision: 1,
  Status: 2,
  Outcome: 3,
  Look: 4,
  Penalty: 5,
  Reading: 6,
} as const;

/**
 * What each kind is built into. A look is a decision that charged nothing, a penalty one that charged in any case. An
 * outcome is one number, or the negative of the status when unanswered. A reading is what one rule's key holds, for a
 * listing, or the negative of the status.
 */
export interface Built {
  [ResultKind.Result]: RateLimitResult;
  [ResultKind.Decision]: Decision;
  [ResultKind.Status]: RateLimitStatus;
  [ResultKind.Outcome]: number;
  [ResultKind.Look]: Decision;
  [ResultKind.Penalty]: Decision;
  [ResultKind.Reading]: Reading | number;
}
/** What a key holds. */
export interface Reading {
  readonly used: number;
  readonly resetInMs: number;
  readonly blocked: boolean;
}

export type AnyResultKind = keyof Built;
