/** Addresses of clients: parsed strictly, compared by value, and written in one form each. */
import type { IPv4, IPv6 } from 'ipaddr.js';
import { ipaddr, net } from '../base/lazy';

export type Address = IPv4 | IPv6;

/** Addresses that share their first `bits` bits. */
export type Range = readonly [network: Address, bits: number];

/** The longest text that can be an address: IPv6 with an IPv4 tail and a zone. */
const MAX_TEXT = 64;

/** The bits that one subscriber usually holds in IPv6, and so the default of `ipv6Subnet`. */
export const IPV6_SUBNET = 64;

/** `2002::/16` (RFC 3056): the IPv4 address of a host is followed by a network that is all its own. */
const SIX_TO_FOUR = 0x2002;
const SIX_TO_FOUR_BITS = 48;

/**
 * Reads an address; null for anything else. Node decides what is one, because the library also takes forms such as
 * `0x7f.1` or `010.0.0.1`. An IPv4 address inside IPv6 (`::ffff:1.2.3.4`) is that IPv4 address; a zone is dropped.
 */
function parseAddress(text: string): Address | null {
  const family = text.length > MAX_TEXT ? 0 : net().isIP(text);
  if (family === 0) return null;
  if (family === 4) return ipaddr().IPv4.parse(text);
  const zone = text.indexOf('%');
  const plain = zone === -1 ? text : text.slice(0, zone);
  // The library takes ::1.2.3.4 for ::ffff:1.2.3.4; with a zero in front it reads what is written.
  const address = ipaddr().IPv6.parse(/^::\d+\./.test(plain) ? `0${plain}` : plain);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/**
 * As `parseAddress`, of what a header, a proxy or a framework tells of a client: `1.2.3.4:5678`, `[2001:db8::1]` and
 * `[2001:db8::1]:5678` are the address without its port.
 */
export function parseHost(text: string): Address | null {
  // No address with brackets and port is longer, so nothing long is ever matched.
  if (text.length > 80) return null;
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text);
  if (bracketed !== null) return bracketed[1]!.includes(':') ? parseAddress(bracketed[1]!) : null;
  const withPort = /^([\d.]+):\d{1,5}$/.exec(text);
  return parseAddress(withPort?.[1] ?? text);
}

/** Reads `10.0.0.0/8`, or an address as the range of itself; null for anything else. */
export function parseRange(text: string): Range | null {
  const slash = text.indexOf('/');
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === null) return null;
  const most = sizeOf(address);
  if (slash === -1) return [address, most];
  const written = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(written)) return null;
  // ::ffff:10.0.0.0/104 was unwrapped to 10.0.0.0, whose length counts from the 97th bit.
  const mapped = most === 32 && text.includes(':');
  const bits = Number(written) - (mapped ? 96 : 0);
  return bits >= 0 && bits <= most ? [address, bits] : null;
}

/** Reads a client: its address, with a port or without, or an IPv6 network as `clientIp` gives it. Else null. */
export function parseClient(text: string): Range | null {
  const address = parseHost(text);
  if (address !== null) return [address, sizeOf(address)];
  const range = parseRange(text);
  return range?.[0].kind() === 'ipv4' && range[1] < 32 ? null : range;
}

export function isWithin(address: Address, [network, bits]: Range): boolean {
  return address.kind() === network.kind() && address.match([network, bits]);
}

/** The bits of an address as a whole. */
export function sizeOf(address: Address): number {
  return address.kind() === 'ipv4' ? 32 : 128;
}

/** The one text of a range: an address alone, or the network and its length such as `10.0.0.0/8`. */
export function rangeText([address, bits]: Range): string {
  const text = (one: Address) => (one.kind() === 'ipv4' ? one.toString() : (one as IPv6).toRFC5952String());
  if (bits >= sizeOf(address)) return text(address);
  const kept = (i: number) => Math.min(8, Math.max(0, bits - 8 * i));
  const bytes = address.toByteArray().map((byte, i) => byte & (0xff00 >> kept(i)));
  return `${text(ipaddr().fromByteArray(bytes))}/${bits}`;
}

/**
 * The text that stands for a client in keys: IPv4 as it is, IPv6 as its network such as `2001:db8::/64`. One
 * subscriber holds a whole IPv6 network, so single addresses would be a fresh count for each request. Where an IPv4
 * host speaks through IPv6 it is one client as well: a translated address by itself, a 6to4 network of 48 bits.
 * @param ipv6Subnet length of the network in bits, 1 to 128; 128 keeps single addresses
 */
export function groupText([address, bits]: Range, ipv6Subnet: number): string {
  return rangeText([address, Math.min(bits, clientBits(address, ipv6Subnet))]);
}

/** Whether a range is no more than what is counted as one client. */
export function isOneClient([address, bits]: Range, ipv6Subnet: number): boolean {
  return bits >= clientBits(address, ipv6Subnet);
}

function clientBits(address: Address, ipv6Subnet: number): number {
  if (address.kind() === 'ipv4') return 32;
  const { parts } = address as IPv6;
  if (ipv6Subnet >= 128 || isTranslated(parts)) return 128;
  return parts[0] === SIX_TO_FOUR ? Math.min(SIX_TO_FOUR_BITS, ipv6Subnet) : ipv6Subnet;
}

/** The IPv4 addresses that a range of IPv6 stands for, in the forms in which IPv4 hosts appear there; else null. */
export function embeddedIPv4([address, bits]: Range): Range | null {
  if (address.kind() === 'ipv4') return null;
  const { parts } = address as IPv6;
  const at = parts[0] === SIX_TO_FOUR ? 1 : isTranslated(parts) ? 6 : undefined;
  if (at === undefined || bits <= 16 * at) return null;
  const bytes = [parts[at]! >> 8, parts[at]! & 0xff, parts[at + 1]! >> 8, parts[at + 1]! & 0xff];
  return [new (ipaddr().IPv4)(bytes), Math.min(32, bits - 16 * at)];
}

/**
 * Whether the last 32 bits are the address of an IPv4 host: `64:ff9b::/96` (NAT64, RFC 6052), `64:ff9b:1::/48` (the
 * same for local use, RFC 8215, with any prefix of 96 bits), `::ffff:0:0:0/96` (RFC 2765) and `::/96` (IPv4-compatible,
 * RFC 4291), but `::` and `::1`.
 */
function isTranslated([a, b, c, d, e, f, g]: readonly number[]): boolean {
  if (a === 0x64 && b === 0xff9b) return c === 1 || (c === 0 && d === 0 && e === 0 && f === 0);
  if (a !== 0 || b !== 0 || c !== 0 || d !== 0 || f !== 0) return false;
  return e === 0xffff || (e === 0 && g! > 0xff);
}

/** As `groupText`, of a text that tells a client as `parseClient` reads it. Null for anything else. */
export function canonicalAddress(text: string, ipv6Subnet: number): string | null {
  const client = parseClient(text);
  return client === null ? null : groupText(client, ipv6Subnet);
}
