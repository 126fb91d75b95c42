import { invalidOption, shown } from '../../base/errors';
import { refuseUnknown, requireObject } from '../../base/validate';
import { draft10Headers } from './draft10';
import { legacyHeaders } from './legacy';
import type { HeaderDecision } from './header-input';

/**
 * Which headers tell a client where it stands. `legacy`: `X-RateLimit-*`, of the rule in front. `draft-10`:
 * `RateLimit` and `RateLimit-Policy` of that version of the IETF draft, of all rules; a later version will be a
 * format of its own, and this one stays. `both`, or `none`, which leaves `Retry-After`.
 */
export type HeaderFormat = (typeof FORMATS)[number];

const FORMATS = ['legacy', 'draft-10', 'both', 'none'] as const;

export interface HeaderOptions {
  /** Default `legacy`. */
  headers?: HeaderFormat;
}

/**
 * The headers of a decision, as a plain object that `new Headers()`, `Response` and `fetch` take. `Retry-After` is
 * there only on denial: whole seconds, rounded up, at least 1. A decision without rules, as for a bypassed request,
 * has none.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function rateLimitHeaders(
  decision: HeaderDecision,
  options: HeaderOptions = {},
): Record<string, string> {
  requireDecision(decision);
  requireObject(options, 'The options of rateLimitHeaders');
  refuseUnknown(options, ['headers'], '');
  const format = readHeaderFormat(options.headers);
  const told = decision.rules.filter(({ shadow, limit }) => shadow !== true && Number.isFinite(limit));
  const headers: Record<string, string> = {
    ...(format === 'legacy' || format === 'both' ? legacyHeaders(decision, told) : undefined),
    ...(format === 'draft-10' || format === 'both' ? draft10Headers(told, Date.now()) : undefined),
  };
  if (!decision.allowed) headers['Retry-After'] = String(Math.max(1, Math.ceil(decision.retryAfter)));
  return headers;
}

function requireDecision(decision: unknown): void {
  if (Array.isArray((decision as Partial<HeaderDecision> | null | undefined)?.rules)) return;
  const what = decision instanceof Promise ? 'a promise: await it first' : shown(decision);
  throw invalidOption(
    `The headers are those of a decision, as check of createRateLimiter answers it, not of ${what}. For checkRateLimit use createRateLimitHeaders.`,
  );
}

/** Reads the name of a format. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readHeaderFormat(value: unknown, where = 'headers'): HeaderFormat {
  if (value === undefined) return 'legacy';
  const format = FORMATS.find((one) => one === value);
  if (format !== undefined) return format;
  throw invalidOption(`${where} must be one of ${FORMATS.join(', ')}, not ${shown(value)}.`);
}
