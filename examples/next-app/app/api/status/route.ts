import type { NextRequest } from 'next/server';
import { readCaller, unknownCaller } from '@/lib/callers';
import { demoLimiter, look } from '@/lib/limits';

export async function GET(request: NextRequest) {
  const caller = readCaller(request.nextUrl.searchParams);
  if (!caller) return unknownCaller();

  const { limit, remaining, used, resetTime } = await look(caller.organization, caller.plan);
  return Response.json({
    ...caller,
    limit,
    remaining,
    used,
    percentUsed: Math.round((100 * used) / limit),
    // A duration: the browser's clock may differ from ours.
    resetInMs: Math.max(0, resetTime - Date.now()),
    store: demoLimiter.stats().store,
  });
}
