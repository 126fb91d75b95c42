import type { NextRequest } from 'next/server';
import { readCaller, unknownCaller } from '@/lib/callers';
import { limiter } from '@/lib/limits';
import type { RateLimitStatus } from '@/lib/status';

/** What is left, without counting anything: what an indicator shows. */
export async function GET(request: NextRequest) {
  const caller = readCaller(request.nextUrl.searchParams);
  if (!caller) return unknownCaller();

  const decision = await limiter.peek(caller.id, caller.plan);
  const { limit, remaining, resetTime, rules, source, reason } = decision;
  const used = limit - remaining;
  const status: RateLimitStatus = {
    organization: caller.id,
    plan: caller.plan,
    limit,
    remaining,
    used,
    percentUsed: Math.round((100 * used) / limit),
    // A duration: the browser's clock may differ from ours.
    resetInMs: used > 0 ? Math.max(0, resetTime - Date.now()) : 0,
    blocked: reason === 'blocked',
    source,
    rules: rules.map(({ rule, limit, remaining, algorithm }) => ({ rule, limit, remaining, algorithm })),
  };
  return Response.json(status, { headers: { 'Cache-Control': 'no-store' } });
}
