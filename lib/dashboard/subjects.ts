import { invalidOption, RateLimitError } from '../base/errors';
import { fleetOf } from '../monitoring/figures';
import { isOf, limitsOf } from './limited';
import type { MonitoredLimiter } from '../monitoring/options';
import { readPage } from '../monitoring/read';
import { ID_SCOPES, listedName, subjectOf } from '../rules/identity';
import type { ListedKey, PageOptions } from '../stores/types';
import { MOST_SUBJECTS } from '../telemetry/top-denied';
import type { Found, SubjectPage } from './types';

const HOURS = 24;
const A_MOMENT_MS = 100;
const STEP = 1_000;
/** What is enough for people. */
const ENOUGH = 100;

/**
 * Who is counted under a text: first whoever has exactly this id, of any kind, asked for by name; then all whose id has the text
 * in it, or is of the form that it is where it has a star.
 */
export async function find(limiter: MonitoredLimiter, query: URLSearchParams): Promise<Found> {
  const text = query.get('text') ?? '';
  const page = new URLSearchParams(query);
  page.delete('text');
  // A look through many keys for few of them, so in long steps.
  page.set('limit', `${STEP}`);
  page.set('match', text === '' ? '*' : text.includes('*') ? text : `*${literal(text)}*`);
  const options = readPage(page);
  const isFirst = (options.cursor ?? '') === '';
  const [exact, { items, cursor }] = await Promise.all([
    isFirst && text !== '' && !text.includes('*') ? named(limiter, text) : [],
    filled(limiter, options),
  ]);
  const { kind, rule } = options;
  const meant = exact.filter(
    (item) =>
      (kind === undefined || item.scope === kind) &&
      (rule === undefined || item.rule.split(',').includes(rule)),
  );
  const all = new Map([...meant, ...items].map((item) => [`${item.rule}\n${item.subject}`, item]));
  return { items: [...all.values()], cursor };
}

/** As many pages as make one for people, or as can be had in a moment. */
async function filled(limiter: MonitoredLimiter, options: PageOptions): Promise<Found> {
  const startedMs = performance.now();
  const items: ListedKey[] = [];
  let { cursor = '' } = options;
  do {
    const page = await limiter.page({ ...options, cursor });
    items.push(...page.items);
    ({ cursor } = page);
  } while (cursor !== '' && items.length < ENOUGH && performance.now() - startedMs < A_MOMENT_MS);
  return { items, cursor };
}

/** What a glob takes for this very text. */
const literal = (text: string) => text.replace(/[\\*?[\]]/g, '\\$&');

/** Those whose id is exactly this, or whom listings name so. */
async function named(limiter: MonitoredLimiter, text: string): Promise<ListedKey[]> {
  const subjects = new Set([text]);
  for (const scope of ID_SCOPES) {
    try {
      subjects.add(subjectOf(scope, text));
    } catch (error) {
      // No address, say.
      if (!(error instanceof RateLimitError)) throw error;
    }
  }
  const found = await Promise.all([...subjects].map((subject) => statusOf(limiter, subject)));
  return found.flat();
}

/** Of whom no rule could count nothing is counted. */
async function statusOf(limiter: MonitoredLimiter, subject: string): Promise<ListedKey[]> {
  try {
    return await limiter.status(subject);
  } catch (error) {
    if (error instanceof RateLimitError && error.code === 'ERR_INVALID_KEY') return [];
    throw error;
  }
}

/** All that is known of one subject, as listings name it. */
export async function subjectPage(limiter: MonitoredLimiter, query: URLSearchParams): Promise<SubjectPage> {
  const subject = query.get('subject') ?? '';
  if (subject === '')
    throw invalidOption('subject is missing: give it as listings name it, such as ip:192.0.2.1.');
  const [items, fleet, shared, changes] = await Promise.all([
    limiter.status(subject),
    fleetOf(limiter, HOURS),
    limiter.sharedRules?.read(),
    limiter.changes(),
  ]);
  const name = listedName(subject);
  const isMeant = (one: { readonly subject?: string }) => one.subject === subject || one.subject === name;
  const { allow, deny, overrides } = limiter.access.entries();
  const denials = limiter.topDenied(MOST_SUBJECTS).filter(isMeant);
  const limits = limitsOf(limiter.describe());
  // Where plans share the count, the plan that denied it is known.
  const limitOf = ({ rule, limit }: ListedKey) =>
    limit ?? limits.get(denials.find((one) => isOf(one, one.subject, rule))?.rule ?? '');
  return {
    now: Date.now(),
    subject,
    items: items.map((item) => ({ ...item, limit: limitOf(item) })),
    denials,
    byHour: fleet === null ? null : (fleet.deniedSubjects.find(isMeant)?.byHour ?? []),
    override: shared?.overrides[name] ?? null,
    listed: deny.includes(name) ? 'deny' : allow.includes(name) ? 'allow' : null,
    ownOverride: overrides[name] ?? null,
    changes: changes.filter(isMeant),
  };
}
