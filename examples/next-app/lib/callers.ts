import { findOrganization, type Organization } from './organizations';
import { DEMO_ORGANIZATIONS } from './plans';

/**
 * Who is asking, or null. A real app reads this from its session: whoever may name an organization in the query may also
 * use up somebody else's limit. The demo lets its visitors be a few that are made for it.
 */
export function readCaller(query: URLSearchParams): Organization | null {
  const asked = query.get('org') ?? 'acme';
  const known = DEMO_ORGANIZATIONS.some(({ id }) => id === asked);
  return (known && findOrganization(asked)) || null;
}

export function unknownCaller() {
  const message = `Use org=${DEMO_ORGANIZATIONS.map(({ id }) => id).join('|')}.`;
  return Response.json({ error: 'Bad Request', message }, { status: 400 });
}
