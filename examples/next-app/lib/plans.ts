/** What browser and server both know about plans; the rates themselves are in limits.ts. */
export const PLANS = ['DEMO', 'FREE', 'PRO', 'ENTERPRISE'] as const;

export type Plan = (typeof PLANS)[number];

export const ALLOWANCES: Record<Plan, string> = {
  DEMO: '10 a minute',
  FREE: '100 an hour',
  PRO: '1,000 an hour and 100 a minute',
  ENTERPRISE: '10,000 an hour, 300 a minute with bursts of 500',
};

export const isPlan = (name: unknown): name is Plan => PLANS.some((plan) => plan === name);

/** Organizations that anybody may try out on the page. */
export const DEMO_ORGANIZATIONS = [
  { id: 'acme', name: 'Acme', plan: 'DEMO' },
  { id: 'globex', name: 'Globex', plan: 'FREE' },
  { id: 'initech', name: 'Initech', plan: 'PRO' },
  { id: 'umbrella', name: 'Umbrella', plan: 'ENTERPRISE' },
] as const satisfies readonly { id: string; name: string; plan: Plan }[];
