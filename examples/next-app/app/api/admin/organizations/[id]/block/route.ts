import { forAdmin } from '@/lib/admin';
import { limiter } from '@/lib/limits';
import { findOrganization } from '@/lib/organizations';
import { readWhole } from '@/lib/query';
import { usageOf } from '@/lib/usage';

const MOST_MINUTES = 7 * 24 * 60;

/** `?minutes=60`: denies everything that the organization asks for so long. */
export const POST = forAdmin(async (request, { params }: { params: Promise<{ id: string }> }) => {
  const organization = findOrganization((await params).id);
  if (!organization) return Response.json({ error: 'Not Found' }, { status: 404 });
  const minutes = readWhole(request.nextUrl.searchParams, 'minutes', { from: 1, to: MOST_MINUTES });
  if (minutes instanceof Response) return minutes;
  await limiter.block(organization.id, minutes * 60_000);
  return Response.json(await usageOf(organization));
});
