import { invalidOption, shown } from '../base/errors';
import { UNLIMITED } from './rate';
import { refuseUnknown, requireObject } from '../base/validate';
import { readBypass, type Bypass, type CompiledBypass } from './bypass';
import { readIdentities, type Identity } from './identity';
import { compareSpecificity, parsePattern, type Pattern } from './pattern';
import type { RuleDefaults } from './plan';
import { readQuota, type QuotaOptions } from './quota';
import { makeRule, readId, type CompiledRule, type RuleTraits } from './rule';

/**
 * What happens where a request has none of a rule's identities: `deny` it (the default, because leaving out a header
 * must not get around a limit, nor put strangers into one count unseen), `skip` the rule, or count all such requests
 * together as one (`shared`).
 */
export type Missing = (typeof MISSINGS)[number];

const MISSINGS = ['deny', 'skip', 'shared'] as const;

/** A rule for the requests that match a pattern. */
export interface RequestRule extends QuotaOptions, RuleTraits {
  /** The rule's name, unique in the limiter. It is part of the key: under a new name the count starts anew. */
  id: string;
  /** The requests that it holds for, as one pattern or several. Default `*`, all. */
  match?: string | readonly string[];
  /** Whom it counts: an identity, or several of which the first that a request has counts. Default `ip`. */
  by?: Identity | readonly Identity[];
  /**
   * Of the matching rules of one group only the most specific applies; all others apply side by side. One that is left
   * out, by `bypass` or `missing: 'skip'`, or only tried out (`shadow`) leaves its place to the next. One that is looser
   * than the next takes the place in the exact letters of its pattern alone.
   */
  group?: string;
  /** Of these requests, those that this rule leaves out. */
  bypass?: Bypass;
  missing?: Missing;
}

/** A rule for requests, validated and complete. */
export interface CompiledRequestRule {
  readonly id: string;
  /** What is charged; undefined where the rate is unlimited, which exempts from the other rules of a group. */
  readonly rule: CompiledRule | undefined;
  readonly patterns: readonly Pattern[];
  readonly by: readonly Identity[];
  readonly group: string | undefined;
  readonly bypass: CompiledBypass;
  readonly missing: Missing;
}

/** One pattern of one rule. */
export interface Entry {
  readonly pattern: Pattern;
  readonly of: CompiledRequestRule;
}

const FIELDS = [
  'id',
  'match',
  'by',
  'rate',
  'algorithm',
  'burst',
  'failureMode',
  'shadow',
  'nearLimit',
  'group',
  'bypass',
  'missing',
];

export interface RequestRuleDefaults extends RuleDefaults {
  readonly missing: Missing;
}

/**
 * Reads the rules for requests, in the order in which they are looked at: the most specific first, and of equally
 * specific ones the first that is given.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function compileRequestRules(rules: unknown, defaults: RequestRuleDefaults): Entry[] {
  if (rules === undefined) return [];
  if (!Array.isArray(rules)) throw invalidOption(`rules must be a list, not ${shown(rules)}.`);
  const places = new Map<string, string>();
  const entries: Entry[] = [];
  rules.forEach((given: unknown, i) => {
    const at = `rules[${i}]`;
    const of = compileOne(given, defaults, at);
    const twin = places.get(of.id);
    if (twin !== undefined) {
      throw invalidOption(`${at}.id: ${shown(of.id)} is taken by ${twin}; each rule needs its own.`);
    }
    places.set(of.id, at);
    for (const pattern of of.patterns) entries.push({ pattern, of });
  });
  return entries.sort((a, b) => compareSpecificity(a.pattern, b.pattern));
}

function compileOne(given: unknown, defaults: RequestRuleDefaults, at: string): CompiledRequestRule {
  requireObject(given, at);
  refuseUnknown(given, FIELDS, `${at}.`);
  const fields = given as Record<string, unknown>;
  const id = readId(fields['id'], `${at}.id`);
  const quota = readQuota(fields, defaults, at);
  return {
    id,
    rule: quota === UNLIMITED ? undefined : makeRule(id, id, quota, fields, defaults, at),
    patterns: readPatterns(fields['match'], `${at}.match`),
    by: readIdentities(fields['by'], `${at}.by`, ['ip']),
    group: fields['group'] === undefined ? undefined : readId(fields['group'], `${at}.group`),
    bypass: readBypass(fields['bypass'], `${at}.bypass`),
    missing: readMissing(fields['missing'], `${at}.missing`, defaults.missing),
  };
}

function readPatterns(value: unknown, where: string): Pattern[] {
  if (!Array.isArray(value)) return [parsePattern(value ?? '*', where)];
  if (value.length === 0) throw invalidOption(`${where} is empty; leave it out to match all requests.`);
  return value.map((one: unknown, i) => parsePattern(one, `${where}[${i}]`));
}

/** Reads what happens without an identity. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readMissing(value: unknown, where: string, otherwise: Missing): Missing {
  if (value === undefined) return otherwise;
  const missing = MISSINGS.find((one) => one === value);
  if (missing !== undefined) return missing;
  throw invalidOption(`${where} must be one of ${MISSINGS.join(', ')}, not ${shown(value)}.`);
}
