import { RuleSet } from '../decision/rule-set';
import { makeRule } from '../rules/rule';

const QUOTA = { algorithm: 'fixed-window', limit: 1_000_000, windowMs: 1_000, burst: 1_000_000 } as const;
const TRAITS = { failureMode: 'closed', nearLimit: 1 } as const;

/** Whom a probe counts. */
export const PROBE_KEY = 'probe';

/** The prefix of a probe: no key of a limiter can meet it and no listing shows it. */
export const probePrefix = (prefix: string) => `%health:${prefix}`;

/** The rule under which a probe counts; it expires after a second. */
export function probeSet(): RuleSet {
  return new RuleSet([makeRule('health', '', QUOTA, {}, TRAITS, '')]);
}
