import type { NextRequest } from 'next/server';
import { readCaller, unknownCaller } from '@/lib/callers';
import { changePlan } from '@/lib/organizations';
import { isFromElsewhere, refuseElsewhere } from '@/lib/origin';
import { isPlan, PLANS } from '@/lib/plans';

/** Puts an organization on another plan. What it has used stays used. */
export async function PUT(request: NextRequest) {
  if (isFromElsewhere(request)) return refuseElsewhere();
  const caller = readCaller(request.nextUrl.searchParams);
  if (!caller) return unknownCaller();
  const plan = request.nextUrl.searchParams.get('plan');
  if (!isPlan(plan)) {
    return Response.json({ error: 'Bad Request', message: `Use plan=${PLANS.join('|')}.` }, { status: 400 });
  }
  changePlan(caller, plan);
  return Response.json({ organization: caller.id, plan });
}
