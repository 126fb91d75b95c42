import { checkRateLimit, createRateLimiter, getRateLimitStatus } from 'spillway';
import type { Organization, Plan } from './callers';
import { redis } from './redis';

/** A plan of our own, small enough to be used up while one looks. */
export const demoLimiter = createRateLimiter({
  redis,
  prefix: 'demo-ratelimit:',
  plans: { DEMO: '10/m' },
});

/** What one client may ask of the whole API; see proxy.ts. */
export const clientLimiter = createRateLimiter({ redis, prefix: 'client-ratelimit:', rate: '300/m' });

/** Counts one request: DEMO by our own limiter, FREE, PRO and ENTERPRISE by the drop-in function. */
export async function check(organization: Organization, plan: Plan) {
  return plan === 'DEMO' ? demoLimiter.check(organization, plan) : checkRateLimit(organization, plan);
}

/** The same, without counting anything. */
export async function look(organization: Organization, plan: Plan) {
  if (plan !== 'DEMO') return getRateLimitStatus(organization, plan);
  const { limit, remaining, resetTime } = await demoLimiter.peek(organization, plan);
  return { limit, remaining, resetTime, used: limit - remaining };
}
