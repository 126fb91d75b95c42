/** What requests bring. @throws RateLimitError `ERR_INVALID_OPTION`, `ERR_INVALID_KEY` */
import { invalidOption, shown } from '../base/errors';
import { IDENTITIES, subjectOf, type IdScope } from '../rules/identity';
import type { SubjectId } from '../rules/named';
import type { PageOptions } from '../stores/types';
import { problem } from './answers';

const MOST_BYTES = 8_192;
const MOST_ITEMS = 1_000;
const ITEMS = 100;
const KINDS = [...IDENTITIES, 'custom'];

/** Whom a key means: the text that listings show, or with a kind the bare id. */
export function readSubject(key: unknown, kind: unknown): SubjectId {
  if (kind === undefined || kind === 'organization') return key as SubjectId;
  if (kind !== 'global' && kind !== 'endpoint' && KINDS.includes(kind as string)) {
    return subjectOf(kind as IdScope, key as string);
  }
  throw invalidOption(`kind must be organization, user, ip, apiKey or custom, not ${shown(kind)}.`);
}

export function readPage(query: URLSearchParams): PageOptions {
  const text = (name: string) => query.get(name) ?? undefined;
  const limit = text('limit') ?? `${ITEMS}`;
  if (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > MOST_ITEMS) {
    throw invalidOption(`limit must be 1 to ${MOST_ITEMS}, not ${shown(limit)}.`);
  }
  return {
    match: text('match'),
    kind: text('kind') as PageOptions['kind'],
    rule: text('rule'),
    cursor: text('cursor'),
    pageSize: Number(limit),
  };
}

interface Body {
  readonly key: unknown;
  readonly kind?: unknown;
  readonly rule?: string;
}

/** The body of `reset`. */
export async function readBody(request: Request): Promise<Body | Response> {
  return readJson<Body>(request, 'key', '{"key":"org-123"}; kind and rule may stand beside key.');
}

/**
 * The body of a request that changes something; a form cannot send one of this type without asking.
 * @param needed a text that it must have
 * @param example what is said to whoever sent something else
 */
export async function readJson<T extends object>(
  request: Request,
  needed: string & keyof T,
  example: string,
): Promise<T | Response> {
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/json\b/i.test(type)) {
    return problem(415, 'unsupported-media-type', 'Send JSON, with Content-Type: application/json.');
  }
  if (Number(request.headers.get('content-length') ?? 0) > MOST_BYTES) return tooLarge();
  const text = await request.text();
  if (text.length > MOST_BYTES) return tooLarge();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (typeof body === 'object' && body !== null && typeof (body as T)[needed] === 'string') return body as T;
  return problem(400, 'bad-request', `Send JSON such as ${example}`);
}

const tooLarge = () => problem(413, 'too-large', `The body has more than ${MOST_BYTES} bytes.`);
