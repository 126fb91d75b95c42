import type { NextRequest } from 'next/server';
import { createRateLimitHeaders } from 'spillway';
import { readCaller, unknownCaller } from '@/lib/callers';
import { check } from '@/lib/limits';

export async function GET(request: NextRequest) {
  const caller = readCaller(request.nextUrl.searchParams);
  if (!caller) return unknownCaller();

  const { allowed, limit, remaining, resetTime } = await check(caller.organization, caller.plan);
  const headers = createRateLimitHeaders(limit, remaining, resetTime, allowed);
  if (!allowed) {
    const message = `${caller.organization} has used up its ${limit} requests.`;
    return Response.json({ error: 'Too Many Requests', message }, { status: 429, headers });
  }
  return Response.json({ ...caller, remaining }, { headers });
}
