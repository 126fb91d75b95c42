import { Listing } from '../../lib/stores/listing';
import { refusalOf } from './refusal';

function page(keys: string[], cursor = '') {
  return { cursor, keys, counts: keys.map((_, i) => i + 1), resetInMs: keys.map(() => 5_000) };
}

test('starts at the first page, asks for everything, 30 keys at a time', () => {
  expect(new Listing('p:')).toMatchObject({ cursor: '', match: '*', pageSize: 30, done: false });
});

test('a page gives keys without prefix, counts, and ends by this clock', () => {
  const before = Date.now();
  const listing = new Listing('p:');
  const [first, second] = listing.take(page(['p:a', 'p:p:b'], '17'));
  expect(first).toMatchObject({ name: 'p:a', key: 'a', count: 1 });
  expect(second).toMatchObject({ name: 'p:p:b', key: 'p:b', count: 2 });
  expect(first!.resetTime).toBeGreaterThanOrEqual(before + 5_000);
  expect(first!.resetTime).toBeLessThanOrEqual(Date.now() + 5_000);
  expect(listing).toMatchObject({ cursor: '17', done: false });
});

test('is done with the page that has no cursor', () => {
  const listing = new Listing('p:');
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
])('%s is the key %j', (name, key) => {
  expect(new Listing('p:').take(page([name]))).toMatchObject([{ name, key }]);
});

test('a key that comes again is left out, within a page and across pages', () => {
  const listing = new Listing('p:');
  expect(listing.take(page(['p:a', 'p:b', 'p:a'], '1')).map(({ key }) => key)).toEqual(['a', 'b']);
  expect(listing.take(page(['p:c', 'p:b'], '2')).map(({ key }) => key)).toEqual(['c']);
});

test('remembers the last 50,000 keys at least and 100,000 at most', () => {
  const listing = new Listing('p:');
  const names = Array.from({ length: 100_001 }, (_, i) => `p:${i}`);
  expect(listing.take(page(names, '1'))).toHaveLength(100_001);
  expect(listing.take(page(names.slice(-50_000), '2'))).toHaveLength(0);
  expect(listing.take(page(names.slice(0, 1), '3'))).toHaveLength(1);
});

test('of a rule with an id, keys lose that, too', () => {
  const listing = new Listing('p:', '@rate-1h');
  const name = '{p:a%7Db}:@rate-1h';
  expect(listing.take(page([name]))).toMatchObject([{ name, key: 'a}b' }]);
});

test.each([{ pageSize: 1 }, { pageSize: 100_000 }, { match: '?' }, { match: 'x'.repeat(4_096) }])(
  'takes what is just within the bounds',
  (options) => {
    expect(new Listing('p:', '', options)).toMatchObject(options);
  },
);

test.each([
  [{ pagesize: 5 }, /Did you mean pageSize\?/],
  [{ pageSize: 0 }, /pageSize/],
  [{ pageSize: 1.5 }, /pageSize/],
  [{ pageSize: 100_001 }, /pageSize/],
  [{ match: '' }, /match/],
  [{ match: 5 }, /match/],
  [{ match: 'x'.repeat(4_097) }, /match/],
  [null, /object/],
  ['*', /object/],
])('refuses %j', (options, message) => {
  const error = refusalOf(() => new Listing('p:', '', options as object));
  expect(error.code).toBe('ERR_INVALID_OPTION');
  expect(error.message).toMatch(message);
});
