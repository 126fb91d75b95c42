import { readFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import { createRateLimiter, memoryStore, type RateLimitError } from '../../lib';
import { readOptions } from '../../lib/limiter/options';
import { withDefaults } from '../../lib/drop-in/plans';
import { VERSION } from '../../lib/base/version';
import { refusalOf } from './refusal';

function refusal(options: unknown): RateLimitError {
  const error = refusalOf(() => readOptions(options));
  expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION', name: 'RateLimitError' });
  return error;
}

/** What is read of the option `redis`. */
function redisOf(redis: unknown) {
  const { store } = readOptions({ rate: '1/s', redis });
  return store.kind === 'redis' ? store.redis : undefined;
}

describe('defaults', () => {
  test('are the documented ones', () => {
    expect(readOptions({ rate: '1/s' })).toMatchObject({
      store: { kind: 'memory', maxKeys: 1_000_000 },
      prefix: 'ratelimit:',
      timeoutMs: 250,
    });
    expect(readOptions({ rate: '1/s' }).rules.rate).toMatchObject([{ failureMode: 'open', nearLimit: 0.8 }]);
    expect(readOptions({ rate: '1/s' })).toMatchObject({
      headers: 'legacy',
      observers: { watchNearLimit: false },
    });
  });

  test('stand where an option is undefined', () => {
    const undefinedOptions = {
      rate: '1/s',
      redis: undefined,
      prefix: undefined,
      timeoutMs: undefined,
      failureMode: undefined,
    };
    expect(readOptions(undefinedOptions)).toEqual(readOptions({ rate: '1/s' }));
  });
});

describe('options of former versions', () => {
  test.each([
    [{ rate: '1/s', onError: 'open' }, 'The option "onError" is now called failureMode.'],
    [
      { rate: '1/s', skip: () => true },
      'The option "skip" is now part of bypass; write bypass: (request) => ….',
    ],
    [
      { rules: [{ id: 'a', rate: '1/s', skip: () => true }] },
      'The option "rules[0].skip" is now part of rules[0].bypass; write bypass: (request) => ….',
    ],
    [
      { rules: [{ id: 'a', rate: '1/s', onNearLimit: () => 0 }] },
      'Unknown option "rules[0].onNearLimit". Did you mean rules[0].nearLimit?',
    ],
    [
      { rate: '1/s', onNearLimit: () => 0 },
      'The option "onNearLimit" is now part of nearLimit; write nearLimit: { tell: (rule, decision) => … }.',
    ],
    [
      { rules: [{ id: 'a', rate: '1/s', onError: 'open' }] },
      'The option "rules[0].onError" is now called rules[0].failureMode.',
    ],
    [
      { plans: { FREE: { rate: '1/s', onError: 'open' } } },
      'The option "plans.FREE.onError" is now called plans.FREE.failureMode.',
    ],
  ])('%j', (options, sentence) => {
    expect(refusal(options)).toMatchObject({ code: 'ERR_INVALID_OPTION', message: sentence });
  });
});

describe('misspelled options', () => {
  test.each([
    [{ rate: '1/s', timoutMs: 5 }, 'timoutMs', 'timeoutMs'],
    [{ rate: '1/s', timeoutMS: 5 }, 'timeoutMS', 'timeoutMs'],
    [{ plan: {} }, 'plan', 'plans'],
    [{ rate: '1/s', onerror: 'open' }, 'onerror', 'failureMode'],
    [{ rate: '1/s', redis: { pasword: 'hunter2' } }, 'redis.pasword', 'redis.password'],
  ])('%j: names it and the nearest right one', (options, wrong, right) => {
    const { message } = refusal(options);
    expect(message).toContain(JSON.stringify(wrong));
    expect(message).toContain(`Did you mean ${right}?`);
    expect(message).not.toContain('hunter2');
  });

  test('lists what is known where nothing is near', () => {
    expect(refusal({ rate: '1/s', colour: 1 }).message).toMatch(/Known are: redis, store, plans, rate/);
    expect(refusal({ rate: '1/s', constructor: 1 }).message).toMatch(/"constructor"/);
  });
});

test.each([
  [undefined],
  [null],
  ['100/h'],
  [[]],
  [5],
  [{}],
  [{ rate: '1/s', plans: { A: '1/s' } }],
  [{ plans: {} }],
  [{ plans: { '': '1/s' } }],
  [{ plans: ['1/s'] }],
  [{ plans: '1/s' }],
  [{ plans: { A: undefined } }],
  [{ plans: { A: [] } }],
  [{ plans: { A: ['1/s', 'unlimited'] } }],
  [{ rules: {} }],
  [{ plans: { A: '1/hour' } }],
  [{ rate: '1/s', timeoutMs: 0 }],
  [{ rate: '1/s', timeoutMs: 1.5 }],
  [{ rate: '1/s', timeoutMs: '250' }],
  [{ rate: '1/s', timeoutMs: NaN }],
  [{ rate: '1/s', timeoutMs: 2 ** 31 }],
  [{ rate: '1/s', redis: { host: 'h', connectTimeoutMs: -1 } }],
  [{ rate: '1/s', store: 5 }],
  [{ rate: '1/s', store: {} }],
  [{ rate: '1/s', store: null }],
  [{ rate: '1/s', store: { apply() {} } }],
  [{ rate: '1/s', store: memoryStore(), redis: 'redis://h' }],
  [{ rate: '1/s', failureMode: 'local' }],
  [{ rate: '1/s', failureMode: true }],
  [{ rate: '1/s', nearLimit: { tell: 'warn' } }],
  [{ rate: '1/s', nearLimit: { at: 0 } }],
  [{ rate: '1/s', nearLimit: { at: '0.8' } }],
  [{ rate: '1/s', nearLimit: { above: 0.8 } }],
  [{ rate: '1/s', nearLimit: [0.8] }],
  [{ rate: '1/s', nearLimit: null }],
  [{ rules: [{ id: 'a', rate: '1/s', nearLimit: { at: 0.8 } }] }],
  [{ rate: '1/s', headers: 'draft-11' }],
  [{ rate: '1/s', algorithm: 'leaky-bucket' }],
  [{ rate: '1/s', burst: 5 }],
  [{ rate: '1/s', prefix: '' }],
  [{ rate: '1/s', prefix: 5 }],
  [{ rate: '1/s', prefix: 'a\nb' }],
  [{ rate: '1/s', prefix: '{app}:' }],
  [{ rate: '1/s', prefix: 'app}' }],
  [{ rate: '1/s', prefix: '\ud800' }],
  [{ rate: '1/s', prefix: 'x'.repeat(257) }],
  [{ rate: '1/s', redis: null }],
  [{ rate: '1/s', redis: 6379 }],
  [{ rate: '1/s', redis: [] }],
  [{ rate: '1/s', redis: {} }],
  [{ rate: '1/s', redis: { host: '' } }],
  [{ rate: '1/s', redis: { host: 'a b' } }],
  [{ rate: '1/s', redis: { host: 'h', port: 0 } }],
  [{ rate: '1/s', redis: { host: 'h', port: '6379' } }],
  [{ rate: '1/s', redis: { host: 'h', db: -1 } }],
  [{ rate: '1/s', redis: { sentinels: [] } }],
  [{ rate: '1/s', redis: { sentinels: { nodes: [{ host: 'h' }] } } }],
  [{ rate: '1/s', redis: { sentinels: { name: 'my master', nodes: [{ host: 'h' }] } } }],
  [{ rate: '1/s', redis: { sentinels: { name: 'm', nodes: [] } } }],
  [{ rate: '1/s', redis: { sentinels: { name: 'm', nodes: [{ host: 'h', port: 0 }] } } }],
  [{ rate: '1/s', redis: { sentinels: { name: 'm', nodes: [{ url: 'redis://h' }] } } }],
  [{ rate: '1/s', redis: { sentinels: { name: 'm', nodes: [{ host: 'h' }] }, url: 'redis://h' } }],
  [{ rate: '1/s', redis: { sentinels: { name: 'm', nodes: [{ host: 'h' }], password: 5 } } }],
  [{ rate: '1/s', redis: { url: 5 } }],
  [{ rate: '1/s', redis: { url: 'redis://h', host: 'h' } }],
  [{ rate: '1/s', redis: { host: 'h', password: 5 } }],
])('refuses %j', (options) => {
  expect(refusal(options).message).toMatch(/\.$/);
});

describe('redis', () => {
  test('absent or empty means in process', () => {
    expect(redisOf(undefined)).toBeUndefined();
    expect(redisOf('')).toBeUndefined();
  });

  test('a password beside the URL completes it, one in the URL wins', () => {
    expect(redisOf({ url: 'redis://h', password: 'b' })).toMatchObject({
      nodes: [{ host: 'h' }],
      password: 'b',
    });
    expect(redisOf({ url: 'redis://u:a@h/2', password: 'b', db: 3 })).toMatchObject({
      username: 'u',
      password: 'a',
      db: 2,
    });
    expect(redisOf({ url: 'redis://h', password: undefined, username: 'u', db: 3 })).toMatchObject({
      username: 'u',
      password: '',
      db: 3,
    });
  });

  test('host and port', () => {
    expect(redisOf({ host: '::1', port: 7000, password: 'p/#@' })).toMatchObject({
      kind: 'single',
      nodes: [{ host: '::1', port: 7000, path: '' }],
      username: '',
      password: 'p/#@',
      db: 0,
      tls: { enabled: false },
    });
  });
});

test('a server may be a node of a cluster, unless that is switched off', () => {
  const kindOf = (redis: unknown) => redisOf(redis)?.kind;
  expect(kindOf('redis://h')).toBe('single');
  expect(kindOf({ host: 'h', cluster: undefined })).toBe('single');
  expect(kindOf({ url: 'redis://h', cluster: false })).toBe('alone');
  expect(kindOf({ path: '/s', cluster: false })).toBe('alone');
  expect(() => kindOf({ cluster: true })).toThrow(/or false beside a url/);
});

describe('redis.tls', () => {
  const tlsOf = (tls: unknown, more = {}) => redisOf({ host: 'h', tls, ...more })?.tls;
  const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

  test('is off, on, or on with what differs', () => {
    expect(tlsOf(undefined)).toMatchObject({ enabled: false });
    expect(tlsOf(false)).toMatchObject({ enabled: false });
    expect(tlsOf(true)).toEqual({ enabled: true, ca: '', cert: '', key: '', servername: '', verify: true });
    expect(tlsOf({ rejectUnauthorized: false, servername: 'r.example.com' })).toMatchObject({
      enabled: true,
      servername: 'r.example.com',
      verify: false,
    });
    expect(tlsOf({ ca: [pem, Buffer.from(pem)] })).toMatchObject({ enabled: true, ca: `${pem}\n${pem}` });
  });

  test('a rediss URL is on, whatever stands beside it', () => {
    const urlOf = (tls: unknown) => redisOf({ url: 'rediss://h', tls })?.tls;
    expect(urlOf(undefined)).toMatchObject({ enabled: true, verify: true });
    expect(urlOf(false)).toMatchObject({ enabled: true, verify: true });
    expect(urlOf({ servername: 's' })).toMatchObject({ enabled: true, servername: 's' });
    expect(redisOf('rediss://h')?.tls).toMatchObject({ enabled: true });
    expect(redisOf({ url: 'redis://h', tls: true })?.tls).toMatchObject({
      enabled: true,
    });
  });

  test.each([
    ['yes'],
    [1],
    [null],
    [[]],
    [{ rejectUnauthorised: false }],
    [{ rejectUnauthorized: 0 }],
    [{ servername: '' }],
    [{ servername: 'https://hunter2' }],
    [{ ca: '/etc/ssl/hunter2.pem' }],
    [{ ca: [pem, 5] }],
    [{ ca: '-----BEGIN CERTIFICATE-----\nhunter2' }],
    [{ ca: '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----' }],
    [{ cert: pem }],
    [{ cert: pem, key: pem }],
    [{ key: 'hunter2' }],
    [{ cert: pem, key: 'hunter2' }],
    [{ cert: pem, key: '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----' }],
  ])('refuses %j and quotes nothing of it', (tls) => {
    const { message } = refusal({ rate: '1/s', redis: { host: 'h', tls } });
    expect(message).toContain('redis.tls');
    expect(message).not.toContain('hunter2');
  });
});

test.each([
  [{ path: '' }],
  [{ path: 'a\0b' }],
  [{ path: 5 }],
  [{ path: '/s', host: 'h' }],
  [{ path: '/s', url: 'redis://h' }],
  [{ url: 'redis://h', port: 6379 }],
  [{ sentinels: [] }],
  [{ sentinels: { nodes: [{ host: 'h' }] } }],
  [{ sentinels: { name: 'm', nodes: [] } }],
  [{ sentinels: { name: 'm', nodes: ['h:26379'] } }],
  [{ sentinels: { name: 'm', nodes: [{ host: 'h', prot: 1 }] } }],
  [{ sentinels: { name: 'm', nodes: [{ host: 'h' }] }, url: 'redis://h' }],
  [{ cluster: {} }],
  [{ cluster: [{ host: 'redis://h' }] }],
  [{ cluster: [{ host: 'h' }], db: 1 }],
  [{ url: 'redis://h', cluster: true }],
  [{ url: 'redis://h', cluster: [{ host: 'h' }] }],
  [{ cluster: false }],
])('refuses redis: %j', (redis) => {
  expect(refusal({ rate: '1/s', redis }).message).toMatch(/redis/);
});

test('a port that is not given is that of its kind of server', () => {
  const nodesOf = (redis: unknown) => redisOf(redis)?.nodes;
  const nodes = [{ host: 'a' }, { host: 'b', port: 1 }];
  expect(nodesOf({ sentinels: { name: 'm', nodes } })).toMatchObject([{ port: 26_379 }, { port: 1 }]);
  expect(nodesOf({ cluster: nodes })).toMatchObject([{ port: 6_379 }, { port: 1 }]);
  expect(nodesOf({ host: 'a' })).toMatchObject([{ port: 6_379 }]);
});

describe('plans', () => {
  test('are own names only', () => {
    const given = JSON.parse('{"__proto__": "1/s", "FREE": "2/m"}') as unknown;
    const { plans } = readOptions({ plans: given }).rules;
    expect([...plans.keys()]).toEqual(['__proto__', 'FREE']);
    expect(plans.get('FREE')).toMatchObject([
      { id: 'FREE', counter: '', quota: { algorithm: 'fixed-window', limit: 2, windowMs: 60_000 } },
    ]);
    expect(plans.get('toString')).toBeUndefined();
  });

  test('of the drop-in keep their rates where none is given', () => {
    expect(withDefaults({ PRO: '5/s', FREE: undefined })).toEqual({
      FREE: { requests: 100, windowMs: 3_600_000 },
      PRO: '5/s',
      ENTERPRISE: { requests: 10_000, windowMs: 3_600_000 },
    });
    expect(() => withDefaults({ PRP: '5/s' } as object)).toThrow(/Did you mean plans\.PRO\?/);
  });
});

test('a limiter shows no password', () => {
  const limiter = createRateLimiter({ rate: '1/s', redis: 'redis://u:hunter2@localhost' });
  expect(inspect(limiter, { depth: 10, showHidden: true })).not.toContain('hunter2');
  expect(JSON.stringify(limiter)).not.toContain('hunter2');
});

test('the version is that of package.json', () => {
  const manifest = readFileSync(path.join(__dirname, '../../package.json'), 'utf8');
  expect(JSON.parse(manifest)).toMatchObject({ version: VERSION });
});
