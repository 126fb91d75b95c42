import { clientIp, type ClientIpOptions, type HeaderSource } from '../../lib/http/client-ip';
import { refusalOf } from './refusal';

const forwarded = (value: string) => new Headers({ 'x-forwarded-for': value });

describe('whom to believe', () => {
  test('nobody, unless a proxy is trusted', () => {
    expect(clientIp(forwarded('1.2.3.4'))).toBeNull();
    expect(clientIp(forwarded('1.2.3.4'), { remoteAddress: '5.6.7.8' })).toBe('5.6.7.8');
    expect(clientIp(forwarded('1.2.3.4'), { trustedProxies: [], remoteAddress: '5.6.7.8' })).toBe('5.6.7.8');
    expect(clientIp(forwarded('1.2.3.4'), { trustedProxies: [] })).toBeNull();
    expect(clientIp(new Headers(), { remoteAddress: null })).toBeNull();
  });

  test.each<[string, number, string | null]>([
    ['1.2.3.4', 1, '1.2.3.4'],
    ['6.6.6.6, 1.2.3.4', 1, '1.2.3.4'],
    ['6.6.6.6, 1.2.3.4, 10.0.0.1', 2, '1.2.3.4'],
    ['6.6.6.6,1.2.3.4 ,\t10.0.0.1', 2, '1.2.3.4'],
    ['1.2.3.4', 2, null],
    ['', 1, null],
    [',', 1, null],
    ['1.2.3.4,', 1, null],
    [',1.2.3.4', 1, '1.2.3.4'],
    [',1.2.3.4', 3, null],
  ])('%j behind %d proxies: %p', (value, trustedProxies, expected) => {
    expect(clientIp(forwarded(value), { trustedProxies })).toBe(expected);
  });

  test('a list of proxies: the rightmost address that is none of them', () => {
    const options: ClientIpOptions = {
      trustedProxies: ['10.0.0.0/8', '2001:db8:f::/48', '192.0.2.7'],
      remoteAddress: '10.0.0.1',
    };
    expect(clientIp(forwarded('6.6.6.6, 1.2.3.4, 10.9.9.9, 192.0.2.7'), options)).toBe('1.2.3.4');
    expect(clientIp(forwarded('6.6.6.6, 1.2.3.4, 2001:db8:f:1::5'), options)).toBe('1.2.3.4');
    expect(clientIp(forwarded('6.6.6.6, 192.0.2.8'), options)).toBe('192.0.2.8');
  });

  test('whoever reaches the process without a proxy is not believed', () => {
    const options: ClientIpOptions = { trustedProxies: ['10.0.0.0/8'], remoteAddress: '203.0.113.9' };
    expect(clientIp(forwarded('1.2.3.4'), options)).toBe('203.0.113.9');
    expect(clientIp(forwarded('1.2.3.4'), { ...options, remoteAddress: 'garbage' })).toBeNull();
  });

  test('a socket that maps IPv4 into IPv6 is still the proxy', () => {
    const options: ClientIpOptions = { trustedProxies: ['10.0.0.0/8'], remoteAddress: '::ffff:10.0.0.1' };
    expect(clientIp(forwarded('1.2.3.4'), options)).toBe('1.2.3.4');
    const mapped = { ...options, trustedProxies: ['::ffff:10.0.0.0/104'] };
    expect(clientIp(forwarded('1.2.3.4'), mapped)).toBe('1.2.3.4');
    expect(clientIp(forwarded('1.2.3.4'), { ...mapped, remoteAddress: '11.0.0.1' })).toBe('11.0.0.1');
  });

  test('a request from inside comes from the leftmost proxy; a proxy without header says nothing', () => {
    const options: ClientIpOptions = { trustedProxies: ['10.0.0.0/8'], remoteAddress: '10.0.0.1' };
    expect(clientIp(forwarded('10.0.0.3, 10.0.0.2'), options)).toBe('10.0.0.3');
    expect(clientIp(new Headers(), options)).toBeNull();
  });

  test('a chain longer than any real one is not believed', () => {
    const options: ClientIpOptions = { trustedProxies: ['10.0.0.0/8'] };
    expect(clientIp(forwarded(`1.2.3.4${', 10.0.0.1'.repeat(99)}`), options)).toBe('1.2.3.4');
    expect(clientIp(forwarded(`1.2.3.4${', 10.0.0.1'.repeat(100)}`), options)).toBeNull();
  });
});

describe('a spoofed header never buys a fresh count', () => {
  const attacker = '203.0.113.9';
  const claims = [
    '',
    '1.2.3.4',
    '1.2.3.4, 5.6.7.8',
    '10.0.0.1',
    '127.0.0.1, 10.0.0.1',
    '::1',
    'unknown',
    '"',
    '\\',
    '[',
    'for=1.2.3.4',
    ','.repeat(1_000),
    '10.0.0.1,'.repeat(2_000),
    'x'.repeat(100_000),
    '\u0000',
    '1.2.3.4;',
    '%00',
  ];

  test.each(claims)('one proxy behind the claim %j', (claim) => {
    const headers = { 'x-forwarded-for': claim === '' ? attacker : `${claim}, ${attacker}` };
    expect(clientIp(headers, { trustedProxies: 1 })).toBe(attacker);
    const listed = { trustedProxies: ['10.0.0.0/8', '127.0.0.0/8', '::1'], remoteAddress: '10.0.0.1' };
    expect(clientIp(headers, listed)).toBe(attacker);
  });

  test.each(claims)('a second header line with the claim %j', (claim) => {
    const headers = { 'X-Forwarded-For': [claim, attacker] };
    expect(clientIp(headers, { trustedProxies: 1 })).toBe(attacker);
  });

  test('addresses of one IPv6 network are one client', () => {
    const seen = new Set<string | null>();
    for (let i = 0; i < 500; i++) {
      const host = `${i.toString(16)}:${(i * 7919).toString(16).slice(0, 4)}:0:${i.toString(16)}`;
      seen.add(clientIp(forwarded(`2001:db8:1:2:${host}`), { trustedProxies: 1 }));
    }
    expect([...seen]).toEqual(['2001:db8:1:2::/64']);
  });

  test.each([
    '2001:DB8:0:0:0:0:0:1',
    '2001:0db8::1',
    '[2001:db8::1]',
    '[2001:db8::1]:443',
    '2001:db8::1%eth0',
    '2001:db8::192.0.2.1',
  ])('however it is written: %s', (text) => {
    expect(clientIp(forwarded(text), { trustedProxies: 1 })).toBe('2001:db8::/64');
  });

  test.each([
    '::ffff:1.2.3.4',
    '::ffff:102:304',
    '[::ffff:1.2.3.4]:9',
    '0:0:0:0:0:FFFF:0102:0304',
    '1.2.3.4:65000',
  ])('IPv4 within IPv6: %s', (text) => {
    expect(clientIp(forwarded(text), { trustedProxies: 1 })).toBe('1.2.3.4');
  });
});

describe('what is no address', () => {
  test.each([
    'unknown',
    '_hidden',
    '_SEVKISEK',
    'localhost',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '010.0.0.1',
    '0x7f.0.0.1',
    '2130706433',
    '1.2.3.4/8',
    '1.2.3.4:',
    '1.2.3.4:http',
    '::ffff:010.1.1.1',
    '2001:db8::1::2',
    '12345::',
    '[2001:db8::1',
    '2001:db8::1]',
    '[1.2.3.4]',
    '[]',
    '１.2.3.4',
    '1.2.3.4\u0000',
    'a'.repeat(1_000_000),
    '['.repeat(100_000),
    '1:'.repeat(100_000),
  ])('%j gives null, and nothing left of it is believed', (text) => {
    const headers = { 'x-forwarded-for': `6.6.6.6, ${text}` };
    expect(clientIp(headers, { trustedProxies: 1 })).toBeNull();
    expect(clientIp(headers, { trustedProxies: ['10.0.0.0/8'], remoteAddress: '10.0.0.1' })).toBeNull();
    expect(clientIp({}, { remoteAddress: text })).toBeNull();
  });
});

describe('ipv6Subnet', () => {
  test.each([
    [128, '2001:db8:1:2:3:4:5:6'],
    [127, '2001:db8:1:2:3:4:5:6/127'],
    [64, '2001:db8:1:2::/64'],
    [56, '2001:db8:1::/56'],
    [48, '2001:db8:1::/48'],
    [33, '2001:db8::/33'],
    [1, '::/1'],
  ])('%d bits', (ipv6Subnet, expected) => {
    const address = '2001:db8:1:2:3:4:5:6';
    expect(clientIp({}, { remoteAddress: address, ipv6Subnet })).toBe(expected);
    expect(clientIp({}, { remoteAddress: '1.2.3.4', ipv6Subnet })).toBe('1.2.3.4');
  });
});

describe('Forwarded', () => {
  const via = (value: string, trustedProxies: number | string[] = 1) =>
    clientIp({ forwarded: value }, { header: 'forwarded', trustedProxies });

  test.each([
    ['for=1.2.3.4', '1.2.3.4'],
    ['For="1.2.3.4:5678"', '1.2.3.4'],
    ['for="[2001:db8::1]:4711"', '2001:db8::/64'],
    ['proto=https;for=1.2.3.4;by=10.0.0.1;host="a,b;c"', '1.2.3.4'],
    ['for=6.6.6.6, for=1.2.3.4', '1.2.3.4'],
    ['for="6.6.6.6\\",for=6.6.6.6", for=1.2.3.4', '1.2.3.4'],
    ['for=1.2.3.4;host="x\\",for=6.6.6.6;by=\\""', '1.2.3.4'],
  ])('%j: %s', (value, expected) => {
    expect(via(value)).toBe(expected);
  });

  test.each([
    'for=unknown',
    'for=_hidden',
    'for="_hidden:80"',
    'proto=https',
    '',
    'for=6.6.6.6, proto=https',
    'for=6.6.6.6;x=", for=1.2.3.4;host="h"',
    'for=6.6.6.6;x=", for="[2001:db8::1]"',
    'for=6.6.6.6;for=1.2.3.4',
    'for=[2001:db8::1]',
    'for=1.2.3.4 garbage',
    'for="1.2.3.4',
    '1.2.3.4',
    'for=6.6.6.6,',
    `for="${'x'.repeat(10_000_000)}"`,
    `x="${'\\"'.repeat(30_000)}`,
  ])('cannot be told from %j', (value) => {
    expect(via(value)).toBeNull();
  });

  test('a client that opens a quote learns nothing and spoofs nothing', () => {
    for (const claim of ['for=6.6.6.6;x="', 'for="6.6.6.6', 'x="\\', 'for=6.6.6.6;a="b"c="']) {
      expect(via(`${claim}, for=203.0.113.9;proto=https`)).toBeNull();
    }
  });

  test('with a list of proxies', () => {
    expect(via('for=6.6.6.6, for=1.2.3.4, for=10.0.0.2', ['10.0.0.0/8'])).toBe('1.2.3.4');
  });

  test('the other header is not looked at', () => {
    const headers = new Headers({ 'x-forwarded-for': '6.6.6.6', forwarded: 'for=1.2.3.4' });
    expect(clientIp(headers, { trustedProxies: 1, header: 'forwarded' })).toBe('1.2.3.4');
    expect(clientIp(headers, { trustedProxies: 1 })).toBe('6.6.6.6');
  });
});

describe('a header that holds a single address', () => {
  const names = [
    'x-real-ip',
    'cf-connecting-ip',
    'fly-client-ip',
    'true-client-ip',
    'X-Envoy-External-Address',
  ];

  test.each(names)('%s, by its name in any letters, of the web and of Node.js', (name) => {
    for (const header of [name, name.toLowerCase(), name.toUpperCase()]) {
      expect(clientIp(new Headers({ [name]: '192.0.2.1' }), { header })).toBe('192.0.2.1');
      expect(clientIp({ [name.toLowerCase()]: '192.0.2.1' }, { header })).toBe('192.0.2.1');
      expect(clientIp({ [name.toUpperCase()]: ['192.0.2.1'] }, { header })).toBe('192.0.2.1');
      // Nobody else's word stands in for it.
      expect(
        clientIp(new Headers({ 'x-forwarded-for': '6.6.6.6' }), { header, remoteAddress: '6.6.6.7' }),
      ).toBeNull();
    }
  });

  test.each<[string, string | null]>([
    ['192.0.2.1', '192.0.2.1'],
    [' 192.0.2.1\t', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::7', '2001:db8::/64'],
    ['', null],
    ['unknown', null],
    ['192.0.2.1, 192.0.2.2', null],
    ['192.0.2.1,', null],
    [',192.0.2.1', null],
    ['192.0.2.1 192.0.2.2', null],
    ['for=192.0.2.1', null],
    ['192.0.2.0/24', null],
    ['192.0.2', null],
  ])('%j is %p', (value, expected) => {
    expect(clientIp({ 'x-real-ip': value }, { header: 'x-real-ip' })).toBe(expected);
  });

  test('two values are none', () => {
    const headers = new Headers({ 'x-real-ip': '192.0.2.1' });
    headers.append('x-real-ip', '192.0.2.1');
    expect(clientIp(headers, { header: 'x-real-ip' })).toBeNull();
    expect(clientIp({ 'x-real-ip': ['192.0.2.1', ''] }, { header: 'x-real-ip' })).toBeNull();
    expect(
      clientIp({ 'x-real-ip': '192.0.2.1', 'X-Real-IP': '192.0.2.2' }, { header: 'x-real-ip' }),
    ).toBeNull();
  });

  test('lists are called by their names in any letters, too', () => {
    expect(clientIp(forwarded('1.2.3.4'), { header: 'X-Forwarded-For', trustedProxies: 1 })).toBe('1.2.3.4');
    expect(clientIp(forwarded('1.2.3.4'), { header: 'X-Forwarded-For' })).toBeNull();
  });
});

describe('headers', () => {
  test.each<[HeaderSource, string | null]>([
    [
      new Headers([
        ['X-Forwarded-For', '6.6.6.6'],
        ['X-Forwarded-For', '1.2.3.4'],
      ]),
      '1.2.3.4',
    ],
    [{ 'x-forwarded-for': '6.6.6.6, 1.2.3.4' }, '1.2.3.4'],
    [{ 'X-FORWARDED-FOR': ['6.6.6.6', '1.2.3.4'] }, '1.2.3.4'],
    [{ 'x-forwarded-for': undefined }, null],
    [{ get: '1.2.3.4' }, null],
    [Object.create(null) as HeaderSource, null],
    [new Map([['x-forwarded-for', '1.2.3.4']]) as unknown as HeaderSource, '1.2.3.4'],
  ])('as web and Node.js have them (%#)', (headers, expected) => {
    expect(clientIp(headers, { trustedProxies: 1 })).toBe(expected);
  });
});

test('a list of proxies that was changed is read anew', () => {
  const trustedProxies = ['10.0.0.0/8'];
  const options = { trustedProxies, remoteAddress: '10.0.0.1' };
  expect(clientIp(forwarded('1.2.3.4'), options)).toBe('1.2.3.4');
  trustedProxies[0] = '11.0.0.0/8';
  expect(clientIp(forwarded('1.2.3.4'), options)).toBe('10.0.0.1');
});

test.each([
  [{ trustedProxies: -1 }],
  [{ trustedProxies: 1.5 }],
  [{ trustedProxies: NaN }],
  [{ trustedProxies: 1_000 }],
  [{ trustedProxies: '10.0.0.0/8' }],
  [{ trustedProxies: true }],
  [{ trustedProxies: ['10.0.0.0/33'] }],
  [{ trustedProxies: ['10.0.0.0/'] }],
  [{ trustedProxies: ['10.0.0.0/08'] }],
  [{ trustedProxies: ['::ffff:10.0.0.0/64'] }],
  [{ trustedProxies: ['loopback'] }],
  [{ trustedProxies: [undefined] }],
  [{ ipv6Subnet: 0 }],
  [{ ipv6Subnet: 129 }],
  [{ ipv6Subnet: '64' }],
  [{ header: '' }],
  [{ header: 'x real ip' }],
  [{ header: 5 as never }],
  [{ header: 'x-real-ip', trustedProxies: 1 }],
  [{ header: 'X-Real-IP', trustedProxies: ['10.0.0.0/8'] }],
  [{ header: 'x-real-ip', trustedProxies: 0 }],
  [{ remoteAddress: 5 }],
  [{ trustProxies: 1 }],
  [null],
])('refuses the options %j', (options) => {
  expect(refusalOf(() => clientIp({}, options as ClientIpOptions)).code).toBe('ERR_INVALID_OPTION');
});

test('refuses what holds no headers', () => {
  expect(refusalOf(() => clientIp(null as unknown as HeaderSource, { trustedProxies: 1 })).code).toBe(
    'ERR_INVALID_OPTION',
  );
});
