import { crypto } from '../base/lazy';
import { canonicalAddress, groupText, IPV6_SUBNET, parseClient, type Range } from '../http/address';
import type { HeaderSource } from '../http/client-ip';
import { invalidOption, RateLimitError, shown } from '../base/errors';
import { validateKey } from './key';
import type { FailureMode } from './failure-mode';
import { readInteger } from '../base/validate';

/** A request as `checkRequest` takes it. What is null, undefined or empty is missing. */
export interface RateLimitRequest {
  method: string;
  /** The path, such as `request.url` of Node.js or `nextUrl.pathname`; query and fragment are ignored. */
  path: string;
  /** The client's address; see `clientIp`. A port is left out; what is no address is missing. */
  ip?: string | null;
  /** Ids as the server knows them, after it has verified who is asking: never as a request claims them. */
  user?: string | null;
  organization?: string | null;
  /** A key that was verified. Its hash is counted, so the key itself stands in no store, log or listing. */
  apiKey?: string | null;
  /** The plan whose rules apply besides those that match. */
  plan?: string;
  /** Units to charge, all or nothing: an integer, 1 to 2^53-1. Default 1. */
  cost?: number;
  /** What is answered for this request while the store is away, in place of what its rules say. */
  failureMode?: FailureMode;
  /** For identities and `bypass` that are functions; nothing else reads them. */
  headers?: HeaderSource;
}

/** What a function answers: an id, or nothing where the request has none. */
export type IdentityFunction = (request: RateLimitRequest) => string | null | undefined;

/**
 * Whom a rule counts.
 *
 * - `ip`, `user`, `organization`, `apiKey`: each of these apart.
 * - `endpoint`: each path apart, whoever asks; in lower case, and the pattern's own path where it has no star.
 * - `global`: everybody together, under this rule.
 * - a function: each id that it answers.
 */
export type Identity = (typeof IDENTITIES)[number] | IdentityFunction;

export const IDENTITIES = ['ip', 'user', 'organization', 'apiKey', 'endpoint', 'global'] as const;

/** The kind of a subject, as decisions and headers name it. */
export type Scope = (typeof IDENTITIES)[number] | 'custom';

/** Who is counted: a text that no other subject has, of whatever kind. */
export interface Subject {
  readonly scope: Scope;
  readonly text: string;
}

/** What stands before the ids of a kind. `missing` is for rules that count all who have no identity together. */
const MARKED = /^(?:ip|user|organization|apiKey|endpoint|global|custom|missing):/;

/** The subject of everybody together. */
const EVERYBODY: Subject = { scope: 'global', text: 'global:all' };

/** The longest path that stands in a key as it is. */
const MAX_PATH_BYTES = 512;

/** The kinds whose subject is an id. */
export type IdScope = (typeof ID_SCOPES)[number];

export const ID_SCOPES = ['ip', 'user', 'organization', 'apiKey', 'custom'] as const;

/**
 * The text under which an id is counted, as `check`, `reset` and `block` take it. Ids of users, addresses and so on
 * have their kind in front: the user `1.2.3.4` is not that address. Organizations stand for themselves, unless their
 * id begins like one of those; then they have theirs in front, too. API keys are hashed. An address is that of one
 * client, however it is written: without its port, and of IPv6 its network (`ip:2001:db8::/64`).
 * @param ipv6Subnet as in `clientIp`; for `ip` only
 * @throws RateLimitError `ERR_INVALID_KEY` for an id that is empty, too long or no valid text, or no address
 */
export function subjectOf(scope: IdScope, id: string, ipv6Subnet = IPV6_SUBNET): string {
  if (!ID_SCOPES.includes(scope)) {
    throw invalidOption(`${shown(scope)} is not a kind of id; write one of ${ID_SCOPES.join(', ')}.`);
  }
  readInteger(ipv6Subnet, 'ipv6Subnet', IPV6_SUBNET, 1, 128);
  if (scope === 'apiKey') {
    if (typeof id !== 'string' || id === '') validateKey(id);
    return `apiKey:${crypto().createHash('sha256').update(id).digest('base64url')}`;
  }
  validateKey(id);
  switch (scope) {
    case 'ip': {
      const address = canonicalAddress(id, ipv6Subnet);
      if (address !== null) return `ip:${address}`;
      throw new RateLimitError('ERR_INVALID_KEY', `${shown(id)} is no IP address.`);
    }
    case 'organization':
      return MARKED.test(id) ? `organization:${id}` : id;
    case 'user':
    case 'custom':
      return `${scope}:${id}`;
  }
}

/** What stands before an id, where a text has the kind of its subject in front. */
export function kindOf(text: string): string | undefined {
  return MARKED.test(text) ? text.slice(0, text.indexOf(':')) : undefined;
}

/** The kind of a subject. All who have no identity count together, as everybody does elsewhere. */
export function scopeOf(subject: string): Scope {
  const kind = kindOf(subject);
  return kind === undefined ? 'organization' : kind === 'missing' ? 'global' : (kind as Scope);
}

/** A subject as lists name it: an organization may have its kind in front there, though it is counted without. */
export function listedName(subject: string): string {
  const id = subject.startsWith('organization:') ? subject.slice('organization:'.length) : subject;
  return MARKED.test(id) ? subject : id;
}

/**
 * How lists name the organization whose key `check` was given: by its id, or as `subjectOf` wrote it. Whatever the key
 * looks like, it is that of no user and no address: who may choose the id of an organization must not choose a kind.
 */
export function organizationName(key: string): string {
  const isWritten = key.startsWith('organization:') && MARKED.test(key.slice('organization:'.length));
  return isWritten || !MARKED.test(key) ? key : `organization:${key}`;
}

/** The identities of one request. */
export class Identities {
  /** The client's address, or what is known of it; null where there is none. */
  private client: Range | null | undefined;
  /** What functions answered: each is asked once for a request. */
  private readonly customs = new Map<IdentityFunction, Subject | undefined>();

  constructor(
    private readonly request: RateLimitRequest,
    private readonly ipv6Subnet: number,
    private readonly onNoAddress?: () => void,
  ) {}

  /**
   * The first of these that the request has; undefined where it has none.
   * @param endpoint the path that counts for `endpoint`
   * @throws RateLimitError `ERR_INVALID_KEY` for an id that cannot be counted; what a function throws
   */
  first(identities: readonly Identity[], endpoint: () => string): Subject | undefined {
    for (const identity of identities) {
      const subject = this.find(identity, endpoint);
      if (subject !== undefined) return subject;
    }
    if (identities.includes('ip')) this.onNoAddress?.();
    return undefined;
  }

  get address(): Range | null {
    const { ip } = this.request;
    if (this.client === undefined) this.client = typeof ip === 'string' ? parseClient(ip) : null;
    return this.client;
  }

  private find(identity: Identity, endpoint: () => string): Subject | undefined {
    const { request } = this;
    if (typeof identity === 'function') {
      if (!this.customs.has(identity)) this.customs.set(identity, ofId('custom', identity(request)));
      return this.customs.get(identity);
    }
    switch (identity) {
      case 'ip':
        if (this.address === null) return undefined;
        return { scope: 'ip', text: `ip:${groupText(this.address, this.ipv6Subnet)}` };
      case 'endpoint':
        return { scope: 'endpoint', text: endpointText(endpoint()) };
      case 'global':
        return EVERYBODY;
      case 'user':
      case 'organization':
      case 'apiKey':
        return ofId(identity, request[identity]);
    }
  }
}

function ofId(scope: IdScope, id: string | null | undefined): Subject | undefined {
  return id === undefined || id === null || id === '' ? undefined : { scope, text: subjectOf(scope, id) };
}

/** Paths are as long as clients like; a long one is hashed, so that it cannot be refused as a key. */
function endpointText(path: string): string {
  // Half of a surrogate pair, which no decoding gives but a caller may pass, is no text for a key either.
  const text = path.replace(/\p{Surrogate}/gu, '\ufffd');
  if (Buffer.byteLength(text) <= MAX_PATH_BYTES) return `endpoint:${text}`;
  return `endpoint:sha256:${crypto().createHash('sha256').update(text).digest('base64url')}`;
}

/** The subjects that requests without an identity share where a rule says so. */
export const MISSING: Subject = { scope: 'global', text: 'missing:all' };

/** Reads `by`: an identity, or a list of which the first that a request has counts. */
export function readIdentities(
  value: unknown,
  where: string,
  otherwise: readonly Identity[],
): readonly Identity[] {
  if (value === undefined) return otherwise;
  const given: unknown[] = Array.isArray(value) ? value : [value];
  if (given.length === 0) throw invalidOption(`${where} is empty; name at least one identity.`);
  return given.map((one, i) => {
    if (typeof one === 'function') return one as IdentityFunction;
    const identity = IDENTITIES.find((known) => known === one);
    if (identity !== undefined) return identity;
    throw invalidOption(
      `${Array.isArray(value) ? `${where}[${i}]` : where} must be one of ${IDENTITIES.join(', ')} or a function, not ${shown(one)}.`,
    );
  });
}
