import type { NextRequest } from 'next/server';
import { checkRequest } from 'spillway/next';
import { clients } from '@/lib/limits';
import { record } from '@/lib/record';

export const config = { matcher: '/api/:path*' };

/**
 * The rules of `clients`, in front of the limits per organization that the routes have. `trustedProxies` is how many
 * load balancers append to X-Forwarded-For on the way here. Without any, whoever sends a request writes that header, and
 * only limits that count something else hold.
 */
export async function proxy(request: NextRequest) {
  const decision = await checkRequest(request, { limiter: clients, trustedProxies: 1 });
  // Headers set here would replace the route's own of the same name, so a request that passes gets none.
  if (!decision.allowed) return record('proxy', decision).toResponse();
}
