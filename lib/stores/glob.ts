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
    // Stars behind each other are one, so that no text makes the expression go through all their splits.
    return new RegExp(`^${parts.map(expressionOf).join('')}$`, 'su');
  } catch {
    throw invalidOption(`${where}: ${shown(value)} is no glob, such as "org-*".`);
  }
}

function expressionOf(part: string): string {
  if (part.startsWith('*')) return '.*';
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
