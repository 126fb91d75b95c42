import type { Plan } from './plan';
import type { RateText } from './rate';

/** The names of the ready-made plans. */
export type TierName = 'free' | 'premium' | 'enterprise';

const bucket = (rate: RateText, burst: number) =>
  Object.freeze({ rate, algorithm: 'token-bucket', burst } as const);

/** Ready-made plans of an hourly limit and one for bursts: `createRateLimiter({ plans: TIERS })`. Frozen. */
export const TIERS: { readonly [Tier in TierName]: Plan } = Object.freeze({
  free: Object.freeze(['100/h', '10/m'] as const),
  premium: Object.freeze(['1000/h', bucket('50/m', 100)] as const),
  enterprise: Object.freeze(['10000/h', bucket('200/m', 500)] as const),
});
