import { invalidOption, shown } from '../base/errors';
import { isIntegerIn } from '../base/validate';

type Unit = 's' | 'm' | 'h' | 'd';

/**
 * A rate as text: `'100/h'`, `'5/10s'`, `'1000/d'`. A number before the unit counts several of them; `0/s` denies
 * everything. `parseRate` makes one of a text that is known at run time only.
 */
export type RateText = `${number}/${Unit}` | `${number}/${number}${Unit}`;

/** How much is admitted in which time: as text, in numbers, or `'unlimited'`, which admits everything. */
export type Rate = RateText | RateObject | Unlimited;

/** A rate in numbers. */
export interface RateObject {
  /** Units admitted per window: an integer, 0 to 2^53-1. 0 denies everything. */
  readonly requests: number;
  /** Length of the window in milliseconds: an integer, 1 to {@link MAX_WINDOW_MS}. */
  readonly windowMs: number;
}

/** The word for no limit. There is no number for it: -1, Infinity and null are mistakes. */
export const UNLIMITED = 'unlimited';
export type Unlimited = typeof UNLIMITED;

/** The longest window: ten years of 365 days, as the core has it. */
export const MAX_WINDOW_MS = 10 * 365 * 86_400_000;

const UNIT_MS = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** Anchored on both ends: `100/hour` is a mistake, not a hundred per hour. */
const GRAMMAR = /^(\d{1,16})\/(\d{1,16})?([smhd])$/;

/**
 * Reads a rate that is a limit. `where` names the option in the error's message.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function readLimit(rate: unknown, where: string): RateObject {
  if (typeof rate === 'string') return parseText(rate, where);
  if (typeof rate === 'object' && rate !== null && !Array.isArray(rate)) return parseNumbers(rate, where);
  throw invalidOption(
    `${where} must be a rate such as '100/h' or { requests, windowMs }, not ${shown(rate)}.`,
  );
}

function parseText(rate: string, where: string): RateObject {
  const parts = GRAMMAR.exec(rate);
  if (parts === null) {
    throw invalidOption(
      `${where}: ${shown(rate)} is not a rate. Write <requests>/<window>, such as '100/h' or '5/10s'; units are s, m, h, d.`,
    );
  }
  const windowMs = Number(parts[2] ?? '1') * (UNIT_MS.get(parts[3] ?? '') ?? NaN);
  return checked(Number(parts[1]), windowMs, where);
}

function parseNumbers(rate: object, where: string): RateObject {
  for (const name of Object.keys(rate)) {
    if (name !== 'requests' && name !== 'windowMs') {
      throw invalidOption(`${where} has an unknown field ${shown(name)}; a rate has requests and windowMs.`);
    }
  }
  const { requests, windowMs } = rate as { requests?: unknown; windowMs?: unknown };
  return checked(requests, windowMs, where);
}

function checked(requests: unknown, windowMs: unknown, where: string): RateObject {
  if (!isIntegerIn(requests, 0, Number.MAX_SAFE_INTEGER)) {
    throw invalidOption(`${where}: requests must be an integer from 0 to 2^53-1, not ${shown(requests)}.`);
  }
  if (!isIntegerIn(windowMs, 1, MAX_WINDOW_MS)) {
    throw invalidOption(
      `${where}: the window must be a whole number of milliseconds from 1 to ten years, not ${shown(windowMs)}.`,
    );
  }
  return { requests, windowMs };
}
