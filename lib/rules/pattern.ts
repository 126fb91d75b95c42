import { invalidOption, shown } from '../base/errors';
import { http } from '../base/lazy';
import type { RequestPath, Segments } from './path';

/** Which requests: `POST:/auth/*`, `*:/api/*`, `/api/users` or `*`. A star for the method may do without its colon. */
export interface Pattern {
  /** As it was written. */
  readonly text: string;
  /** In capitals; undefined: any. */
  readonly method: string | undefined;
  /** What each segment has to be; undefined where `*` stands for any one segment. */
  readonly segments: readonly (string | undefined)[];
  /** The same in lower case. */
  readonly folded: readonly (string | undefined)[];
  /** Whether everything below the segments belongs to it as well. */
  readonly below: boolean;
  readonly literals: number;
}

const FORM =
  "Write a path such as '/api/users', '/api/*' for it and all below, or 'POST:/auth/*'; '*' alone is everything";
/** `:id`, `[id]`, `{id}` and `(group)`: how routers write what no request has in these letters. */
const PLACEHOLDER = /^(?::.*|\[.*\]|\{.*\}|\(.*\))$/s;
const PARTS = /^(?:(\*|[A-Za-z]+):|\*(?=\/))?(\/.*|\*)$/s;

/**
 * Reads a pattern. A method and a colon may stand in front (`*:` and `*` before a slash mean any; a pattern for GET
 * holds for HEAD too). `*` as a segment is any one segment, as the last one this path and all below. Everything is
 * compared by whole segments. Percent-encoding stands for the characters it encodes: `%2A` is a star, `%3Aid` is `:id`.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function parsePattern(text: unknown, where: string): Pattern {
  if (typeof text !== 'string')
    throw invalidOption(`${where} must be a pattern, not ${shown(text)}. ${FORM}.`);
  const parts = PARTS.exec(text);
  if (parts === null) throw refused(where, text, 'is not a pattern');
  const [, method, path = ''] = parts;
  if (method !== undefined && method !== '*' && !http().METHODS.includes(method.toUpperCase())) {
    // A rule that never applies would limit nobody, unseen.
    throw refused(where, text, "begins with a method that Node.js does not know; '*:' is for all methods");
  }
  const written = path === '*' ? ['*'] : path.split('/').slice(1);
  // A slash at the end makes no difference in a request, so it makes none here.
  if (written.at(-1) === '') written.pop();
  const below = written.at(-1) === '*';
  if (below) written.pop();
  const segments = written.map((segment) => (segment === '*' ? undefined : literal(segment, where, text)));
  return {
    text,
    method: method === undefined || method === '*' ? undefined : method.toUpperCase(),
    segments,
    folded: segments.map((segment) => segment?.toLowerCase()),
    below,
    literals: segments.filter((segment) => segment !== undefined).length,
  };
}

function literal(segment: string, where: string, text: string): string {
  if (segment === '') throw refused(where, text, 'has an empty segment, which no request has');
  if (/[?#\\]/.test(segment)) throw refused(where, text, 'holds ?, # or \\, which no path has');
  if (segment.includes('*')) {
    throw refused(where, text, 'has a * inside a segment; a star stands for whole segments only');
  }
  if (PLACEHOLDER.test(segment)) {
    throw refused(
      where,
      text,
      'has a segment that reads like a parameter; a star stands for any one segment',
    );
  }
  let name: string;
  try {
    name = decodeURIComponent(segment);
  } catch {
    throw refused(where, text, 'has a % that starts no percent-encoding; write it as %25');
  }
  if (name === '.' || name === '..')
    throw refused(where, text, 'has a dot segment; write the path it leads to');
  if (/[/\\]/.test(name))
    throw refused(where, text, 'has an encoded slash, which separates segments as a slash does');
  return name;
}

function refused(where: string, text: string, why: string) {
  return invalidOption(`${where}: ${shown(text)} ${why}. ${FORM}.`);
}

/** A reading of a path, as it is and in lower case. */
export interface Reading {
  readonly exact: Segments;
  readonly folded: Segments;
}

export function readingsOf({ readings }: RequestPath): Reading[] {
  return readings.map((exact) => ({ exact, folded: exact.map((segment) => segment.toLowerCase()) }));
}

/**
 * Whether a rule's pattern matches a reading in lower case. Letters match in either case, because some routers do not
 * tell them apart; a rule that applies to more paths than meant is the safe mistake.
 */
export function matches(pattern: Pattern, method: string, folded: Segments): boolean {
  return hasMethod(pattern, method) && covers(pattern.folded, pattern.below, folded);
}

/** Whether every reading matches, and in its exact letters. Only so may a pattern loosen what limits others. */
export function matchesExactly(pattern: Pattern, method: string, readings: readonly Reading[]): boolean {
  return (
    hasMethod(pattern, method) &&
    readings.every(({ exact }) => covers(pattern.segments, pattern.below, exact))
  );
}

function hasMethod(pattern: Pattern, method: string): boolean {
  // What answers GET answers HEAD as well, which must not be a way around a limit.
  return (
    pattern.method === undefined ||
    pattern.method === method ||
    (pattern.method === 'GET' && method === 'HEAD')
  );
}

function covers(wanted: Pattern['segments'], below: boolean, segments: Segments): boolean {
  if (below ? segments.length < wanted.length : segments.length !== wanted.length) return false;
  return wanted.every((segment, i) => segment === undefined || segment === segments[i]);
}

/** Orders patterns, the most specific first: exact, then most literal segments, then with a method, `*` last. */
export function compareSpecificity(a: Pattern, b: Pattern): number {
  return (
    Number(isExact(b)) - Number(isExact(a)) ||
    b.literals - a.literals ||
    Number(b.method !== undefined) - Number(a.method !== undefined) ||
    b.segments.length - a.segments.length
  );
}

function isExact(pattern: Pattern): boolean {
  return !pattern.below && pattern.literals === pattern.segments.length;
}
