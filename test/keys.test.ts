/** Any well-formed text is a key, and no two of them meet: not in the count, not in a reset, not in a listing. */
import { createRateLimiter, type RateLimiter } from 'spillway';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';

const own = owner();

const keys = [
  ...[
    'a',
    'A',
    'a ',
    ' a',
    'a\0',
    'a\0b',
    '\0',
    'a\r\nDEL ratelimit:a\r\n',
    '\r\n',
    '\n',
    '\t',
    '\x1b[31m',
    '\x7f',
  ],
  ...[
    '}x',
    '{a}',
    '{a',
    'a}',
    '{}',
    '{',
    '}',
    '}{',
    '{{a}}',
    '{a}b',
    '*',
    '**',
    'a*',
    '?',
    '[a]',
    '[',
    ']',
    '[^a]',
  ],
  ...[
    '%',
    '%%',
    '%00',
    '%7B',
    '%7b',
    '%25',
    '%257B',
    '%a',
    '\\',
    '\\*',
    '"',
    "'",
    '$1',
    ':1',
    '+OK',
    '-ERR',
    '/',
    '..',
  ],
  ...[
    '__proto__',
    'constructor',
    'org:1',
    'ratelimit:a',
    'health',
    '%health',
    'null',
    'undefined',
    '0',
    '-1',
    '1e3',
  ],
  ...[
    'é',
    'e\u0301',
    'ß',
    'SS',
    '日本',
    '😀',
    '👨‍👩‍👧',
    '\ufeffa',
    '\u200b',
    '\u2028',
    '\uffff',
    '\u{10ffff}',
    'ı',
    'İ',
  ],
  ...[
    'x'.repeat(1_024),
    'x'.repeat(1_023),
    '😀'.repeat(256),
    '%'.repeat(1_024),
    '\0'.repeat(1_024),
    '{'.repeat(1_024),
  ],
];

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.close());

async function listed(limiter: RateLimiter, match?: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for await (const { key, count } of limiter.list(match === undefined ? {} : { match, pageSize: 10 })) {
    expect(counts.has(key)).toBe(false);
    counts.set(key, count);
  }
  return counts;
}

describe.each(['redis', 'memory'])('%s', (store) => {
  let limiter: RateLimiter;
  beforeEach(async () => {
    await server.command('FLUSHALL');
    const common = store === 'redis' ? { redis: server.url } : { prefix: `keys-${Math.random()}:` };
    limiter = await own(createRateLimiter({ ...common, rate: '1000/h', timeoutMs: 5_000 }));
  });

  test('every key has a count of its own', async () => {
    expect(new Set(keys).size).toBe(keys.length);
    await Promise.all(keys.map((key, i) => limiter.check(key, { cost: i + 1 })));
    await Promise.all(keys.map((key) => limiter.check(key)));
    const counts = await Promise.all(keys.map(async (key) => 1_000 - (await limiter.peek(key)).remaining));
    expect(counts).toEqual(keys.map((_, i) => i + 2));
  });

  test('a listing gives every key back as it was', async () => {
    await Promise.all(keys.map((key, i) => limiter.check(key, { cost: i + 1 })));
    expect(await listed(limiter)).toEqual(new Map(keys.map((key, i) => [key, i + 1])));
  });

  test('a reset touches exactly the key meant', async () => {
    await Promise.all(keys.map((key) => limiter.check(key)));
    const left = new Set(keys);
    for (const key of [
      '*',
      '[a]',
      '?',
      '{a}',
      '%7B',
      '%',
      'a\0',
      '\\*',
      '😀',
      '__proto__',
      'a\r\nDEL ratelimit:a\r\n',
    ]) {
      expect(left.delete(key)).toBe(true);
      expect(await limiter.reset(key)).toBe(true);
      expect(await limiter.reset(key)).toBe(false);
    }
    expect(new Set((await listed(limiter)).keys())).toEqual(left);
  });

  test('a match is a glob over keys as they were given', async () => {
    const given = [
      'org-1',
      'org-2',
      'org-10',
      'user-1',
      'a{1}',
      'a{2}',
      'b%1',
      'c[x]',
      'd*e',
      'dfe',
      'n\n1',
      'é1',
      'é2',
    ];
    await Promise.all(given.map((key) => limiter.check(key)));
    const matching = async (match: string) => [...(await listed(limiter, match)).keys()].sort();
    expect(await matching('org-*')).toEqual(['org-1', 'org-10', 'org-2']);
    expect(await matching('org-?')).toEqual(['org-1', 'org-2']);
    expect(await matching('org-[2-9]')).toEqual(['org-2']);
    expect(await matching('*-1')).toEqual(['org-1', 'user-1']);
    expect(await matching('a{*}')).toEqual(['a{1}', 'a{2}']);
    expect(await matching('b%*')).toEqual(['b%1']);
    expect(await matching('c\\[x\\]')).toEqual(['c[x]']);
    expect(await matching('d\\*e')).toEqual(['d*e']);
    expect(await matching('n\n*')).toEqual(['n\n1']);
    expect(await matching('é*')).toEqual(['é1', 'é2']);
    expect(await matching('nothing')).toEqual([]);
  });
});

describe('in Redis', () => {
  test('names hold no braces of an id and no control characters, and say the rest in clear', async () => {
    await server.command('FLUSHALL');
    const limiter = await own(createRateLimiter({ redis: server.url, rate: '9/h' }));
    const named = ['org-123', 'a b', 'a:b', '{a}', '50%', 'x\ny', '日本'];
    await Promise.all(named.map((key) => limiter.check(key)));
    const names = (await server.command('KEYS', '*')) as string[];
    expect(names.sort()).toEqual(
      ['org-123', 'a b', 'a:b', '%7Ba%7D', '50%25', 'x%0Ay', '日本']
        .map((name) => `{ratelimit:${name}}:@rate-1h`)
        .sort(),
    );
  });

  test('a prefix is text, whatever a glob would make of it', async () => {
    await server.command('FLUSHALL');
    const prefixes = ['r*:', 'rx:', 'r[x]:', 'r?:', 'r\\:', 'r'];
    const limiters = await Promise.all(
      prefixes.map((prefix) => own(createRateLimiter({ redis: server.url, rate: '9/h', prefix }))),
    );
    await Promise.all(limiters.slice(0, 5).map((limiter, i) => times(i + 1, () => limiter.check('k'))));
    for (let i = 0; i < 5; i++) expect(await listed(limiters[i]!)).toEqual(new Map([['k', i + 1]]));
    expect([...(await listed(limiters[5]!)).keys()].sort()).toEqual(['*:k', '?:k', '[x]:k', '\\:k', 'x:k']);
  });
});
