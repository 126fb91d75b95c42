import { clientIp } from '../../lib/http/client-ip';
import { compileRules, type RuleOptions } from '../../lib/rules/compile';
import { subjectOf, type IdScope, type RateLimitRequest } from '../../lib/rules/identity';
import { selectRules, type Selection } from '../../lib/rules/select';
import { refusalOf } from './refusal';

const REQUEST: RateLimitRequest = { method: 'GET', path: '/api/users', ip: '192.0.2.1' };

function select(options: RuleOptions, request: Partial<RateLimitRequest> = {}): Selection {
  return selectRules(compileRules(options), { ...REQUEST, ...request });
}

/** The rules and subjects that are charged, as text. */
function charged(options: RuleOptions, request: Partial<RateLimitRequest> = {}): string[] {
  const selection = select(options, request);
  if (selection.kind !== 'charge') throw new Error(`expected charges, not ${JSON.stringify(selection)}`);
  return selection.charges.map(({ rule, subject }) => `${rule.id} ${subject}`);
}

describe('whom they count', () => {
  const by = (
    identity: NonNullable<RuleOptions['rules']>[number]['by'],
    request: Partial<RateLimitRequest> = {},
  ) =>
    charged(
      { rules: [{ id: 'r', by: identity, rate: '1/s', match: ['/api/*', '/files/*/raw'] }] },
      request,
    )[0]?.slice(2);

  test('ip: one form for each address, networks for IPv6', () => {
    expect(by('ip')).toBe('ip:192.0.2.1');
    expect(by('ip', { ip: '::ffff:192.0.2.1' })).toBe('ip:192.0.2.1');
    for (const ip of ['2001:DB8::1', '2001:db8:0:0:ffff::9', '2001:db8::/64', '2001:db8::%eth0']) {
      expect(by('ip', { ip })).toBe('ip:2001:db8::/64');
    }
    for (const ip of ['192.0.2.1:443', '192.0.2.1:444', '[::ffff:192.0.2.1]:80']) {
      expect(by('ip', { ip })).toBe('ip:192.0.2.1');
    }
    expect(by('ip', { ip: '[2001:db8::1]:443' })).toBe('ip:2001:db8::/64');
    const options: RuleOptions = { rules: [{ id: 'r', rate: '1/s' }], ipv6Subnet: 48 };
    expect(charged(options, { ip: '2001:db8:1:2::/64' })).toEqual(['r ip:2001:db8:1::/48']);
    expect(by('ip', { ip: '2001:db8::/32' })).toBe('ip:2001:db8::/32');
  });

  test.each([
    ['NAT64', '64:ff9b::203.0.113.1', '64:ff9b::cb00:7101', '64:ff9b::cb00:7102'],
    ['NAT64 of a site', '64:ff9b:1:7::203.0.113.1', '64:ff9b:1:7::cb00:7101', '64:ff9b:1:7::cb00:7102'],
    ['IPv4-translated', '::ffff:0:203.0.113.1', '::ffff:0:cb00:7101', '::ffff:0:cb00:7102'],
    ['IPv4-compatible', '::203.0.113.1', '::cb00:7101', '::cb00:7102'],
  ])('ip: an IPv4 host behind %s is one client', (_, ip, same, other) => {
    const key = `ip:${same}`;
    for (const text of [ip, same, `[${ip}]:9`, same.toUpperCase()]) expect(by('ip', { ip: text })).toBe(key);
    expect(by('ip', { ip: other })).toBe(`ip:${other}`);
    expect(subjectOf('ip', key.slice(3))).toBe(key);
    expect(clientIp({ 'x-forwarded-for': ip }, { trustedProxies: 1 })).toBe(same);
    const wide: RuleOptions = { rules: [{ id: 'r', rate: '1/s' }], ipv6Subnet: 32 };
    expect(charged(wide, { ip })).toEqual([`r ${key}`]);
  });

  test('ip: what an IPv4 host has in 6to4 is one client', () => {
    for (const ip of ['2002:cb00:7101::1', '2002:cb00:7101:5::9', '2002:cb00:7101::/48']) {
      expect(by('ip', { ip })).toBe('ip:2002:cb00:7101::/48');
      expect(clientIp({}, { remoteAddress: ip.replace('/48', '') })).toBe('2002:cb00:7101::/48');
    }
    expect(by('ip', { ip: '2002:cb00:7102::1' })).toBe('ip:2002:cb00:7102::/48');
  });

  test('ip: no two texts of one address are two clients', () => {
    let seed = 7;
    const random = (n: number) => (seed = (Math.imul(seed, 48_271) >>> 0) % 2_147_483_647) % n;
    for (let i = 0; i < 300; i++) {
      const groups = Array.from({ length: 8 }, () => (random(3) === 0 ? random(0x10000) : 0));
      if (i % 3 === 0) groups.fill(0, 0, 6);
      if (i % 3 === 1) groups.splice(0, 6, 0x64, 0xff9b, 0, 0, 0, 0);
      const full = groups.map((group) => group.toString(16));
      const v4 = groups.slice(6).flatMap((group) => [group >> 8, group & 0xff]);
      const short = new URL(`http://[${full.join(':')}]`).hostname.slice(1, -1);
      const tail = short.startsWith('::') && groups.slice(0, 6).every((group) => group === 0);
      const texts = [full.join(':'), short, `${full.slice(0, 6).join(':')}:${v4.join('.')}`];
      if (tail) texts.push(`::${v4.join('.')}`);
      expect(new Set(texts.map((ip) => by('ip', { ip }))).size).toBe(1);
    }
  });

  test('user, organization, apiKey', () => {
    expect(by('user', { user: 'jane' })).toBe('user:jane');
    expect(by('organization', { organization: 'org-123' })).toBe('org-123');
    const key = by('apiKey', { apiKey: 'sk_live_secret' });
    expect(key).toMatch(/^apiKey:[\w-]{43}$/);
    expect(by('apiKey', { apiKey: 'sk_live_other' })).not.toBe(key);
    expect(by('apiKey', { apiKey: 'x'.repeat(100_000) })).toHaveLength(50);
  });

  test('endpoint: the path, however it is written and whoever asks', () => {
    expect(by('endpoint')).toBe('endpoint:/api/users');
    for (const path of ['/API/Users', '/api/./users/', '/api/x/../users', '/api/%75sers', '/api/users?x']) {
      expect(by('endpoint', { path, ip: null, method: 'POST' })).toBe('endpoint:/api/users');
    }
    expect(by('endpoint', { path: '/files/5/raw' })).toBe('endpoint:/files/5/raw');
    const exact: RuleOptions = { rules: [{ id: 'r', by: 'endpoint', rate: '1/s', match: '/api/Users' }] };
    for (const path of ['/api/users', '/api%2Fusers', '//api/users', '//x/api/users', '/API/USERS/']) {
      expect(charged(exact, { path })).toEqual(['r endpoint:/api/users']);
    }
    const long = by('endpoint', { path: `/api/${'x'.repeat(100_000)}` });
    expect(long).toMatch(/^endpoint:sha256:[\w-]{43}$/);
    expect(by('endpoint', { path: `/api/${'x'.repeat(100_001)}` })).not.toBe(long);
    // Up to 512 bytes it stands in the key as it is, and a letter may be two of them or three.
    for (const letter of ['x', 'é', '漢']) {
      const bytes = Buffer.byteLength(letter);
      const path = `/api/${'a'.repeat(507 % bytes)}${letter.repeat(Math.floor(507 / bytes))}`;
      expect(Buffer.byteLength(path)).toBe(512);
      expect(by('endpoint', { path })).toBe(`endpoint:${path}`);
      expect(by('endpoint', { path: `${path}a` })).toMatch(/^endpoint:sha256:[\w-]{43}$/);
    }
    const wide = `/api/${'é'.repeat(507)}`;
    expect(by('endpoint', { path: wide })).toMatch(/^endpoint:sha256:[\w-]{43}$/);
    expect(by('endpoint', { path: encodeURI(wide) })).toBe(by('endpoint', { path: wide }));
    expect(by('endpoint', { path: '/api/\ud800' })).toBe('endpoint:/api/\ufffd');
  });

  test('global: everybody', () => {
    expect(by('global', { ip: null })).toBe('global:all');
  });

  test('a function of the request', () => {
    const tenant = ({ headers }: RateLimitRequest) => (headers as Headers).get('x-tenant');
    expect(by(tenant, { headers: new Headers({ 'x-tenant': 'a' }) })).toBe('custom:a');
    expect(by([tenant, 'ip'], { headers: new Headers() })).toBe('ip:192.0.2.1');
    expect(() => by(() => Promise.resolve('a') as unknown as string)).toThrow(/must be a string/);
    expect(() =>
      by(() => {
        throw new RangeError('mine');
      }),
    ).toThrow(RangeError);
  });

  test('of a list the first that the request has', () => {
    expect(by(['user', 'apiKey', 'ip'], { user: 'jane' })).toBe('user:jane');
    expect(by(['user', 'apiKey', 'ip'], { user: null })).toBe('ip:192.0.2.1');
    expect(by(['user', 'ip'], { user: '' })).toBe('ip:192.0.2.1');
    expect(by(['ip', 'global'], { ip: 'garbage' })).toBe('global:all');
  });

  test('an id that cannot be counted is an error, not another bucket', () => {
    for (const user of ['\ud800', 'x'.repeat(1_025), 5 as unknown as string, {} as unknown as string]) {
      expect(refusalOf(() => by(['user', 'ip'], { user })).code).toBe('ERR_INVALID_KEY');
    }
  });
});

describe('subjects', () => {
  const ids = [
    'org-123',
    '1.2.3.4',
    'user:5',
    '5',
    'ip:1.2.3.4',
    'organization:5',
    'organization:organization:5',
    'organization:user:5',
    'global:all',
    'missing:all',
    'custom:5',
    'apiKey:5',
    'endpoint:/api',
    'user',
    'user:',
    'USER:5',
    '%7Bx%7D',
    '{x}',
    '__proto__',
    '\0',
  ];
  const kinds: IdScope[] = ['user', 'organization', 'apiKey', 'custom'];

  test('no two ids of whatever kinds have one text', () => {
    const texts = kinds.flatMap((kind) => ids.map((id) => subjectOf(kind, id)));
    texts.push(subjectOf('ip', '1.2.3.4'), 'global:all', 'missing:all', 'endpoint:/api');
    expect(new Set(texts).size).toBe(kinds.length * ids.length + 4);
  });

  test('an organization stands for itself', () => {
    expect(subjectOf('organization', 'org-123')).toBe('org-123');
    expect(subjectOf('organization', 'user:5')).toBe('organization:user:5');
  });

  test.each<[IdScope, unknown]>([
    ['user', ''],
    ['user', null],
    ['organization', 'x'.repeat(1_025)],
    ['apiKey', ''],
    ['apiKey', undefined],
    ['ip', 'garbage'],
    ['ip', '10.0.0.0/8'],
  ])('%s %p is refused', (kind, id) => {
    expect(refusalOf(() => subjectOf(kind, id as string)).code).toBe('ERR_INVALID_KEY');
  });
});

describe('a request without the identity of a rule', () => {
  const rules = (more: object) => ({
    rules: [{ id: 'r', by: ['user', 'apiKey'], rate: '1/s', ...more } as const],
  });

  test('is denied, unless the rule says otherwise', () => {
    expect(select(rules({}))).toEqual({ kind: 'deny', why: 'missing', what: 'r' });
    expect(charged(rules({ missing: 'skip' }))).toEqual([]);
    expect(charged(rules({ missing: 'shared' }))).toEqual(['r missing:all']);
    expect(charged({ ...rules({}), missing: 'skip' })).toEqual([]);
    expect(select({ ...rules({ missing: 'deny' }), missing: 'skip' }).kind).toBe('deny');
  });

  test('an address that is none is missing, so that no header makes up buckets', () => {
    for (const ip of ['unknown', '', null, undefined, '1.2.3.4, 5.6.7.8', '1.2.3', 'x'.repeat(100_000)]) {
      expect(select({ rules: [{ id: 'r', rate: '1/s' }] }, { ip })).toMatchObject({
        kind: 'deny',
        why: 'missing',
      });
    }
  });

  test('a rule in the shadow denies nobody', () => {
    expect(charged(rules({ shadow: true }))).toEqual([]);
  });
});
