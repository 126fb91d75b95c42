/** Headers and responses for the web's `Response`, which Next.js uses; they hold no state. */
import { invalidOption, shown } from '../base/errors';
import { standingHeaders } from '../http/headers/legacy';
import { denialBody, inPlaceOf, setHeaders, type DenialBody } from '../http/response';
import { refuseSurplus } from '../base/surplus';

/**
 * The headers that tell a client where it stands, as a plain object that `new Headers()`, `Response` and `fetch` take.
 * `X-RateLimit-Reset` is in whole seconds since the epoch, rounded up. `Retry-After` is there only on denial: whole
 * seconds, rounded up, at least 1.
 * @param resetTime end of the window in milliseconds since the epoch
 * @param allowed without it, a request counts as denied when `remaining` is 0
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function createRateLimitHeaders(
  limit: number,
  remaining: number,
  resetTime: number,
  allowed: boolean = remaining > 0,
): Record<string, string> {
  if (arguments.length > 4) refuseSurplus('createRateLimitHeaders', 4, arguments);
  requireNumber(limit, 'limit', Infinity);
  requireNumber(remaining, 'remaining', Infinity);
  requireNumber(resetTime, 'resetTime', MAX_TIME_MS);
  if (typeof allowed !== 'boolean') {
    throw invalidOption(`allowed must be true or false, not ${shown(allowed)}.`);
  }
  // Nothing can be told of what is unlimited.
  const headers = limit >= Number.MAX_SAFE_INTEGER ? {} : standingHeaders(limit, remaining, resetTime);
  if (!allowed) headers['Retry-After'] = String(secondsUntil(resetTime));
  return headers;
}

/**
 * The answer to a request over its limit: status 429, `Retry-After`, and a JSON body
 * `{ error: 'Too Many Requests', message, retryAfter }` with `retryAfter` in seconds.
 * @param resetTime end of the window in milliseconds since the epoch
 */
export function createRateLimitExceededResponse(resetTime: number): Response {
  if (arguments.length > 1) refuseSurplus('createRateLimitExceededResponse', 1, arguments);
  requireNumber(resetTime, 'resetTime', MAX_TIME_MS);
  const body = exceeded(resetTime);
  return Response.json(body, { status: 429, headers: { 'Retry-After': String(body.retryAfter) } });
}

/** The response with the headers of its check, or the 429 in its place, of the same type. */
export function withRateLimit<T extends Response>(
  response: T,
  result: { allowed: boolean; limit: number; remaining: number; resetTime: number },
): T {
  const { allowed, limit, remaining, resetTime } = result;
  const headers = createRateLimitHeaders(limit, remaining, resetTime, true);
  if (allowed) return setHeaders(response, headers);
  // The window still holds in the millisecond of its end, so a wait until then could be one too short.
  const body = exceeded(resetTime + 1);
  return inPlaceOf(response, 429, body, { ...headers, 'Retry-After': String(body.retryAfter) });
}

/** The last moment that a `Date` can be. */
const MAX_TIME_MS = 8_640_000_000_000_000;

/** What is read from a promise that nobody awaited is undefined, and would be sent as that word. */
function requireNumber(value: unknown, name: string, most: number): void {
  if (typeof value === 'number' && value >= 0 && value <= most) return;
  const hint = value === undefined ? '; was checkRateLimit awaited?' : '.';
  throw invalidOption(
    `${name} must be the number that checkRateLimit answers as ${name}, not ${shown(value)}${hint}`,
  );
}

function exceeded(resetTime: number): DenialBody {
  return denialBody('Rate limit exceeded.', secondsUntil(resetTime));
}

function secondsUntil(time: number): number {
  return Math.max(1, Math.ceil((time - Date.now()) / 1000));
}
