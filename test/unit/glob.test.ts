import { readGlob } from '../../lib/stores/glob';

/** As SCAN reads them: what redis-server 7 matched is the expectation. */
test.each([
  ['*', 'anything', true],
  ['*', '', true],
  ['a*c', 'abbc', true],
  ['a*c', 'abbd', false],
  ['**a**', 'xxaxx', true],
  ['a?c', 'abc', true],
  ['a?c', 'ac', false],
  ['[abc]x', 'bx', true],
  ['[^a]x', 'bx', true],
  ['[^a]x', 'ax', false],
  ['[a-c]x', 'bx', true],
  ['[c-a]x', 'bx', true],
  ['[a-]x', '-x', true],
  ['[\\]]x', ']x', true],
  ['a\\*c', 'a*c', true],
  ['a\\*c', 'abc', false],
  ['a.c', 'abc', false],
  ['a(b)+|{1}$^', 'a(b)+|{1}$^', true],
  ['org-ü', 'org-ü', true],
  ['a\nb*', 'a\nb\nc', true],
])('%j matches %j: %s', (glob, text, matches) => {
  expect(readGlob(glob, 'match').test(text)).toBe(matches);
});

test('many stars are no work', () => {
  expect(readGlob('*'.repeat(4_000), 'match').test('x'.repeat(10_000))).toBe(true);
});
