import { invalidOption, shown } from '../base/errors';
import type { FailureMode } from './failure-mode';
import { readFailureMode } from './failure-mode';
import { place, type Quota } from './quota';

/** What every rule may say besides its rate. */
export interface RuleTraits {
  /** What is answered for this rule while the store is away. Default: the limiter's. */
  failureMode?: FailureMode;
  /** Counts and reports, never denies: for trying a limit out on real traffic. Default false. */
  shadow?: boolean;
  /** The part of the limit from which a decision says `nearLimit`: above 0, up to 1. Default 0.8. */
  nearLimit?: number;
}

/** Rules that one check can carry; the core has the same number. */
export const MAX_RULES = 8;

/** One rule, validated and complete. */
export interface CompiledRule {
  /** The name that decisions, headers and metrics show. */
  readonly id: string;
  /**
   * The name of its count: rules of one name share it. It stands behind the subject in the store's key, see `keyPart`.
   * Empty: the key is `<prefix><subject>` alone, the form that operators read.
   */
  readonly counter: string;
  readonly quota: Quota;
  readonly failureMode: FailureMode;
  readonly shadow: boolean;
  /** Units from which the limit counts as near. */
  readonly nearAt: number;
  /** As given, so that an override with another limit keeps the part. */
  readonly nearLimit: number;
}

/** What rules have that do not say otherwise. */
export interface TraitDefaults {
  readonly failureMode: FailureMode;
  readonly nearLimit: number;
}

const ID = /^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$/;

/** A rule's id, which stands in keys, headers and metrics. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readId(value: unknown, where: string): string {
  if (typeof value === 'string' && ID.test(value)) return value;
  throw invalidOption(
    `${where} must be 1 to 64 of the characters A-Z a-z 0-9 _ . : / - and start with a letter or digit, not ${shown(value)}.`,
  );
}

/** Puts a rule together. @throws RateLimitError `ERR_INVALID_OPTION` */
export function makeRule(
  id: string,
  counter: string,
  quota: Quota,
  given: { failureMode?: unknown; shadow?: unknown; nearLimit?: unknown },
  defaults: TraitDefaults,
  where: string,
): CompiledRule {
  const nearLimit = readNearLimit(given.nearLimit, place(where, 'nearLimit'), defaults.nearLimit);
  return {
    id,
    counter,
    quota,
    failureMode: readFailureMode(given.failureMode, place(where, 'failureMode'), defaults.failureMode),
    shadow: readBoolean(given.shadow, place(where, 'shadow')),
    nearAt: nearAt(quota, nearLimit),
    nearLimit,
  };
}

/** The same rule with another quota, for a subject that has its own. It keeps its key, and so what was counted. */
export function withQuota(rule: CompiledRule, quota: Quota): CompiledRule {
  return { ...rule, quota, nearAt: nearAt(quota, rule.nearLimit) };
}

export function readNearLimit(value: unknown, where: string, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (typeof value === 'number' && value > 0 && value <= 1) return value;
  throw invalidOption(
    `${where} must be a number above 0 and up to 1, such as 0.8 for 80 %, not ${shown(value)}.`,
  );
}

export function readBoolean(value: unknown, where: string): boolean {
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  throw invalidOption(`${where} must be true or false, not ${shown(value)}.`);
}

/** Rounded to 15 digits first: 100 × 0.07 is 7, not 7.000000000000001. */
function nearAt({ burst }: Quota, part: number): number {
  return Math.ceil(Number((burst * part).toPrecision(15)));
}
