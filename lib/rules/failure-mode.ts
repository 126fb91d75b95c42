import { invalidOption, shown } from '../base/errors';

/**
 * What is answered when the store gives no answer in time: `open` admits, `closed` denies, `memory` counts in this process
 * for as long.
 */
export type FailureMode = (typeof FAILURE_MODES)[number];

export const FAILURE_MODES = ['open', 'closed', 'memory'] as const;

/** Reads what is answered while the store is away. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readFailureMode(
  value: unknown,
  name = 'failureMode',
  otherwise: FailureMode = 'open',
): FailureMode {
  if (value === undefined) return otherwise;
  const mode = FAILURE_MODES.find((one) => one === value);
  if (mode !== undefined) return mode;
  throw invalidOption(`${name} must be 'open', 'closed' or 'memory', not ${shown(value)}.`);
}
