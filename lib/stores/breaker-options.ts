import { invalidOption, shown } from '../base/errors';
import { readInteger, refuseUnknown } from '../base/validate';

/**
 * When a store that fails is no longer asked. After `failures` in a row calls are answered by the failure mode at once;
 * after `openMs` one call may try, and each try that fails makes the next pause `factor` times as long.
 */
export interface BreakerOptions {
  /** Failures in a row: 1 to 1,000,000. Default 5. Calls that time out together are one failure. */
  failures?: number;
  /** The first pause, in milliseconds: 1 to 2^31-1. Default 1,000. */
  openMs?: number;
  /** 1 to 1,000. Default 2. */
  factor?: number;
  /** The longest pause, in milliseconds: `openMs` to 2^31-1. Default 30,000, of Redis 2,000. */
  maxOpenMs?: number;
}

export type BreakerSettings = Required<BreakerOptions>;

const MAX_MS = 2 ** 31 - 1;

/** Redis is dialled every two seconds, and tried as often. */
export const REDIS_MAX_OPEN_MS = 2_000;

/** Reads the option `breaker`. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readBreaker(value: unknown, name: string, maxOpenMs = 30_000): BreakerSettings {
  const given = value ?? {};
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw invalidOption(
      `${name} must be an object such as { failures: 5, openMs: 1000 }, not ${shown(value)}.`,
    );
  }
  refuseUnknown(given, ['failures', 'openMs', 'factor', 'maxOpenMs'], `${name}.`);
  const options = given as Record<string, unknown>;
  const openMs = readInteger(options['openMs'], `${name}.openMs`, 1_000, 1, MAX_MS);
  return {
    failures: readInteger(options['failures'], `${name}.failures`, 5, 1, 1_000_000),
    openMs,
    factor: readInteger(options['factor'], `${name}.factor`, 2, 1, 1_000),
    maxOpenMs: readInteger(
      options['maxOpenMs'],
      `${name}.maxOpenMs`,
      Math.max(openMs, maxOpenMs),
      openMs,
      MAX_MS,
    ),
  };
}
