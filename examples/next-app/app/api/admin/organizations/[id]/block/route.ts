import { forAdmin } from '@/lib/admin';
import { limiter } from '@/lib/limits';
import { findOrganization } from '@/lib/organizations';
import { usageOf } from '@/lib/usage';

const MOST_MINUTES = 7 * 24 * 60;

/** `?minutes=60`: denies everything that the organization asks for so long. */
export const POST = forAdmin(async (request, { params }: { params: Promise<{ id: string }> }) => {
  const organization = findOrganization((await params).id);
  if (!organization) return Response.json({ error: 'Not Found' }, { status: 404 });
  const minutes = Number(request.nextUrl.searchParams.get('minutes'));
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > MOST_MINUTES) {
    const message = `minutes must be a whole number from 1 to ${MOST_MINUTES}.`;
    return Response.json({ error: 'Bad Request', message }, { status: 400 });
  }
  await limiter.block(organization.id, minutes * 60_000);
  return Response.json(await usageOf(organization));
});
