/** Addresses of clients: parsed strictly, compared by value, and written in one form each. */
import type { IPv4, IPv6 } from 'ipaddr.js';
import { ipaddr, net } from './lazy';

export type Address = IPv4 | IPv6;

/** Addresses that share their first `bits` bits. */
export type Range = readonly [network: Address, bits: number];

/** The longest text that can be an address: IPv6 with an IPv4 tail and a zone. */
const MAX_TEXT = 64;

/** The bits that one subscriber usually holds in IPv6, and so the default of `ipv6Subnet`. */
export const IPV6_SUBNET = 64;

/**
 * Reads an address; null for anything else. Node decides what is one, because the library also takes forms such as
 * `0x7f.1` or `010.0.0.1`. An IPv4 address inside IPv6 (`::ffff:1.2.3.4`) is that IPv4 address; a zone is dropped.
 */
export function parseAddress(text: string): Address | null {
  const family = text.length > MAX_TEXT ? 0 : net().isIP(text);
  if (family === 0) return null;
  if (family === 4) return ipaddr().IPv4.parse(text);
  const zone = text.indexOf('%');
  const address = ipaddr().IPv6.parse(zone === -1 ? text : text.slice(0, zone));
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** Reads `10.0.0.0/8`, or an address as the range of itself; null for anything else. */
export function parseRange(text: string): Range | null {
  const slash = text.indexOf('/');
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === null) return null;
  const most = address.kind() === 'ipv4' ? 32 : 128;
  if (slash === -1) return [address, most];
  const written = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(written)) return null;
  // ::ffff:10.0.0.0/104 was unwrapped to 10.0.0.0, whose length counts from the 97th bit.
  const mapped = most === 32 && text.includes(':');
  const bits = Number(written) - (mapped ? 96 : 0);
  return bits >= 0 && bits <= most ? [address, bits] : null;
}

export function isWithin(address: Address, [network, bits]: Range): boolean {
  return address.kind() === network.kind() && address.match([network, bits]);
}

/**
 * The text that stands for an address in keys: IPv4 as it is, IPv6 as its network such as `2001:db8::/64`. One
 * subscriber holds a whole IPv6 network, so single addresses would be a fresh count for each request.
 * @param ipv6Subnet length of the network in bits, 1 to 128; 128 keeps single addresses
 */
export function groupText(address: Address, ipv6Subnet: number): string {
  if (address.kind() === 'ipv4') return address.toString();
  if (ipv6Subnet >= 128) return (address as IPv6).toRFC5952String();
  const parts = (address as IPv6).parts.map((part, i) => {
    const kept = Math.min(16, Math.max(0, ipv6Subnet - 16 * i));
    return part & (0xffff << (16 - kept)) & 0xffff;
  });
  return `${new (ipaddr().IPv6)(parts).toRFC5952String()}/${ipv6Subnet}`;
}

/** As `groupText`, of a text: an address, or a network as `groupText` writes it. Null for anything else. */
export function canonicalAddress(text: string, ipv6Subnet: number): string | null {
  const range = parseRange(text);
  if (range === null) return null;
  const [network, bits] = range;
  if (network.kind() === 'ipv4') return bits === 32 ? network.toString() : null;
  return groupText(network, Math.min(bits, ipv6Subnet));
}
