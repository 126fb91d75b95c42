import { refuseUnknown, requireObject } from '../base/validate';
import type { Rate, RateObject } from '../rules/rate';

/** The plans of the drop-in functions. */
export type PlanName = 'FREE' | 'PRO' | 'ENTERPRISE';

/** What each plan of the drop-in functions admits, unless it is configured otherwise. Frozen. */
export const RATE_LIMITS: { readonly [Plan in PlanName]: RateObject } = Object.freeze({
  FREE: Object.freeze({ requests: 100, windowMs: 3_600_000 }),
  PRO: Object.freeze({ requests: 1_000, windowMs: 3_600_000 }),
  ENTERPRISE: Object.freeze({ requests: 10_000, windowMs: 3_600_000 }),
});

/** The plans of `RATE_LIMITS`, with those that are given in place of theirs. */
export function withDefaults(plans: { readonly [Plan in PlanName]?: Rate } = {}): Record<PlanName, Rate> {
  requireObject(plans, 'plans');
  refuseUnknown(plans, Object.keys(RATE_LIMITS), 'plans.');
  const all: Record<PlanName, Rate> = { ...RATE_LIMITS };
  for (const plan of Object.keys(RATE_LIMITS) as PlanName[]) all[plan] = plans[plan] ?? all[plan];
  return all;
}
