import { NextResponse, type NextRequest } from 'next/server';
import { checkRequest } from 'spillway/next';
import { contentSecurityPolicy } from '@/lib/content-security-policy';
import { limiter } from '@/lib/limits';

// All but the files of the build.
export const config = { matcher: '/((?!_next/static/|_next/image|icon.svg).*)' };

export async function proxy(request: NextRequest) {
  const { pathname } = request.nextUrl;
  if (pathname.startsWith('/api/')) return limit(request);
  // The dashboard is a page of its own, with a policy of its own.
  const isDashboard = /^\/admin(?!\/login)(\/|$)/.test(pathname);
  return isDashboard ? NextResponse.next() : withPolicy(request);
}

/**
 * The rules for clients, in front of the limits per organization that the routes have. `trustedProxies` is how many
 * load balancers append to X-Forwarded-For on the way here. Without any, whoever sends a request writes that header, and
 * only limits that count something else hold.
 */
async function limit(request: NextRequest) {
  const decision = await checkRequest(request, { limiter, trustedProxies: 1 });
  // Headers set here would replace the route's own of the same name, so a request that passes gets none.
  if (!decision.allowed) return decision.toResponse();
}

/** A page's policy has a nonce that is good for one answer. Next.js reads it from the request, for its own scripts. */
function withPolicy(request: NextRequest) {
  const policy = contentSecurityPolicy(Buffer.from(crypto.randomUUID()).toString('base64'));
  const headers = new Headers(request.headers);
  headers.set('Content-Security-Policy', policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set('Content-Security-Policy', policy);
  return response;
}
