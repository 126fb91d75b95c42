import { validateKey } from '../rules/key';
import type { RateLimitRequest, Scope } from '../rules/identity';
import type { Charge } from '../rules/select';

/** Whom the rules of a call count: one key for all of them, or what a request comes to. */
export type Subjects = string | RequestSubjects;

/** The subjects of a request, one for each rule. */
export interface RequestSubjects {
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

export function subjectsOf(charges: readonly Charge[], request?: RateLimitRequest): RequestSubjects {
  const keys = charges.map(({ subject }) => subject);
  const one = keys.every((key) => key === keys[0]) ? keys[0] : undefined;
  return { keys: one ?? keys, scopes: charges.map(({ scope }) => scope), request };
}

/** The key or keys as the core takes them. */
export function keysOf(subjects: Subjects): string | string[] {
  return typeof subjects === 'string' ? subjects : subjects.keys;
}

/** The subject of the rule at a place. */
export function subjectAt(subjects: Subjects, place: number): string {
  const keys = keysOf(subjects);
  return typeof keys === 'string' ? keys : keys[place]!;
}

export function requestOf(subjects: Subjects): RateLimitRequest | undefined {
  return typeof subjects === 'string' ? undefined : subjects.request;
}

export function scopeAt(subjects: Subjects, place: number): Scope | undefined {
  return typeof subjects === 'string' ? undefined : subjects.scopes[place];
}
