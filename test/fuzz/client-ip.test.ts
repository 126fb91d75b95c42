import { isIP } from 'node:net';
import fc from 'fast-check';
import { parseClient, rangeText } from '../../lib/http/address';
import { clientIp, type ClientIpOptions } from '../../lib/http/client-ip';
import { forwardedFor } from '../../lib/http/forwarded';
import { always, LONG, readOr, textOf } from './playing';

const PIECES = [
  '1.2.3.4',
  '10.0.0.1',
  '::1',
  '2001:db8::1',
  '::ffff:1.2.3.4',
  '[2001:db8::1]',
  '[::1]:80',
  ':80',
  '%eth0',
  '/24',
  '/64',
  '01',
  '0x7f.1',
  ',',
  ', ',
  ';',
  'for=',
  'For=',
  'by=',
  '"',
  '\\',
  '_hidden',
  'unknown',
  '=',
  ' ',
  '\t',
  '[',
  ']',
  '.',
];
const headers = textOf(PIECES);
const options = fc.oneof(
  fc.record<ClientIpOptions>({ trustedProxies: fc.oneof(fc.nat(4), fc.constant(['10.0.0.0/8', '::1'])) }),
  fc.record<ClientIpOptions>({ header: fc.constant('x-real-ip') }),
);

/** An address as a key has it: IPv4, or the network of an IPv6 address. */
function isClient(text: string): boolean {
  const [address = '', bits] = text.split('/');
  return bits === undefined
    ? isIP(address) !== 0
    : isIP(address) === 6 && Number(bits) >= 1 && Number(bits) <= 128;
}

test('a header of anybody is the client that it names, or nobody', () => {
  always([headers, options, fc.constantFrom('forwarded', 'x-forwarded-for')], (value, given, list) => {
    const header = given.header ?? list;
    const client = clientIp({ [header]: value }, { ...given, header });
    expect(client === null || isClient(client)).toBe(true);
  });
});

test('what stands in front of the addresses that proxies wrote changes nothing', () => {
  always([headers, fc.ipV4(), fc.ipV4()], (forged, client, proxy) => {
    const written = `${client}, ${proxy}`;
    for (const value of [written, `${forged}, ${written}`]) {
      expect(clientIp({ 'x-forwarded-for': value }, { trustedProxies: 2 })).toBe(client);
    }
  });
});

test('an address is one client however it is written', () => {
  always([fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(65_535)], (address, port) => {
    const read = (remoteAddress: string) => clientIp({}, { remoteAddress });
    const client = read(address);
    expect(client).not.toBeNull();
    expect(read(address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)).toBe(client);
    expect(read(address.toUpperCase())).toBe(client);
    if (!address.includes(':')) expect(read(`::ffff:${address}`)).toBe(client);
  });
});

test('the text of a client is read as that client', () => {
  always([textOf(PIECES, 4)], (text) => {
    const range = parseClient(text);
    if (range !== null) expect(rangeText(parseClient(rangeText(range))!)).toBe(rangeText(range));
  });
});

test('a quoted text of Forwarded is given back, whatever it holds', () => {
  always([fc.string({ unit: fc.constantFrom('a', '"', '\\', ',', ';', '=', ' ', '[', 'é') })], (text) => {
    const quoted = `"${text.replace(/["\\]/g, '\\$&')}"`;
    expect(forwardedFor(`by=x;for=${quoted}, for=last`)).toEqual([text, 'last']);
    // Which of two to believe is anybody's guess.
    expect(forwardedFor(`for=${quoted};by=x;for=${quoted}, for=last`)).toBeUndefined();
  });
});

test.each(PIECES)('a long header of %j is read at once', (piece) => {
  const value = piece.repeat(LONG / piece.length);
  for (const header of ['x-forwarded-for', 'forwarded', 'x-real-ip']) {
    const trustedProxies = header === 'x-real-ip' ? undefined : 3;
    readOr(() => clientIp({ [header]: `for=${value}x` }, { header, trustedProxies }));
    readOr(() => clientIp({ [header]: value }, { header, trustedProxies }));
  }
  forwardedFor(`for="${value.slice(0, 60_000)}`);
});
