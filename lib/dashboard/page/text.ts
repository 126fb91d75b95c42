/** Numbers and times as people read them. */

export const many = (count: number): string => count.toLocaleString('en');

export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export const ago = (ms: number): string => (ms < 1_500 ? 'just now' : `${lasting(ms)} ago`);

export const percent = (part: number): string => `${(part * 100).toFixed(part > 0 && part < 0.1 ? 1 : 0)} %`;

export const timeOf = (ms: number): string =>
  new Date(ms).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const dateOf = (ms: number): string => `${new Date(ms).toLocaleDateString('en-CA')} ${timeOf(ms)}`;

const KINDS: { readonly [kind: string]: string } = {
  organization: 'organization',
  user: 'user',
  ip: 'address',
  apiKey: 'API key',
  custom: 'custom',
  endpoint: 'endpoint',
  global: 'everybody',
};

export const kindText = (kind: string): string => KINDS[kind] ?? kind;

/** What would be no letter on the page, and what changes the direction of those beside it, is shown by its number. */
export const shown = (id: string): string =>
  id.replace(/[\p{Cc}\p{Cf}]/gu, (char) => `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}`);
