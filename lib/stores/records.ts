/** How a store hands over what it decided: records of numbers, one for each rule of a call. */

/** Layout of one record of a batch, in doubles. */
export const RecordField = {
  Slot: 0,
  Status: 1,
  /** 1 admitted, 0 denied. */
  Allowed: 2,
  /** Microseconds from when it was sent off to its end; negative where it was answered at once or never sent. */
  TookUs: 3,
  Remaining: 4,
  /** Milliseconds until the window ends, never negative; the full window where none is running. */
  ResetInMs: 5,
  /** 0 when admitted; else the wait after which a lone client is admitted; -1: it never fits (cost over the limit). */
  RetryAfterMs: 6,
  /** Units counted in the window after this call. */
  Used: 7,
  /** What a refund of this charge needs to find it again. */
  Mark: 8,
  /** 1 while the key is blocked. */
  Blocked: 9,
} as const;
export const RECORD_LENGTH = 10;
