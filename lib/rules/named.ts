import { canonicalAddress } from '../http/address';
import { RateLimitError } from '../base/errors';
import { validateKey } from './key';
import type { CompiledRules } from './compile';
import { ID_SCOPES, kindOf, subjectOf, type IdScope } from './identity';

/**
 * Whom `block` and `reset` mean: an id with its kind, such as `{ ip: '192.0.2.1' }` or `{ user: '7' }`, or a text as
 * `subjectOf` writes it and decisions show it. A text without a kind is an organization's id, or a key of `check`.
 */
export type SubjectId = string | { [ResultKind in IdScope]: { readonly [K in ResultKind]: string } }[IdScope];

/** How a subject of each kind is written. */
const FORMS: { readonly [kind: string]: string } = {
  ip: '{ ip: … }',
  user: '{ user: … }',
  organization: '{ organization: … }',
  apiKey: '{ apiKey: … }',
  custom: '{ custom: … } for what a function answers',
  endpoint: 'endpoint: and the path',
  global: 'global:all for everybody',
  missing: 'missing:all for all without an identity',
};

/**
 * The names under which a limiter may count a subject. A plan or a rate counts whatever key `check` is given; rules for
 * requests count the kinds that their `by` says and no others.
 * @throws RateLimitError `ERR_INVALID_KEY`, also for whom none of the rules could ever count
 */
export function namesOf(subject: SubjectId, rules: CompiledRules): string[] {
  const text = typeof subject === 'object' && subject !== null ? written(subject, rules) : subject;
  validateKey(text);
  const takesKeys = rules.plans.size > 0 || rules.rate !== undefined;
  const kind = kindOf(text) ?? 'organization';
  if (!takesKeys) refuseUncounted(kind, typeof subject === 'string', rules);
  if (kind !== 'ip') return [text];
  const address = canonicalAddress(text.slice('ip:'.length), rules.ipv6Subnet);
  if (address === null && !takesKeys) throw invalid('What stands behind ip: is no IP address');
  // Who is counted by a key of that form is meant as well.
  return [...new Set([...(takesKeys ? [text] : []), ...(address === null ? [] : [`ip:${address}`])])];
}

function written(subject: object, rules: CompiledRules): string {
  const [kind, ...more] = Object.keys(subject);
  const scope = ID_SCOPES.find((known) => known === kind);
  if (scope === undefined || more.length > 0) {
    throw invalid(`A subject is a text or one of ${ID_SCOPES.map((one) => `{ ${one} }`).join(', ')}`);
  }
  return subjectOf(scope, (subject as { [kind: string]: string })[scope]!, rules.ipv6Subnet);
}

function refuseUncounted(kind: string, isText: boolean, rules: CompiledRules): void {
  const counted = countedKinds(rules);
  if (counted.size === 0 || counted.has(kind)) return;
  const bare = isText && kind === 'organization' ? 'A text alone is the id of an organization. ' : '';
  const forms = [...counted].map((one) => FORMS[one]).join(', ');
  throw invalid(`${bare}No rule of this limiter counts subjects of the kind ${kind}. Write ${forms}`);
}

/** The kinds that rules for requests count. */
function countedKinds({ entries }: CompiledRules): Set<string> {
  const limited = entries.flatMap(({ of }) => (of.rule === undefined ? [] : [of]));
  const kinds = limited.flatMap(({ by, missing }) => [
    ...by.map((one) => (typeof one === 'function' ? 'custom' : one)),
    ...(missing === 'shared' ? ['missing'] : []),
  ]);
  return new Set(kinds);
}

function invalid(why: string): RateLimitError {
  return new RateLimitError('ERR_INVALID_KEY', `${why}.`);
}
