import { invalidOption, shown } from '../base/errors';

/**
 * A glob as Redis reads it in SCAN: `*` any text, `?` one character, `[abc]`, `[^a]`, `[a-z]`, `\x` the character itself.
 * The core has its own for what it scans (src/domain/glob.h).
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function readGlob(value: unknown, where: string): RegExp {
  if (typeof value !== 'string' || value === '' || value.length > 4_096) {
    throw invalidOption(`${where} must be a glob of 1 to 4,096 characters, such as "org-*".`);
  }
  const parts = value.match(/\\[^]|\*+|\?|\[\^?(?:\\[^]|[^\]])*\]|[^]/gu) ?? [];
  try {
    return new RegExp(`^${expressionOfAll(parts)}$`, 'su');
  } catch {
    throw invalidOption(`${where}: ${shown(value)} is no glob, such as "org-*".`);
  }
}

/**
 * What stands between two stars is taken where it occurs first, and that is never tried anew: it leaves the most to what
 * follows. Else a text of one letter would be gone through in all the ways to share it among the stars. A lookahead is never
 * tried anew, and the reference behind it moves past what it has found.
 */
function expressionOfAll(parts: readonly string[]): string {
  const between = [''];
  for (const part of parts) {
    if (!part.startsWith('*')) between.push(between.pop()! + expressionOf(part));
    else if (between.length === 1 || between.at(-1) !== '') between.push('');
  }
  const [first = '', ...rest] = between;
  const last = rest.pop();
  if (last === undefined) return first;
  return `${first}${rest.map((text, i) => `(?=(.*?${text}))\\${i + 1}`).join('')}.*${last}`;
}

function expressionOf(part: string): string {
  if (part === '?') return '.';
  if (part.length > 2 && part.startsWith('[')) return classOf(part.slice(1, -1));
  return literal(part.startsWith('\\') && part.length > 1 ? part.slice(1) : part);
}

function classOf(inner: string): string {
  const negated = inner.startsWith('^');
  const items = (negated ? inner.slice(1) : inner).match(/(?:\\[^]|[^])(?:-(?:\\[^]|[^]))?/gu) ?? [];
  const read = items.map((item) => {
    const [low = '', high = low] = item
      .replace(/\\([^])/gu, '$1')
      .split(/(?<=^[^])-/u)
      .sort();
    return high === low ? inClass(low) : `${inClass(low)}-${inClass(high)}`;
  });
  return `[${negated ? '^' : ''}${read.join('')}]`;
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function inClass(text: string): string {
  return text === '-' ? '\\-' : literal(text);
}
