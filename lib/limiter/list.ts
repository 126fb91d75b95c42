import { invalidOption, shown } from '../base/errors';
import { readInteger, refuseUnknown, requireObject } from '../base/validate';
import type { RuleSet } from '../decision/rule-set';
import { IDENTITIES, kindOf, type Scope } from '../rules/identity';
import { readGlob } from '../stores/glob';
import type { ListQuery, StoredKey } from '../stores/listing';
import type { ListedKey, ListOptions } from '../stores/types';
import type { Backend } from './backend';

/** What one rule, or plans that share a count, have counted: all keys of one form. */
export interface Counters {
  /** Of one of the rules. */
  readonly set: RuleSet;
  readonly ids: readonly string[];
  readonly limit: number | undefined;
}

const SCOPES: readonly Scope[] = [...IDENTITIES, 'custom'];

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function readListOptions(options: ListOptions = {}): ListQuery & { rule: string | undefined } {
  requireObject(options, 'The options of a listing');
  refuseUnknown(options, ['match', 'kind', 'rule', 'pageSize'], '');
  const { match = '*', kind, rule, pageSize } = options;
  if (kind !== undefined && !SCOPES.includes(kind)) {
    throw invalidOption(`kind must be one of ${SCOPES.join(', ')}, not ${shown(kind)}.`);
  }
  if (rule !== undefined && typeof rule !== 'string') {
    throw invalidOption(`rule must be the id of a rule, not ${shown(rule)}.`);
  }
  return {
    match: readGlob(match, 'match'),
    pattern: patternOf(match, kind),
    kind,
    rule,
    pageSize: readInteger(pageSize, 'pageSize', 30, 1, 100_000),
  };
}

/** The store leaves out what it can: kinds stand in front of the key, where there are any. */
function patternOf(match: string, kind: Scope | undefined): string {
  const isWritten = kind !== undefined && kind !== 'organization' && kind !== 'global';
  if (isWritten) return `${kind}:${match}`;
  return match.startsWith('*') ? match : `*${match}`;
}

/** Goes through counters, one after the other. */
export async function* listed(
  backend: Backend,
  counters: readonly Counters[],
  query: ListQuery,
): AsyncGenerator<ListedKey, void, undefined> {
  for (const one of counters) {
    for await (const page of backend.pages(one.set, query)) {
      for (const stored of page) {
        const item = itemOf(stored, one);
        if (query.kind !== undefined && item.scope !== query.kind) continue;
        if (query.match.test(item.key)) yield item;
      }
    }
  }
}

function itemOf({ subject, count, resetTime, blocked }: StoredKey, { ids, limit }: Counters): ListedKey {
  const kind = kindOf(subject);
  // All who have no identity count together, as everybody does elsewhere.
  const isShared = kind === 'missing';
  const key = kind === undefined || isShared ? subject : subject.slice(kind.length + 1);
  const scope = kind === undefined ? 'organization' : isShared ? 'global' : (kind as Scope);
  return { key, scope, subject, rule: ids.join(','), count, limit, resetTime, blocked };
}
