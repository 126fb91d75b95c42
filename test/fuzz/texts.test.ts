import fc from 'fast-check';
import { compileRules } from '../../lib/rules/compile';
import { withNamedRates } from '../../lib/rules/file-rates';
import { readGlob } from '../../lib/stores/glob';
import { encodeSubject, keyFront, keyOf, keyTail, subjectIn } from '../../lib/stores/keys';
import { parseRedisUrl } from '../../lib/stores/redis/url';
import { always, LONG, readOr, textOf } from './playing';

describe('keys', () => {
  const ids = fc.oneof(
    fc.string({ unit: 'binary' }),
    textOf(['%', '{', '}', ':', '%25', '%7B', 'p:', '\0', '\n', 'é', 'a']),
  );
  const parts = fc.constantFrom('', 'r', 'minute');

  test('a subject is read back from its key', () => {
    always([ids, parts], (id, part) => {
      const key = keyOf('p:', id, part);
      expect(subjectIn(key, keyFront('p:', part), keyTail(part))).toBe(id);
    });
  });

  test('different subjects are different keys, and none opens a hash tag', () => {
    always([ids, ids], (a, b) => {
      expect(keyOf('p:', a, '') === keyOf('p:', b, '')).toBe(a === b);
      expect(encodeSubject(a)).not.toMatch(/[{}\x00-\x1f\x7f]/);
    });
  });
});

describe('globs', () => {
  const PIECES = [
    '*',
    '*',
    '?',
    '[',
    ']',
    '[ab]',
    '[^a]',
    '[a-c]',
    '\\',
    '-',
    '^',
    'a',
    'b',
    'c',
    '.',
    '$',
    '(',
    '|',
    '\n',
    'é',
    '🙂',
  ];

  /** Every way to share a text among the stars, one place of the glob after the other. */
  function shared(glob: string, text: string): boolean {
    let reached = new Set([0]);
    for (const part of glob.match(/\*|\?|\\[^]|[^]/gu) ?? []) {
      const next = new Set<number>();
      for (const at of reached) {
        if (part === '*') for (let i = at; i <= text.length; i++) next.add(i);
        else if (at < text.length && (part === '?' || text[at] === part.at(-1))) next.add(at + 1);
      }
      reached = next;
    }
    return reached.has(text.length);
  }

  test('a glob is read or refused', () => {
    always([textOf(PIECES), textOf(PIECES)], (glob, text) => {
      readOr(() => readGlob(glob, 'match'))?.test(text);
    });
  });

  test('a glob of stars matches what can be shared among them', () => {
    const of = (...letters: string[]) =>
      fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 10 });
    always([of('*', '*', '?', 'a', 'b', '.'), of('a', 'b', '.')], (glob, text) => {
      expect(readGlob(glob, 'match').test(text)).toBe(shared(glob, text));
    });
  });

  test('no id makes a glob go through all ways to share it', () => {
    for (const glob of ['*a'.repeat(20) + '*b', 'a*'.repeat(20) + 'b', '*?a*?a*?a*?b', '*[ab]*[ab]*[ab]*c']) {
      expect(readGlob(glob, 'match').test('a'.repeat(1_024))).toBe(false);
    }
    expect(readGlob('*a'.repeat(2_000), 'match').test('a'.repeat(1_024))).toBe(false);
  });
});

describe('the URL of a Redis', () => {
  const PIECES = [
    'redis://',
    'rediss://',
    'unix://',
    'redis+unix://',
    ':',
    '@',
    '/',
    '?',
    'db=',
    '&',
    '#',
    '%',
    '%40',
    'host',
    '6379',
    '[',
    ']',
    '::1',
    'user',
    ' ',
  ];

  test('is read or refused, by a message that tells no password', () => {
    const password = 'hunter2hunter2';
    always(
      [textOf(PIECES, 6), textOf(PIECES, 4), fc.constantFrom('redis://', 'redis+unix://')],
      (front, behind, scheme) => {
        const url = `${scheme}${front}:${password}${behind}`;
        let told = '';
        try {
          parseRedisUrl(url);
        } catch (error) {
          told = (error as Error).message;
          readOr(() => parseRedisUrl(url));
        }
        expect(told).not.toContain(password);
      },
    );
  });

  test('gives back what was written into it', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 });
    always([text, text, fc.integer({ min: 1, max: 65_535 }), fc.nat(99)], (user, password, port, db) => {
      const url = `redis://${encodeURIComponent(user)}:${encodeURIComponent(password)}@h:${port}/${db}`;
      expect(parseRedisUrl(url)).toMatchObject({ username: user, password, host: 'h', port, db });
    });
  });

  test.each(PIECES)('a long one of %j is read at once', (piece) => {
    readOr(() => parseRedisUrl(`redis://${piece.repeat(LONG / piece.length)}`));
    readOr(() => parseRedisUrl(piece.repeat(LONG / piece.length)));
  });
});

test('rules of a file are read or refused, whatever the file holds', () => {
  const names = [
    'plans',
    'rate',
    'rules',
    'bypass',
    'id',
    'match',
    'by',
    'group',
    'algorithm',
    'burst',
    'shadow',
    'failureMode',
    'missing',
    'access',
    'FREE',
    '__proto__',
    'constructor',
  ];
  const words = ['10/s', 'unlimited', '*', '/api/*', 'ip', 'user', 'token-bucket', 'open', 'login', ''];
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom<unknown>(...words),
      fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 2 ** 53),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names), tie('tree'), { maxKeys: 5 }),
    ),
  }));
  always([fc.dictionary(fc.constantFrom(...names), tree, { maxKeys: 4 })], (file) => {
    const parsed = JSON.parse(JSON.stringify(file));
    readOr(() => compileRules(withNamedRates({ ...parsed })));
  });
});
