import { forAdmin } from '@/lib/admin';
import { limiter } from '@/lib/limits';
import { findOrganization } from '@/lib/organizations';
import { usageOf } from '@/lib/usage';

/** Forgets what was counted under all rules of the plan, and ends a block. */
export const POST = forAdmin(async (_request, { params }: { params: Promise<{ id: string }> }) => {
  const organization = findOrganization((await params).id);
  if (!organization) return Response.json({ error: 'Not Found' }, { status: 404 });
  await limiter.reset(organization.id);
  return Response.json(await usageOf(organization));
});
