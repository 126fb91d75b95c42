import { groupText, IPV6_SUBNET, isWithin, parseHost, parseRange, sizeOf } from './address';
import type { Address, Range } from './address';
import { invalidOption, shown } from '../base/errors';
import { elementsOf, forwardedFor } from './forwarded';
import { refuseSurplus } from '../base/surplus';
import { isIntegerIn, readInteger, refuseUnknown, requireObject } from '../base/validate';

/** Headers as the web has them, or as Node.js has them: an object with a text or a list of texts under each name. */
export type HeaderSource =
  { get(name: string): string | null } | { readonly [name: string]: string | readonly string[] | undefined };

/** A header with addresses, in capitals or small letters. */
export type HeaderName =
  | 'x-forwarded-for'
  | 'forwarded'
  | 'x-real-ip'
  | 'cf-connecting-ip'
  | 'fly-client-ip'
  | 'true-client-ip'
  | (string & {});

/** Whom to believe about where a request comes from. */
export interface ClientIpOptions {
  /**
   * The proxies in front of this process. A number: how many there are, each of which appends the address that it
   * sees. A list: their addresses or networks, such as `['10.0.0.0/8', '::1']`. Default 0: no header is believed.
   */
  trustedProxies?: number | readonly string[];
  /**
   * The address at the other end of the socket, `request.socket.remoteAddress`. Give it wherever there is one. With
   * a list of proxies it is the first to be looked up there; without it the sender is taken for one of them, so
   * nobody but the proxies must be able to reach this process.
   */
  remoteAddress?: string | null;
  /**
   * The header that the proxies write: `x-forwarded-for` (the default), `forwarded` as RFC 7239 has it, or by name one that
   * holds a single address, such as `x-real-ip`, `cf-connecting-ip`, `fly-client-ip` or `true-client-ip`. Of the latter
   * the proxy must overwrite what a request brings, and no request may get around the proxy, or anybody can forge it;
   * it goes without `trustedProxies`.
   */
  header?: HeaderName;
  /** How many leading bits of an IPv6 address count as one client: 1 to 128, default 64. */
  ipv6Subnet?: number;
}

/** Enough for any real chain; beyond it a header is an attack or a loop. */
const MAX_HOPS = 100;

const OPTIONS = ['trustedProxies', 'remoteAddress', 'header', 'ipv6Subnet'];

/**
 * The address that a request came from: the rightmost one that no trusted proxy has, because everything left of it
 * was written by whoever sent the request. It is given as the client that it stands for, without a port: IPv4 as it is
 * (`::ffff:1.2.3.4` is `1.2.3.4`), IPv6 as its network in canonical text (`2001:db8::/64`), with `ipv6Subnet: 128` as
 * the whole address. `subjectOf('ip', address)` makes it a key. Null where no address can be trusted: the header is missing, shorter
 * than the number of proxies, or says `unknown`, an obfuscated name or no address in the place that counts. Of a header
 * with a single address anything but exactly one is null, too.
 * @throws RateLimitError `ERR_INVALID_OPTION`; never for what a request says
 */
export function clientIp(headers: HeaderSource, options: ClientIpOptions = {}): string | null {
  if (arguments.length > 2) refuseSurplus('clientIp', 2, arguments);
  requireHeaders(headers);
  requireObject(options, 'The options of clientIp');
  refuseUnknown(options, OPTIONS, '');
  const ipv6Subnet = readInteger(options.ipv6Subnet, 'ipv6Subnet', IPV6_SUBNET, 1, 128);
  const trusted = readTrusted(options.trustedProxies);
  const header = readHeaderName(options.header);
  const peer = readPeer(options.remoteAddress);
  const isList = LISTS.includes(header);
  if (!isList && options.trustedProxies !== undefined) throw refusedBoth('header', header);

  const address = !isList
    ? parseHost(headerOf(headers, header).trim())
    : trusted === 0
      ? parseHost(peer ?? '')
      : typeof trusted === 'number'
        ? nth(hopsFromRight(headers, header), trusted)
        : firstOutside(hopsFromRight(headers, header), trusted, peer);
  return address === null ? null : groupText([address, sizeOf(address)], ipv6Subnet);
}

/** The n-th address from the right. Fewer of them means that a proxy was passed by, so that none is certain. */
function nth(hops: Iterable<string>, n: number): Address | null {
  let seen = 0;
  for (const hop of hops) {
    if (++seen === n) return parseHost(hop);
  }
  return null;
}

/**
 * The first address from the right that is no trusted proxy. Where all are, the request started at one of them: the
 * leftmost is its address. A proxy that adds no header says nothing about its client, so then there is none.
 */
function firstOutside(
  hops: Iterable<string>,
  trusted: readonly Range[],
  peer: string | undefined,
): Address | null {
  const isTrusted = (address: Address) => trusted.some((range) => isWithin(address, range));
  if (peer !== undefined) {
    const address = parseHost(peer);
    if (address === null || !isTrusted(address)) return address;
  }
  let last: Address | null = null;
  let count = 0;
  for (const hop of hops) {
    last = parseHost(hop);
    if (last === null || !isTrusted(last)) return last;
    if (++count === MAX_HOPS) return null;
  }
  return last;
}

/** The addresses of the header, the nearest proxy's first. */
function hopsFromRight(headers: HeaderSource, header: string): Iterable<string> {
  const value = headerOf(headers, header);
  if (value === '') return [];
  return header === 'forwarded' ? (forwardedFor(value)?.reverse() ?? []) : elementsOf(value);
}

/** A request in their place has none of the headers that are looked for. */
function requireHeaders(headers: unknown): void {
  const isObject = typeof headers === 'object' && headers !== null;
  const inside = isObject ? (headers as { headers?: unknown }).headers : undefined;
  if (isObject && (typeof inside !== 'object' || inside === null || Array.isArray(inside))) return;
  throw invalidOption(
    `headers must be a Headers object or the headers of a request, such as request.headers, not ${isObject ? 'the request' : shown(headers)}.`,
  );
}

/** All values of a header in their order, joined by commas as HTTP does; empty where there is none. */
function headerOf(headers: HeaderSource, name: string): string {
  if (typeof headers.get === 'function') return headers.get(name) ?? '';
  const values: string[] = [];
  for (const [key, value] of Object.entries(headers as Record<string, unknown>)) {
    if (key.length !== name.length || key.toLowerCase() !== name) continue;
    for (const text of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof text === 'string') values.push(text);
    }
  }
  return values.join(',');
}

/** The ranges of the lists seen before. A list is given anew with every request, and is nearly always the same. */
const known = new WeakMap<
  readonly string[],
  { readonly texts: readonly string[]; readonly ranges: Range[] }
>();

/** Reads whom to believe. Blanks around an entry, as `split(',')` leaves them, are no part of it. */
export function readTrusted(value: unknown): number | Range[] {
  if (value === undefined) return 0;
  if (isIntegerIn(value, 0, MAX_HOPS)) return value;
  if (!Array.isArray(value)) {
    throw invalidOption(
      `trustedProxies must be a number of proxies, 0 to ${MAX_HOPS}, or a list of networks such as ['10.0.0.0/8'], not ${shown(value)}.`,
    );
  }
  const list = value as readonly string[];
  if (list.length === 0) return 0;
  const before = known.get(list);
  if (before?.texts.length === list.length && before.texts.every((text, i) => text === list[i])) {
    return before.ranges;
  }
  const ranges = list.map((text: unknown, i) => {
    const range = typeof text === 'string' ? parseRange(text.trim()) : null;
    if (range !== null) return range;
    throw invalidOption(
      `trustedProxies[${i}] must be an address or a network such as '10.0.0.0/8', not ${shown(text)}.`,
    );
  });
  known.set(list, { texts: [...list], ranges });
  return ranges;
}

function readPeer(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  throw invalidOption(`remoteAddress must be a string, not ${shown(value)}.`);
}

/** Headers to which each proxy adds the address that it sees. */
const LISTS: readonly string[] = ['x-forwarded-for', 'forwarded'];

function readHeaderName(value: unknown, where = 'header'): string {
  if (value === undefined) return 'x-forwarded-for';
  if (typeof value === 'string' && /^[!#$%&'*+.^_`|~\w-]+$/.test(value)) return value.toLowerCase();
  throw invalidOption(`${where} must be the name of a header, such as 'x-real-ip', not ${shown(value)}.`);
}

/** Reads the name of a header that holds a single address. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readSingleHeader(value: unknown, trustedProxies: unknown, where: string): string | undefined {
  if (value === undefined) return undefined;
  const header = readHeaderName(value, where);
  if (LISTS.includes(header)) {
    throw invalidOption(`${where}: ${header} is a list, which senders can begin. Use trustedProxies for it.`);
  }
  if (trustedProxies !== undefined) throw refusedBoth(where, header);
  return header;
}

function refusedBoth(where: string, header: string) {
  return invalidOption(
    `Give either trustedProxies or ${where} ${shown(header)}: that one holds a single address, written by the last proxy alone.`,
  );
}
