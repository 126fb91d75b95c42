import { NextResponse, type NextRequest } from 'next/server';
import { checkRequest } from 'spillway/next';
import { contentSecurityPolicy } from '@/lib/content-security-policy';
import { clients } from '@/lib/limits';
import { record } from '@/lib/record';

// All but the files of the build.
export const config = { matcher: '/((?!_next/static/|_next/image|icon.svg).*)' };

export async function proxy(request: NextRequest) {
  return request.nextUrl.pathname.startsWith('/api/') ? limit(request) : withPolicy(request);
}

/**
 * The rules of `clients`, in front of the limits per organization that the routes have. `trustedProxies` is how many
 * load balancers append to X-Forwarded-For on the way here. Without any, whoever sends a request writes that header, and
 * only limits that count something else hold.
 */
async function limit(request: NextRequest) {
  const decision = await checkRequest(request, { limiter: clients, trustedProxies: 1 });
  // Headers set here would replace the route's own of the same name, so a request that passes gets none.
  if (!decision.allowed) return record('proxy', decision).toResponse();
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
