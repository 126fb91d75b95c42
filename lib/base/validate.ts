/** How options of any kind are checked: by name and by value, with errors that say where and what instead. */
import { invalidOption, shown } from './errors';

/** True for a safe integer within both bounds. */
export function isIntegerIn(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

/** An option of former versions: what stands in its place, and beside which options that holds. */
interface Former {
  readonly name: string;
  readonly now: string;
  /** How it is written there, where more than the name changed. */
  readonly form?: string;
  readonly beside?: string;
}

const FORMER: readonly Former[] = [
  { name: 'onError', now: 'failureMode' },
  { name: 'skip', now: 'bypass', form: '(request) => …' },
  { name: 'onNearLimit', now: 'nearLimit', form: '{ tell: (rule, decision) => … }', beside: 'onDecision' },
];

/** Options of former versions that stand elsewhere now, and what is written there. */
const MOVED = new Map([
  ['connectTimeoutMs', 'redis: { url, connectTimeoutMs }'],
  ['maxKeys', 'store: memoryStore({ maxKeys })'],
]);

/** Refuses names that are not known, and says which known one was probably meant. */
export function refuseUnknown(given: object, known: readonly string[], path: string, what = 'option'): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const former = FORMER.filter(({ now, beside }) => known.includes(now) && known.includes(beside ?? now));
    const same = former.find((one) => one.name === name);
    if (same !== undefined)
      throw invalidOption(`The ${what} ${shown(path + name)} is now ${inPlace(same, path)}.`);
    const instead = MOVED.get(name);
    if (instead !== undefined && path === '') {
      throw invalidOption(`The ${what} ${shown(name)} has moved: write ${instead}.`);
    }
    const like = nearest(name, [...known, ...former.map((one) => one.name)]);
    const near = former.find((one) => one.name === like)?.now ?? like;
    const hint = near === undefined ? `Known are: ${known.join(', ')}.` : `Did you mean ${path}${near}?`;
    throw invalidOption(`Unknown ${what} ${shown(path + name)}. ${hint}`);
  }
}

function inPlace({ now, form }: Former, path: string): string {
  return form === undefined ? `called ${path}${now}` : `part of ${path}${now}; write ${now}: ${form}`;
}

/** An integer within bounds, or the default where nothing is given. */
export function readInteger(
  value: unknown,
  name: string,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (value === undefined) return otherwise;
  if (isIntegerIn(value, least, most)) return value;
  throw invalidOption(`${name} must be an integer from ${least} to ${most}, not ${shown(value)}.`);
}

/** Refuses what is no plain set of names and values. */
export function requireObject(value: unknown, what: string): asserts value is object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw invalidOption(`${what} must be an object, not ${shown(value)}.`);
}

/** The known name that differs least, when it differs in a third of its letters or less. */
function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance && distance <= Math.max(2, candidate.length / 3)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
