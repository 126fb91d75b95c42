import { subjectOf, type SubjectId } from '../index';
import { UsageError } from './usage';

/** Kinds as they are typed, and as the library calls them. */
const KINDS = {
  organization: 'organization',
  org: 'organization',
  user: 'user',
  ip: 'ip',
  key: 'apiKey',
  custom: 'custom',
} as const;

export interface SubjectFlags {
  readonly kind?: string;
}

/** Whom a key and `--kind` mean. Without a kind it is a text as listings show it, such as `ip:192.0.2.1`. */
export function subjectFrom(key: string, { kind }: SubjectFlags): SubjectId {
  if (kind === undefined) return key;
  const scope = KINDS[kindFrom(kind)];
  return scope === 'organization' ? key : subjectOf(scope, key);
}

/** As lists and overrides name it: a key is an organization's, whatever it looks like, unless `--kind` says otherwise. */
export function nameFrom(key: string, { kind }: SubjectFlags): string {
  const scope = kind === undefined ? undefined : KINDS[kindFrom(kind)];
  if (scope === undefined) return key;
  return scope === 'organization' ? `organization:${key}` : subjectOf(scope, key);
}

/** As listings name it. */
export function scopeFrom(kind: string | undefined): (typeof KINDS)[keyof typeof KINDS] | undefined {
  return kind === undefined ? undefined : KINDS[kindFrom(kind)];
}

function kindFrom(kind: string): keyof typeof KINDS {
  if (Object.hasOwn(KINDS, kind)) return kind as keyof typeof KINDS;
  throw new UsageError(`--kind must be organization, user, ip, key or custom, not ${JSON.stringify(kind)}.`);
}
