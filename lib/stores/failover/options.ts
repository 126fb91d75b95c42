import { invalidOption, shown } from '../../base/errors';
import { readInteger, refuseUnknown, requireObject } from '../../base/validate';
import { STRATEGIES, type Strategy } from './pick';

/** How several stores are used as one. */
export interface FailoverOptions {
  /**
   * `first-healthy`: all keys are counted in the first store that is healthy. `round-robin`: each key has one of those that
   * are, and keeps it while it is healthy; then all rules of a check have to count the same identity. Default
   * `first-healthy`.
   */
  strategy?: Strategy;
  /** How each store is asked whether it counts, beside the requests. */
  probe?: {
    /** From one probe to the next, in milliseconds: 1 to 2^31-1. Default 30,000. */
    intervalMs?: number;
    /** How long an answer may take, in milliseconds: 1 to 2^31-1. Default 5,000. */
    timeoutMs?: number;
  };
}

export interface FailoverSettings {
  readonly strategy: Strategy;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

const MAX_MS = 2 ** 31 - 1;

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function readFailover(options: unknown): FailoverSettings {
  requireObject(options, 'The options of failoverStore');
  refuseUnknown(options, ['strategy', 'probe'], '');
  const { strategy: given = 'first-healthy', probe = {} } = options as Record<string, unknown>;
  const strategy = STRATEGIES.find((one) => one === given);
  if (strategy === undefined) {
    throw invalidOption(`strategy must be one of ${STRATEGIES.join(', ')}, not ${shown(given)}.`);
  }
  requireObject(probe, 'probe');
  refuseUnknown(probe, ['intervalMs', 'timeoutMs'], 'probe.');
  const { intervalMs, timeoutMs } = probe as Record<string, unknown>;
  return {
    strategy,
    intervalMs: readInteger(intervalMs, 'probe.intervalMs', 30_000, 1, MAX_MS),
    timeoutMs: readInteger(timeoutMs, 'probe.timeoutMs', 5_000, 1, MAX_MS),
  };
}
