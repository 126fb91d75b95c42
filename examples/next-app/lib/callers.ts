export const ORGANIZATIONS = ['acme', 'globex', 'initech'] as const;
export const PLANS = ['DEMO', 'FREE', 'PRO', 'ENTERPRISE'] as const;

export type Organization = (typeof ORGANIZATIONS)[number];
export type Plan = (typeof PLANS)[number];

export interface Caller {
  organization: Organization;
  plan: Plan;
}

/**
 * Who is asking, or null. A real app reads this from its session: whoever may name an organization or a plan
 * in the query may also use up somebody else's limit. The demo takes them from a fixed list only.
 */
export function readCaller(query: URLSearchParams): Caller | null {
  const organization = ORGANIZATIONS.find((name) => name === (query.get('org') ?? 'acme'));
  const plan = PLANS.find((name) => name === (query.get('plan') ?? 'DEMO'));
  return organization && plan ? { organization, plan } : null;
}

export function unknownCaller() {
  const message = `Use org=${ORGANIZATIONS.join('|')} and plan=${PLANS.join('|')}.`;
  return Response.json({ error: 'Bad Request', message }, { status: 400 });
}
