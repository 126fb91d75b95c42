import { NextResponse, type NextRequest } from 'next/server';
import { createRateLimitHeaders } from 'spillway';
import { clientLimiter } from '@/lib/limits';

// All of the API except health probes, which are never limited.
export const config = { matcher: '/api/((?!health$).*)' };

/** A loose limit per client in front of the limits per organization that the routes have. */
export async function proxy(request: NextRequest) {
  const client = clientAddress(request);
  if (!client) return NextResponse.next();

  const { allowed, limit, remaining, resetTime } = await clientLimiter.check(client);
  // Headers set here would replace the route's own of the same name, so a request that passes gets none.
  if (allowed) return NextResponse.next();
  const headers = createRateLimitHeaders(limit, remaining, resetTime, allowed);
  const message = 'This address sends too many requests.';
  return NextResponse.json({ error: 'Too Many Requests', message }, { status: 429, headers });
}

/**
 * The last entry is the one that the machine next to us wrote: Next.js itself, or the load balancer that
 * appends to the list. Everything in front of it is what the client claims. Behind two load balancers it is the
 * last but one.
 */
function clientAddress(request: NextRequest) {
  return request.headers.get('x-forwarded-for')?.split(',').at(-1)?.trim();
}
