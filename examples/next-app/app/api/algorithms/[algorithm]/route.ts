import type { NextRequest } from 'next/server';
import { clientIp, subjectOf, type Algorithm } from 'spillway';
import { algorithms } from '@/lib/limits';

const NAMES: readonly string[] = [
  'fixed-window',
  'sliding-window',
  'sliding-log',
  'token-bucket',
] satisfies Algorithm[];
const isAlgorithm = (name: string): name is Algorithm => NAMES.includes(name);

/** One handler for all algorithms: each is a plan of the limiter. Every visitor has limits of their own. */
export async function GET(request: NextRequest, { params }: RouteContext<'/api/algorithms/[algorithm]'>) {
  const { algorithm } = await params;
  if (!isAlgorithm(algorithm)) {
    const message = `Use one of ${NAMES.join(', ')}.`;
    return Response.json({ error: 'Not Found', message }, { status: 404 });
  }
  const address = clientIp(request.headers, { trustedProxies: 1 });
  if (address === null) {
    // Strangers must not share one count.
    return Response.json({ error: 'Bad Request', message: 'No address is known.' }, { status: 400 });
  }
  const visitor = subjectOf('ip', address);
  const decision = await algorithms.check(visitor, algorithm);
  if (!decision.allowed) return decision.toResponse();
  const { limit, remaining } = decision;
  return decision.applyTo(Response.json({ algorithm, limit, remaining }));
}
