import type { HeaderDecision, HeaderRule } from './header-input';

/** Where a client stands: `X-RateLimit-Limit`, `-Remaining`, and `-Reset` in whole seconds of the epoch, rounded up. */
export function standingHeaders(limit: number, remaining: number, resetTime: number): Record<string, string> {
  return {
    'X-RateLimit-Limit': String(limit),
    'X-RateLimit-Remaining': String(remaining),
    'X-RateLimit-Reset': String(Math.ceil(resetTime / 1000)),
  };
}

/**
 * The headers that most clients know. They have room for one rule, so they tell the one in front: what is left, whom
 * it counts (`-Scope`), how (`-Algorithm`), and of a token bucket its size and level.
 */
export function legacyHeaders(decision: HeaderDecision, told: readonly HeaderRule[]): Record<string, string> {
  const lead = told.find(({ rule }) => rule === decision.rule) ?? told[0];
  if (lead === undefined) return {};
  const headers = standingHeaders(lead.limit, lead.remaining, lead.resetTime);
  if (lead.scope !== undefined) headers['X-RateLimit-Scope'] = lead.scope;
  headers['X-RateLimit-Algorithm'] = lead.algorithm;
  if (lead.algorithm === 'token-bucket') {
    headers['X-RateLimit-Bucket-Size'] = String(lead.limit);
    headers['X-RateLimit-Bucket-Remaining'] = String(lead.remaining);
  }
  return headers;
}
