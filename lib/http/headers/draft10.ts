import type { BareItem, Item } from 'structured-headers';
import { crypto, structured } from '../../base/lazy';
import type { HeaderRule } from './header-input';

/** The largest integer of a structured field (RFC 9651, section 3.3.1). */
const MAX_INTEGER = 999_999_999_999_999;

/** Bytes of a hash that stand for a partition key: enough to tell keys apart, too few for a header to grow. */
const KEY_BYTES = 12;

/**
 * `RateLimit-Policy` and `RateLimit` as draft-ietf-httpapi-ratelimit-headers-10 has them: what each rule admits
 * (`"api";q=100;w=60`) and where the client stands (`"api";r=50;t=30`), every rule as an item of its own. The
 * partition key is a hash of whom the rule counts. A token bucket's quota is its capacity, and its window the time in
 * which it fills: 200 per minute with a burst of 500 is `q=500;w=150`.
 * @param now milliseconds since the epoch
 */
export function draft10Headers(told: readonly HeaderRule[], now: number): Record<string, string> {
  if (told.length === 0) return {};
  const named = told.map((rule) => ({ rule, name: policyName(rule.rule), pk: partitionKey(rule.subject) }));
  return {
    'RateLimit-Policy': structured().serializeList(named.map(({ rule, name, pk }) => policy(rule, name, pk))),
    RateLimit: structured().serializeList(named.map(({ rule, name, pk }) => standing(rule, name, pk, now))),
  };
}

function policy(rule: HeaderRule, name: string, pk: BareItem | undefined): Item {
  const parameters: [string, BareItem][] = [['q', integer(rule.limit)]];
  const windowMs = windowOf(rule);
  // Windows are whole seconds there; rounded up, a client that paces itself by them is never too fast.
  if (windowMs !== undefined) parameters.push(['w', integer(Math.ceil(windowMs / 1000))]);
  if (pk !== undefined) parameters.push(['pk', pk]);
  return [name, new Map(parameters)];
}

/** The time in which the quota comes back. */
function windowOf({ algorithm, limit, requests = limit, windowMs }: HeaderRule): number | undefined {
  if (algorithm !== 'token-bucket' || windowMs === undefined || requests === 0) return windowMs;
  return (limit * windowMs) / requests;
}

function standing(rule: HeaderRule, name: string, pk: BareItem | undefined, now: number): Item {
  // Where a rule denied, what it says here must not come after its Retry-After.
  const seconds = rule.allowed ? Math.ceil((rule.resetTime - now) / 1000) : rule.retryAfter;
  const parameters: [string, BareItem][] = [
    ['r', integer(rule.remaining)],
    ['t', integer(seconds)],
  ];
  if (pk !== undefined) parameters.push(['pk', pk]);
  return [name, new Map(parameters)];
}

function integer(value: number): number {
  return Math.min(MAX_INTEGER, Math.max(0, value));
}

/** Strings are printable ASCII there; names of plans are anything, so the rest of them is percent-encoded. */
function policyName(id: string): string {
  return id.replace(/[^\x20-\x24\x26-\x7e]/gu, (char) => {
    const bytes = Buffer.from(char);
    return Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  });
}

/** The first bytes of the SHA-256 of whom a rule counts. */
function partitionKey(subject: string | undefined): BareItem | undefined {
  if (subject === undefined) return undefined;
  return Uint8Array.from(crypto().createHash('sha256').update(subject).digest().subarray(0, KEY_BYTES));
}
