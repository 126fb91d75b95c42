/** What routes answer. Nothing of it is kept by caches, or taken for something else by browsers. */
import { RateLimitError } from '../base/errors';

const HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers: { ...HEADERS, ...headers } });
}

export function problem(
  status: number,
  error: string,
  message: string,
  headers?: Record<string, string>,
): Response {
  return json({ error, message }, status, headers);
}

const STATUSES: { readonly [code: string]: number } = {
  ERR_INVALID_KEY: 400,
  ERR_INVALID_OPTION: 400,
  ERR_UNSUPPORTED: 501,
  ERR_UNAVAILABLE: 503,
  ERR_CLOSED: 503,
  ERR_NO_BINARY: 503,
};

/** What a limiter threw. @throws what is no error of a limiter */
export function failed(error: unknown): Response {
  if (!(error instanceof RateLimitError)) throw error;
  return problem(STATUSES[error.code] ?? 500, error.code, error.message);
}
