import type { ListOptions } from 'spillway';
import { Listing } from '../../lib/stores/listing';
import { readListOptions } from '../../lib/limiter/list';
import { RuleSet } from '../../lib/decision/rule-set';
import { makeRule } from '../../lib/rules/rule';
import { refusalOf } from './refusal';

const QUOTA = { algorithm: 'fixed-window', limit: 5, windowMs: 1_000, burst: 5 } as const;

/** The listing of a rule that counts under this part of the key. */
function listingOf(part = '') {
  const rule = makeRule('r', part, QUOTA, {}, { failureMode: 'open', nearLimit: 1 }, '');
  return new Listing('p:', new RuleSet([rule]), readListOptions());
}

function page(keys: string[], cursor = '') {
  return { cursor, keys, counts: keys.map((_, i) => i + 1), resetInMs: keys.map(() => 5_000) };
}

test('starts at the first page, asks for everything, 30 keys at a time', () => {
  expect(listingOf()).toMatchObject({ cursor: '', query: { pattern: '*', pageSize: 30 }, done: false });
});

test('a page gives keys without prefix, counts, and ends by this clock', () => {
  const before = Date.now();
  const listing = listingOf();
  const [first, second] = listing.take(page(['p:a', 'p:p:b'], '17'));
  expect(first).toMatchObject({ key: 'p:a', subject: 'a', count: 1 });
  expect(second).toMatchObject({ key: 'p:p:b', subject: 'p:b', count: 2 });
  expect(first!.resetTime).toBeGreaterThanOrEqual(before + 5_000);
  expect(first!.resetTime).toBeLessThanOrEqual(Date.now() + 5_000);
  expect(listing).toMatchObject({ cursor: '17', done: false });
});

test('is done with the page that has no cursor', () => {
  const listing = listingOf();
  listing.take(page(['p:a'], '3'));
  expect(listing.done).toBe(false);
  listing.take(page([]));
  expect(listing.done).toBe(true);
});

test.each([
  ['p:a%25b', 'a%b'],
  ['p:%7Bx%7D', '{x}'],
  ['p:%0D%0A%00%7F', '\r\n\0\x7f'],
  ['p:%2525', '%25'],
  ['p:100%', '100%'],
  ['p:%zz%41%7b', '%zz%41%7b'],
  ['p:ü', 'ü'],
])('%s is the subject %j', (key, subject) => {
  expect(listingOf().take(page([key]))).toMatchObject([{ key, subject }]);
});

test('a key that comes again is left out, within a page and across pages', () => {
  const listing = listingOf();
  expect(listing.take(page(['p:a', 'p:b', 'p:a'], '1')).map(({ subject }) => subject)).toEqual(['a', 'b']);
  expect(listing.take(page(['p:c', 'p:b'], '2')).map(({ subject }) => subject)).toEqual(['c']);
});

test('remembers the last 50,000 keys at least and 100,000 at most', () => {
  const listing = listingOf();
  const names = Array.from({ length: 100_001 }, (_, i) => `p:${i}`);
  expect(listing.take(page(names, '1'))).toHaveLength(100_001);
  expect(listing.take(page(names.slice(-50_000), '2'))).toHaveLength(0);
  expect(listing.take(page(names.slice(0, 1), '3'))).toHaveLength(1);
});

test('of a rule with an id, keys lose that, too', () => {
  const listing = listingOf('@rate-1h');
  const key = '{p:a%7Db}:@rate-1h';
  expect(listing.take(page([key]))).toMatchObject([{ key, subject: 'a}b' }]);
});

test.each<ListOptions>([
  { pageSize: 1 },
  { pageSize: 100_000 },
  { match: '?' },
  { match: 'x'.repeat(4_096) },
])('takes what is just within the bounds', (options) => {
  const { match, pageSize } = readListOptions(options);
  expect(match.test('x')).toBe(options.match === undefined || options.match === '?');
  expect(pageSize).toBe(options.pageSize ?? 30);
});

test.each([
  [{ pagesize: 5 }, /Did you mean pageSize\?/],
  [{ pageSize: 0 }, /pageSize/],
  [{ pageSize: 1.5 }, /pageSize/],
  [{ pageSize: 100_001 }, /pageSize/],
  [{ match: '' }, /match/],
  [{ match: 5 }, /match/],
  [{ match: 'x'.repeat(4_097) }, /match/],
  [{ kind: 'tenant' }, /kind must be one of/],
  [{ rule: 5 }, /rule/],
  [null, /object/],
  ['*', /object/],
])('refuses %j', (options, message) => {
  const error = refusalOf(() => readListOptions(options as object));
  expect(error.code).toBe('ERR_INVALID_OPTION');
  expect(error.message).toMatch(message);
});

test('a blocked key is one, and counts nothing', () => {
  const page = { cursor: '', keys: ['p:a'], counts: [2 ** 53], resetInMs: [9] };
  expect(listingOf().take(page)).toMatchObject([{ subject: 'a', count: 0, blocked: true }]);
});

test.each([
  [{}, '*'],
  [{ match: 'org-*' }, '*org-*'],
  [{ match: '*7' }, '*7'],
  [{ match: '203.*', kind: 'ip' }, 'ip:203.*'],
  [{ match: 'a?', kind: 'organization' }, '*a?'],
  [{ kind: 'global' }, '*'],
] as [ListOptions, string][])('%j: the store is asked for %s', (options, pattern) => {
  expect(readListOptions(options).pattern).toBe(pattern);
});
