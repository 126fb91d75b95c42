import type { NextRequest } from 'next/server';
import { getAllRateLimits, resetRateLimit } from 'spillway';
import { refuseUnlessAdmin } from '@/lib/admin';
import { readCaller, unknownCaller } from '@/lib/callers';
import { demoLimiter } from '@/lib/limits';

export async function GET(request: NextRequest) {
  const refused = refuseUnlessAdmin(request);
  if (refused) return refused;

  // All at once, as the drop-in does it; with very many keys use the limiter's own `list`, which goes page by page.
  const plans = Object.fromEntries(await getAllRateLimits());
  const demo = [];
  for await (const entry of demoLimiter.list({ pageSize: 100 })) {
    demo.push(entry);
    if (demo.length === 100) break;
  }
  return Response.json({ plans, demo });
}

export async function DELETE(request: NextRequest) {
  const refused = refuseUnlessAdmin(request);
  if (refused) return refused;
  const caller = readCaller(request.nextUrl.searchParams);
  if (!caller) return unknownCaller();

  await Promise.all([resetRateLimit(caller.organization), demoLimiter.reset(caller.organization)]);
  return Response.json({ reset: caller.organization });
}
