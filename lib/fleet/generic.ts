/** What can be said of an override or a plan without a limiter. */
import { IPV6_SUBNET } from '../http/address';
import { AccessList } from '../rules/access';
import { compilePlans } from '../rules/plan';
import { makeRule, type CompiledRule } from '../rules/rule';
import type { SharedSet } from '../rules/shared-set';

const DEFAULTS = {
  algorithm: 'fixed-window',
  burst: undefined,
  failureMode: 'open',
  nearLimit: 0.8,
} as const;

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function refuseUnreadable({ plans, overrides }: SharedSet): void {
  if (Object.keys(plans).length > 0) compilePlans(plans, DEFAULTS);
  for (const [subject, override] of Object.entries(overrides)) {
    const rules = new Map(namesIn(override).map(([id, rate]) => [id, standIn(id, rate)]));
    const list = new AccessList({ defaults: DEFAULTS, ipv6Subnet: IPV6_SUBNET, rules });
    list.readShared({ [subject]: override });
  }
}

function namesIn(override: unknown): [string, unknown][] {
  const { rules } = (typeof override === 'object' && override !== null ? override : {}) as {
    rules?: unknown;
  };
  return typeof rules === 'object' && rules !== null ? Object.entries(rules) : [];
}

/** A rule of that name, of the algorithm that the override speaks of. */
function standIn(id: string, rate: unknown): CompiledRule {
  const hasBurst = typeof rate === 'object' && rate !== null && 'burst' in rate;
  const algorithm = hasBurst ? 'token-bucket' : 'fixed-window';
  const quota = { algorithm, limit: 1, windowMs: 1_000, burst: 1 } as const;
  return makeRule(id, `@${id}`, quota, {}, DEFAULTS, 'rules');
}
