import { type NextRequest } from 'next/server';
import { RateLimitError } from 'spillway';
import { COOKIE, isSession } from './session';

const refuse = (status: number, error: string, message: string) =>
  Response.json({ error, message }, { status, headers: { 'Cache-Control': 'no-store' } });

/** A form or a script of another site sends the cookie along only where a browser is old; this refuses it there too. */
export function isFromElsewhere(request: NextRequest): boolean {
  const site = request.headers.get('sec-fetch-site');
  return site !== null && site !== 'same-origin' && site !== 'none';
}

/** A route handler for administrators only. What the store cannot do now is a 503 with its reason. */
export function forAdmin<Context>(handler: (request: NextRequest, context: Context) => Promise<Response>) {
  return async (request: NextRequest, context: Context): Promise<Response> => {
    if (!isSession(request.cookies.get(COOKIE)?.value)) {
      return refuse(401, 'Unauthorized', 'Sign in first.');
    }
    if (request.method !== 'GET' && isFromElsewhere(request)) {
      return refuse(403, 'Forbidden', 'This request comes from another site.');
    }
    try {
      return await handler(request, context);
    } catch (error) {
      if (!(error instanceof RateLimitError) || error.code !== 'ERR_UNAVAILABLE') throw error;
      return refuse(503, 'Service Unavailable', error.message);
    }
  };
}
