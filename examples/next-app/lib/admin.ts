import { type NextRequest } from 'next/server';
import { RateLimitError } from 'spillway';
import { isFromElsewhere, refuseElsewhere } from './origin';
import { COOKIE } from './session';
import { isSignedIn } from './signed-in';

const refuse = (status: number, error: string, message: string) =>
  Response.json({ error, message }, { status, headers: { 'Cache-Control': 'no-store' } });

/** A route handler for administrators only. What the store cannot do now is a 503 with its reason. */
export function forAdmin<Context>(handler: (request: NextRequest, context: Context) => Promise<Response>) {
  return async (request: NextRequest, context: Context): Promise<Response> => {
    if (request.method !== 'GET' && isFromElsewhere(request)) return refuseElsewhere();
    if (!(await isSignedIn(request.cookies.get(COOKIE)?.value))) {
      return refuse(401, 'Unauthorized', 'Sign in first.');
    }
    try {
      return await handler(request, context);
    } catch (error) {
      if (!(error instanceof RateLimitError) || error.code !== 'ERR_UNAVAILABLE') throw error;
      return refuse(503, 'Service Unavailable', error.message);
    }
  };
}
