import { invalidOption, shown } from '../base/errors';
import { readInteger, refuseUnknown, requireObject } from '../base/validate';
import type { RuleSet } from '../decision/rule-set';
import { IDENTITIES, kindOf, scopeOf, type Scope } from '../rules/identity';
import { readGlob } from '../stores/glob';
import type { ListQuery, StoredKey } from '../stores/listing';
import type { KeyPage, ListedKey, ListOptions } from '../stores/types';
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
        if (isMeant(item, query)) yield item;
      }
    }
  }
}

/** One page of what counters hold: at least one item, unless it is the last. */
export async function page(
  backend: Backend,
  counters: readonly Counters[],
  query: ListQuery,
  cursor: string,
): Promise<KeyPage> {
  let [at, inStore] = readCursor(cursor, counters.length);
  while (at < counters.length) {
    const one = counters[at]!;
    const { keys, next } = await backend.page(one.set, query, inStore);
    if (next === '') at++;
    inStore = next;
    const items = keys.map((stored) => itemOf(stored, one)).filter((item) => isMeant(item, query));
    if (items.length > 0) return { items, cursor: at < counters.length ? `${at}:${inStore}` : '' };
  }
  return { items: [], cursor: '' };
}

function readCursor(cursor: string, many: number): [number, string] {
  if (cursor === '') return [0, ''];
  const [, at, inStore] = /^(\d{1,6}):(.*)$/s.exec(cursor) ?? [];
  if (at !== undefined && Number(at) < many) return [Number(at), inStore!];
  throw invalidOption('cursor must be what the page before gave, with the same options.');
}

const isMeant = ({ scope, key }: ListedKey, { kind, match }: ListQuery) =>
  (kind === undefined || scope === kind) && match.test(key);

/** What counters hold for subjects, each asked for by its key. */
export async function found(
  backend: Backend,
  counters: readonly Counters[],
  subjects: readonly string[],
): Promise<ListedKey[]> {
  const items = subjects.flatMap((subject) =>
    counters.map(async (one) => {
      const stored = await backend.read(one.set, subject);
      return stored === undefined ? [] : [itemOf(stored, one)];
    }),
  );
  return (await Promise.all(items)).flat();
}

function itemOf(
  { subject, count, resetTime, blocked }: Omit<StoredKey, 'key'>,
  { ids, limit }: Counters,
): ListedKey {
  const kind = kindOf(subject);
  const key = kind === undefined || kind === 'missing' ? subject : subject.slice(kind.length + 1);
  return { key, scope: scopeOf(subject), subject, rule: ids.join(','), count, limit, resetTime, blocked };
}
