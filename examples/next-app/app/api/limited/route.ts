import type { NextRequest } from 'next/server';
import { readCaller, unknownCaller } from '@/lib/callers';
import { limiter } from '@/lib/limits';

export async function GET(request: NextRequest) {
  const caller = readCaller(request.nextUrl.searchParams);
  if (!caller) return unknownCaller();

  const decision = await limiter.check(caller.id, caller.plan);
  if (!decision.allowed) return decision.toResponse();
  const { remaining } = decision;
  return decision.applyTo(Response.json({ organization: caller.id, plan: caller.plan, remaining }));
}
