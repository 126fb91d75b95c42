import { invalidOption, shown } from '../base/errors';
import { UNLIMITED, type Rate, type Unlimited } from './rate';
import { readRate } from './read-rate';
import { ALGORITHMS, type Algorithm } from './algorithm';
import { isIntegerIn } from '../base/validate';

/** How much is admitted, and how it is counted: the numbers that the core takes. */
export interface Quota {
  readonly algorithm: Algorithm;
  /** Units admitted per window; what a token bucket gains in that time. */
  readonly limit: number;
  readonly windowMs: number;
  /** Capacity of a token bucket; with any other algorithm the same as `limit`. */
  readonly burst: number;
}

/** The most units per window of a sliding log. */
const MAX_LOG_LIMIT = 10_000;

/** How a rate is counted. */
export interface QuotaOptions {
  rate: Rate;
  /** Default: the limiter's, which is `fixed-window` unless it says otherwise. */
  algorithm?: Algorithm;
  /** Capacity of a `token-bucket`, 1 to 2^53-1; default: the requests of the rate. */
  burst?: number;
}

/** What holds where a rule says nothing. */
export interface QuotaDefaults {
  readonly algorithm: Algorithm;
  readonly burst?: number;
}

/**
 * Reads rate, algorithm and burst. `where` names the place of these fields, empty at the top, and `ratePlace` that of
 * the rate where it stands for itself.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function readQuota(
  given: { rate?: unknown; algorithm?: unknown; burst?: unknown },
  defaults: QuotaDefaults,
  where: string,
  ratePlace = place(where, 'rate'),
): Quota | Unlimited {
  const rate = readRate(given.rate, ratePlace);
  const algorithm = readAlgorithm(given.algorithm, place(where, 'algorithm'), defaults.algorithm);
  const burst = readBurst(given.burst, algorithm, place(where, 'burst'));
  if (rate === UNLIMITED) {
    if (burst === undefined) return UNLIMITED;
    throw invalidOption(`${place(where, 'burst')}: what is unlimited has no burst.`);
  }
  const { requests: limit, windowMs } = rate;
  const quota = { algorithm, limit, windowMs, burst: limit };
  if (algorithm === 'token-bucket' && limit > 0) quota.burst = burst ?? defaults.burst ?? limit;
  // A bucket that never refills would still admit what it starts with.
  else if (burst !== undefined) {
    throw invalidOption(`${place(where, 'burst')}: a rate of 0 denies everything, so it has no burst.`);
  }
  refuseTooLarge(quota, ratePlace);
  return quota;
}

/** The most units per window that can be counted exactly. */
function mostUnits({ algorithm, windowMs }: Pick<Quota, 'algorithm' | 'windowMs'>): number {
  if (algorithm === 'sliding-log') return MAX_LOG_LIMIT;
  return algorithm === 'token-bucket'
    ? Math.floor(Number.MAX_SAFE_INTEGER / windowMs)
    : Number.MAX_SAFE_INTEGER;
}

/** So many times as much, in whole units, as far as it can be counted. */
export function multiplied(quota: Quota, times: number): Quota {
  const most = mostUnits(quota);
  const scaled = (units: number) =>
    units === 0 ? 0 : Math.min(most, Math.max(1, Math.round(units * times)));
  return { ...quota, limit: scaled(quota.limit), burst: scaled(quota.burst) };
}

/** The core refuses the same; here it is known which rule it is. Every number in between has to be exact. */
export function refuseTooLarge({ algorithm, limit, windowMs, burst }: Quota, where: string): void {
  const most = mostUnits({ algorithm, windowMs });
  if (algorithm === 'sliding-log' && limit > most) {
    throw invalidOption(
      `${where}: a sliding log holds an entry for each unit, so it admits at most ${most} per window; use 'sliding-window'.`,
    );
  }
  if (algorithm === 'token-bucket' && Math.max(limit, burst) > most) {
    throw invalidOption(
      `${where}: in a window of ${windowText(windowMs)} a token bucket holds and gains at most ${most}.`,
    );
  }
}

/** Reads the defaults of a limiter. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readQuotaDefaults(given: { algorithm?: unknown; burst?: unknown }): QuotaDefaults {
  const algorithm = readAlgorithm(given.algorithm, 'algorithm', 'fixed-window');
  return { algorithm, burst: readBurst(given.burst, algorithm, 'burst') };
}

function readAlgorithm(value: unknown, where: string, otherwise: Algorithm): Algorithm {
  if (value === undefined) return otherwise;
  const algorithm = ALGORITHMS.find((one) => one === value);
  if (algorithm !== undefined) return algorithm;
  throw invalidOption(`${where} must be one of ${ALGORITHMS.join(', ')}, not ${shown(value)}.`);
}

function readBurst(value: unknown, algorithm: Algorithm, where: string): number | undefined {
  if (value === undefined) return undefined;
  if (algorithm !== 'token-bucket') {
    throw invalidOption(`${where}: only algorithm 'token-bucket' has a burst; this one is '${algorithm}'.`);
  }
  if (isIntegerIn(value, 1, Number.MAX_SAFE_INTEGER)) return value;
  throw invalidOption(`${where} must be an integer from 1 to 2^53-1, not ${shown(value)}.`);
}

/** The name of a field within its place, as a message shows it: `rules[2].rate`. */
export function place(where: string, name: string): string {
  return where === '' ? name : `${where}.${name}`;
}

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1_000, 's'],
] as const;

/** A window in the largest unit that fits without rest: `1h`, `10s`, `1500ms`. */
export function windowText(windowMs: number): string {
  for (const [ms, unit] of UNITS) if (windowMs % ms === 0) return `${windowMs / ms}${unit}`;
  return `${windowMs}ms`;
}
