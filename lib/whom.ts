import { validateKey } from './key';
import type { RateLimitRequest, Scope } from './rules/identity';
import type { Charge } from './rules/select';

/** Whom the rules of a call count: one key for all of them, or what a request comes to. */
export type Whom = string | Subjects;

/** The subjects of a request, one for each rule. */
export interface Subjects {
  /** One text where all rules count the same. */
  readonly keys: string | string[];
  readonly scopes: readonly (Scope | undefined)[];
  /** The request itself, where somebody is told of its decision. */
  readonly request: RateLimitRequest | undefined;
}

/** The key, if it is a text: a list of them is for requests only. The core checks the rest. */
export function readKey(key: string): string {
  if (typeof key !== 'string') validateKey(key);
  return key;
}

export function subjectsOf(charges: readonly Charge[], request?: RateLimitRequest): Subjects {
  const keys = charges.map(({ subject }) => subject);
  const one = keys.every((key) => key === keys[0]) ? keys[0] : undefined;
  return { keys: one ?? keys, scopes: charges.map(({ scope }) => scope), request };
}

/** The key or keys as the core takes them. */
export function keysOf(whom: Whom): string | string[] {
  return typeof whom === 'string' ? whom : whom.keys;
}

/** The subject of the rule at a place. */
export function subjectAt(whom: Whom, place: number): string {
  const keys = keysOf(whom);
  return typeof keys === 'string' ? keys : keys[place]!;
}

export function requestOf(whom: Whom): RateLimitRequest | undefined {
  return typeof whom === 'string' ? undefined : whom.request;
}

export function scopeAt(whom: Whom, place: number): Scope | undefined {
  return typeof whom === 'string' ? undefined : whom.scopes[place];
}
