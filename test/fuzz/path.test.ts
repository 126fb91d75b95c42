import fc from 'fast-check';
import { isBypassed, readBypass } from '../../lib/rules/bypass';
import { parsePath, pathText } from '../../lib/rules/path';
import { matches, parsePattern, readingsOf } from '../../lib/rules/pattern';
import { always, LONG, readOr, textOf } from './playing';

/** What separates, climbs, hides or ends a path, for some server or other, between the names of routes. */
const PIECES = [
  '/',
  '/',
  '/',
  '//',
  '\\',
  '%2f',
  '%2F',
  '%5c',
  '/.',
  '/..',
  '/%2e',
  '/%2E%2e',
  '.',
  '..',
  '?',
  '#',
  '?x=/',
  '%',
  '%zz',
  '%25',
  '%252f',
  '%00',
  ';',
  ';a=b',
  'api',
  'api',
  'admin',
  'admin',
  'API',
  '%61pi',
  '%41dmin',
  'health',
  'health',
  'Health',
  '%68ealth',
  'http://host',
  '//host',
  'é',
  '%C3%A9',
  '%c3',
  '*',
  ' ',
  '\t',
  '\0',
];
const paths = fc.tuple(fc.constantFrom('/', '/', '/', ''), textOf(PIECES)).map((parts) => parts.join(''));

/** How servers find a route: each is one that exists, and what it makes of a path is all that a handler sees of it. */
const ROUTERS: Record<string, (path: string) => string[]> = {
  'compares what was sent': (path) =>
    path.split('/').filter((name, i, all) => i > 0 && (name !== '' || i + 1 < all.length)),
  'decodes each segment': (path) =>
    path
      .split('/')
      .slice(1)
      .map(decoded)
      .filter((name) => name !== ''),
  'decodes each segment and climbs': (path) => climbed(path.split('/').map(decoded)),
  'decodes, joins slashes and climbs': (path) => climbed(decoded(path).split('/')),
  'takes backslashes for slashes': (path) => climbed(decoded(path).replaceAll('\\', '/').split('/')),
  'parses a URL': (path) =>
    new URL(`http://host${path.startsWith('/') ? '' : '/'}${path}`).pathname
      .split('/')
      .slice(1)
      .map(decoded)
      .filter((name) => name !== ''),
};

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function climbed(names: string[]): string[] {
  const kept: string[] = [];
  for (const name of names) {
    if (name === '..') kept.pop();
    else if (name !== '' && name !== '.') kept.push(name);
  }
  return kept;
}

/** What is left of a request's target: no query, and of an absolute one no scheme and host. */
function sent(target: string): string {
  const path = target.split(/[?#]/, 1)[0]!;
  if (path.startsWith('/')) return path;
  const local = path.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/\\]*/i, '');
  return local.startsWith('/') ? local : `/${local}`;
}

test.each(Object.keys(ROUTERS))('no way of writing a path gets around a rule: a router that %s', (name) => {
  const guarded = parsePattern('/api/admin/*', 'match');
  always([paths], (target) => {
    const names = ROUTERS[name]!(sent(target)).map((one) => one.toLowerCase());
    if (names[0] !== 'api' || names[1] !== 'admin') return;
    expect(readingsOf(parsePath(target)).some(({ folded }) => matches(guarded, 'GET', folded))).toBe(true);
  });
});

test('a bypass holds for the path as it is written, and for nothing that some server takes for another', () => {
  const bypass = readBypass(['/health', '/api/health'], 'bypass');
  always([paths], (target) => {
    const readings = readingsOf(parsePath(target));
    const path = sent(target).replace(/\/$/, '');
    const request = { method: 'GET', path: target };
    expect(isBypassed(bypass, request, 'GET', readings)).toBe(path === '/health' || path === '/api/health');
  });
});

test('a path has readings, whose texts differ as they do, and a query never changes them', () => {
  always([paths, fc.string()], (target, query) => {
    const { readings } = parsePath(target);
    expect(readings.length).toBeGreaterThan(0);
    // The root, and an empty name below it, are the same place to all but a router that compares texts.
    const named = readings.filter((segments) => segments.length > 0);
    expect(new Set(named.map(pathText)).size).toBe(named.length);
    if (!/[?#]/.test(target)) expect(parsePath(`${target}?${query}`)).toEqual({ readings });
  });
});

test('a pattern is read or refused, and one without escapes matches the path that it names', () => {
  always(
    [fc.tuple(fc.constantFrom('', '', 'GET:', '*:', '*', 'x:'), paths).map((parts) => parts.join(''))],
    (text) => {
      const pattern = readOr(() => parsePattern(text, 'match'));
      if (pattern === undefined || text.includes('%')) return;
      const path = `/${pattern.segments.map((segment) => segment ?? 'any').join('/')}`;
      fc.pre(!/\/\.|\/\//.test(path));
      expect(
        readingsOf(parsePath(path)).some(({ folded }) => matches(pattern, pattern.method ?? 'GET', folded)),
      ).toBe(true);
    },
  );
});

test.each(PIECES)('a long path of %j is read at once', (piece) => {
  const text = piece.repeat(LONG / piece.length);
  expect(parsePath(`/${text}x`).readings.length).toBeGreaterThan(0);
  readOr(() => parsePattern(`/${text}x`, 'match'));
  readOr(() => parsePattern(`${text}:/x`, 'match'));
});
