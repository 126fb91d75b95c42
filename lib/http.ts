/** Headers and responses for the web's `Response`, which Next.js uses; they hold no state. */
import { standingHeaders } from './headers/legacy';

/**
 * The headers that tell a client where it stands, as a plain object that `new Headers()`, `Response` and `fetch` take.
 * `X-RateLimit-Reset` is in whole seconds since the epoch, rounded up. `Retry-After` is there only on denial: whole
 * seconds, rounded up, at least 1.
 * @param resetTime end of the window in milliseconds since the epoch
 * @param allowed without it, a request counts as denied when `remaining` is 0
 */
export function createRateLimitHeaders(
  limit: number,
  remaining: number,
  resetTime: number,
  allowed: boolean = remaining > 0,
): Record<string, string> {
  // Nothing can be told of what is unlimited.
  const headers = limit === Infinity ? {} : standingHeaders(limit, remaining, resetTime);
  if (!allowed) headers['Retry-After'] = String(secondsUntil(resetTime));
  return headers;
}

/**
 * The answer to a request over its limit: status 429, `Retry-After`, and a JSON body
 * `{ error: 'Too Many Requests', message, retryAfter }` with `retryAfter` in seconds.
 * @param resetTime end of the window in milliseconds since the epoch
 */
export function createRateLimitExceededResponse(resetTime: number): Response {
  const retryAfter = secondsUntil(resetTime);
  const message = `Rate limit exceeded. Try again in ${retryAfter} ${retryAfter === 1 ? 'second' : 'seconds'}.`;
  return Response.json(
    { error: 'Too Many Requests', message, retryAfter },
    { status: 429, headers: { 'Retry-After': String(retryAfter) } },
  );
}

/** The response with the headers of its check, or the 429 in its place. */
export function withRateLimit<T extends Response>(
  response: T,
  result: { allowed: boolean; limit: number; remaining: number; resetTime: number },
): T | Response {
  const { allowed, limit, remaining, resetTime } = result;
  // The window still holds in the millisecond of its end, so a wait until then could be one too short.
  const answer = allowed ? response : createRateLimitExceededResponse(resetTime + 1);
  return setAll(answer, createRateLimitHeaders(limit, remaining, resetTime, true));
}

function setAll<T extends Response>(response: T, headers: Record<string, string>): T | Response {
  let target: T | Response = response;
  for (const [name, value] of Object.entries(headers)) {
    try {
      target.headers.set(name, value);
    } catch {
      // Headers of a redirect or of a fetched response cannot be changed; those of a copy can.
      target = new Response(target.body, target);
      target.headers.set(name, value);
    }
  }
  return target;
}

function secondsUntil(time: number): number {
  return Math.max(1, Math.ceil((time - Date.now()) / 1000));
}
