/** Texts for people: of terminals and of pages. */

/** A time ahead as people say it: `59 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Ids are anybody's text: what would move a cursor, or turn the direction of what stands beside it, is shown by its number. */
export function shownId(id: string): string {
  return id.replace(/[\p{Cc}\p{Cf}]/gu, (char) => `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}`);
}

/** Limits as the command line takes them: `2x`, `500/h`, `500/h,50/m`; what has more to it as JSON. */
export function limitText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value.join(',');
  const { multiply, ...others } = value as { multiply?: number };
  const isTimes = multiply !== undefined && Object.keys(others).length === 0;
  return isTimes ? `${multiply}x` : JSON.stringify(value);
}

/** What was given with a change by hand; empty: nothing. */
export function changeText(kind: string, value: unknown): string {
  if (value === undefined || value === null) return kind === 'override' ? 'ended' : '';
  if (kind === 'block' && typeof value === 'number') return `for ${durationText(value)}`;
  return kind === 'override' || typeof value === 'string' ? limitText(value) : JSON.stringify(value);
}
