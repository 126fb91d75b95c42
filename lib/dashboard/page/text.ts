/** Numbers and times as people read them. */
import { durationText } from '../../base/text';

export const many = (count: number): string => count.toLocaleString('en');

export const ago = (ms: number): string => (ms < 1_500 ? 'just now' : `${durationText(ms)} ago`);

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
