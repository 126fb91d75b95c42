/**
 * The path of a request, taken apart for matching.
 *
 * Servers differ in what they make of `%2F`, `\`, `.`, `..`, doubled slashes and escapes that nobody needs, such as
 * `%68` for `h`: some routers see a separator, climb, see a host or decode there, others see plain text. A path that
 * holds these is therefore read in every way there is, and whoever matches decides: a rule applies when any reading
 * matches, a bypass only when all do. So no way of writing a path gets around a limit.
 */
export interface RequestPath {
  /** The readings, as segments; the first has everything decoded and resolved. Nearly always it is the only one. */
  readonly readings: readonly Segments[];
}

export type Segments = readonly string[];

/** What makes a path more than its segments between slashes: escapes, backslashes, `.`, `..` and empty segments. */
const UNUSUAL = /[%\\]|\/\.|\/\//;
const SEPARATOR = /%2f|%5c|\\/i;
/** Escapes of what may stand in a path as it is (`pchar` of RFC 3986): letters, digits and some marks. */
const NEEDLESS = /%(?=2[146-9a-e]|3[\dabd]|[46][\da-f]|5[\daf]|7[\dae])/gi;
/** What `new URL` takes for the name of a host: in `//name/path` the path is `/path`. */
const AUTHORITY = /^\/[/\\]/;

/**
 * Takes a path apart: query and fragment dropped, percent-encoding decoded once, `.` and empty segments left out,
 * so that a slash at the end makes no difference, and `..` resolved, never above the root. Takes the path of a
 * request line, also in its absolute form (`http://host/path`). Never throws: malformed encoding stays as it is.
 */
export function parsePath(path: string): RequestPath {
  const text = pathOf(path);
  if (!UNUSUAL.test(text)) return { readings: [text.split('/').filter(isNamed)] };

  const splits = [split(decoded(text).replaceAll('\\', '/'))];
  if (SEPARATOR.test(text)) splits.push(text.split('/').map(decoded).filter(isNamed));
  if (AUTHORITY.test(text)) splits.push(...splits.map((segments) => segments.slice(1)));
  const readings: Segments[] = splits.map(climbed);
  for (const segments of splits) if (segments.includes('..')) readings.push(segments);
  readings.push(asWritten(text));
  return { readings: readings.filter((one, i) => readings.findIndex((other) => same(one, other)) === i) };
}

/** A reading as text, `/` and segments; two readings with segments have equal texts only if these are equal. */
export function pathText(segments: Segments): string {
  return `/${segments.map((segment) => segment.replaceAll('%', '%25').replaceAll('/', '%2F')).join('/')}`;
}

function pathOf(target: string): string {
  const end = target.search(/[?#]/);
  const text = end === -1 ? target : target.slice(0, end);
  if (text.startsWith('/')) return text;
  const path = text.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/\\]*/i, '');
  return path.startsWith('/') ? path : `/${path}`;
}

function split(text: string): string[] {
  return text.split('/').filter(isNamed);
}

/** Nothing resolved, and decoded only what had to be encoded. A slash at the end makes no difference to any router. */
function asWritten(text: string): string[] {
  const segments = text.slice(1).split('/');
  if (segments.at(-1) === '') segments.pop();
  return segments.map((segment) => decoded(segment.replace(NEEDLESS, '%25')));
}

function isNamed(segment: string): boolean {
  return segment !== '' && segment !== '.';
}

function climbed(segments: Segments): string[] {
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else kept.push(segment);
  }
  return kept;
}

/** Decodes once. Where the whole is no valid UTF-8, at least the ASCII in it is decoded. */
function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  }
}

function same(a: Segments, b: Segments): boolean {
  return a.length === b.length && a.every((segment, i) => segment === b[i]);
}
