import { parsePath, pathText } from '../../lib/rules/path';
import {
  compareSpecificity,
  matches as covers,
  matchesExactly,
  parsePattern,
  readingsOf,
} from '../../lib/rules/pattern';
import { refusalOf } from './refusal';

const only = (path: string) => {
  const { readings } = parsePath(path);
  expect(readings).toHaveLength(1);
  return readings[0];
};

const matches = (pattern: string, method: string, path: string) =>
  readingsOf(parsePath(path)).some(({ folded }) => covers(parsePattern(pattern, 'match'), method, folded));

describe('a path with one reading', () => {
  test.each([
    ['/', []],
    ['', []],
    ['*', ['*']],
    ['/api/users', ['api', 'users']],
    ['/api/users/', ['api', 'users']],
    ['/api/users?page=2', ['api', 'users']],
    ['/api/users/?/../x', ['api', 'users']],
    ['/api/users#top', ['api', 'users']],
    ['api/users', ['api', 'users']],
    ['http://host:80/api/users', ['api', 'users']],
    ['http://host', []],
    ['/api/%3Fusers%23', ['api', '?users#']],
    ['/caf%C3%A9', ['café']],
    ['/café', ['café']],
    ['/.well-known/x', ['.well-known', 'x']],
    ['/api/...', ['api', '...']],
    ['/api/%252e%252e/x', ['api', '%2e%2e', 'x']],
    ['/api/%252Fx', ['api', '%2Fx']],
  ])('%s', (path, segments) => {
    expect(only(path)).toEqual(segments);
  });

  test('however long', () => {
    expect(parsePath('/a'.repeat(100_000)).readings[0]).toHaveLength(100_000);
    expect(parsePath('/..'.repeat(100_000)).readings).toHaveLength(2);
    expect(parsePath(`/${'%2f'.repeat(100_000)}`).readings.length).toBeLessThan(5);
    expect(parsePath(`/${'%'.repeat(100_000)}`).readings).toHaveLength(1);
  });
});

test('what routers disagree about has all readings, the resolved one first', () => {
  expect(parsePath('/a/../b').readings).toEqual([['b'], ['a', '..', 'b']]);
  expect(parsePath('/a/%2e%2E/b').readings).toEqual([['b'], ['a', '..', 'b'], ['a', '%2e%2E', 'b']]);
  expect(parsePath('/a%2Fb').readings).toEqual([['a', 'b'], ['a/b']]);
  expect(parsePath('/a\\b').readings).toEqual([['a', 'b'], ['a\\b']]);
  expect(parsePath('/../../a').readings[0]).toEqual(['a']);
  expect(parsePath('//a/b').readings).toEqual([['a', 'b'], ['b'], ['', 'a', 'b']]);
  expect(parsePath('/a//b').readings).toEqual([
    ['a', 'b'],
    ['a', '', 'b'],
  ]);
  expect(parsePath('/a/./b/.').readings).toEqual([
    ['a', 'b'],
    ['a', '.', 'b', '.'],
  ]);
  expect(parsePath('/%61/%2e/%C3%A9').readings).toEqual([
    ['a', 'é'],
    ['%61', '%2e', 'é'],
  ]);
  expect(parsePath('/x/../a/b%2F..%2F..%2Fc').readings).toEqual([
    ['c'],
    ['a', 'b/../../c'],
    ['x', '..', 'a', 'b', '..', '..', 'c'],
    ['x', '..', 'a', 'b/../../c'],
  ]);
});

describe('patterns', () => {
  test.each([
    ['POST:/auth/*', 'POST', '/auth/signin', true],
    ['POST:/auth/*', 'POST', '/auth', true],
    ['POST:/auth/*', 'POST', '/auth/a/b/c', true],
    ['POST:/auth/*', 'GET', '/auth/signin', false],
    ['POST:/auth/*', 'POST', '/authX', false],
    ['post:/auth/*', 'POST', '/auth/signin', true],
    ['*:/api/*', 'PATCH', '/api/users', true],
    ['*/api/*', 'PATCH', '/api/users', true],
    ['*/api/*', 'GET', '/v1/api/users', false],
    ['/api/users', 'GET', '/api/users', true],
    ['/api/users', 'GET', '/api/users/', true],
    ['/api/users', 'GET', '/api/users/5', false],
    ['/api/users', 'GET', '/api/usersX', false],
    ['/api/users/', 'GET', '/api/users', true],
    ['/api/*/items', 'GET', '/api/5/items', true],
    ['/api/*/items', 'GET', '/api/items', false],
    ['/api/*/items', 'GET', '/api/5/6/items', false],
    ['/api/*/*', 'GET', '/api/5', true],
    ['/api/*/*', 'GET', '/api', false],
    ['*', 'GET', '/', true],
    ['*', 'OPTIONS', '*', true],
    ['*:*', 'GET', '/x/y', true],
    ['POST:*', 'GET', '/x', false],
    ['POST:*', 'POST', '/x', true],
    ['/', 'GET', '/', true],
    ['/', 'GET', '/x', false],
    ['/*', 'GET', '/x', true],
    ['/caf%C3%A9', 'GET', '/café', true],
    ['/a%2Ab', 'GET', '/a*b', true],
    ['/users:batch', 'GET', '/users:batch', true],
    ['/users/%3Aid', 'GET', '/users/:id', true],
    ['propfind:/dav', 'PROPFIND', '/dav', true],
    ['GET:/x', 'HEAD', '/x', true],
    ['HEAD:/x', 'GET', '/x', false],
    ['/constructor', 'GET', '/__proto__', false],
  ])('%s, %s %s: %p', (pattern, method, path, expected) => {
    expect(matches(pattern, method, path)).toBe(expected);
  });

  test.each([
    '/api/auth/signin',
    '/api/auth/signin/',
    '//api/auth/signin',
    '//host/api/auth/signin',
    '/\\host/api/auth/signin',
    '/api//auth///signin',
    '/api/./auth/signin',
    '/api/x/../auth/signin',
    '/x/y/../../api/auth/signin',
    '/../api/auth/signin',
    '/api/auth/signin/.',
    '/api/auth/signin/x/..',
    '/api%2Fauth%2fsignin',
    '/api%5Cauth\\signin',
    '\\api\\auth\\signin',
    '/%61%70%69/auth/sign%69n',
    '/API/Auth/SIGNIN',
    '/api/%2e/auth/signin',
    '/x/%2e%2e/api/auth/signin',
    '/x/.%2E/api/auth/signin',
    '/api/auth/signin?x=/../y',
    '/api/auth/signin#x',
    '/api/auth/signin/?',
    'http://other/api/auth/signin',
  ])('no way of writing a path gets around its rule: %s', (path) => {
    expect(matches('POST:/api/auth/signin', 'POST', path)).toBe(true);
    expect(matches('/api/auth/*', 'POST', path)).toBe(true);
  });

  test.each([
    '/api/export/..%2F..%2Fpublic',
    '/api/export/../../public',
    '/api/export/%2e%2e/%2e%2e/public',
    '/api/export/..\\..\\public',
    '/x/../api/export/a%2F..%2F..%2F..%2Fpublic',
  ])('nor from a rule that some routers see: %s', (path) => {
    expect(matches('/api/export/*', 'GET', path)).toBe(true);
    expect(matches('/public', 'GET', path)).toBe(true);
  });

  test.each([
    '',
    'api/users',
    'POST',
    'POST:',
    'POST:auth',
    'POST/auth',
    ' /api',
    'GET POST:/api',
    '/api/v*',
    '/api/**',
    '/api//users',
    '/api/../x',
    '/api/%2e%2e/x',
    '/api/.',
    '/api?x',
    '/api#x',
    '/api\\x',
    '/a%2Fb',
    '/a%5cb',
    '/100%',
    '/users/:id',
    '/users/[id]/posts',
    '/[...slug]',
    '/users/{id}',
    '/(auth)/signin',
    'ALL:/api/*',
    'PSOT:/api/*',
    undefined,
    null,
    5,
    ['/api'],
  ])('refuses %j', (pattern) => {
    const error = refusalOf(() => parsePattern(pattern, 'rules[0].match'));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message).toMatch(/^rules\[0\]\.match/);
  });

  test('are ordered: exact, most literal segments, with a method, star last', () => {
    const ordered = [
      'POST:/api/auth/signin',
      '/api/auth/signin',
      'POST:/',
      '/',
      'POST:/api/auth/*',
      '/api/*/items',
      '/api/auth/*',
      'POST:/api/*',
      '/api/*/*',
      '*/api/*',
      'POST:*',
      '*',
    ].map((text) => parsePattern(text, ''));
    for (let seed = 1; seed <= 50; seed++) {
      const shuffled = [...ordered].sort((a, b) => hash(a.text, seed) - hash(b.text, seed));
      const positions = shuffled.sort(compareSpecificity).map(({ text }) => rank(text));
      expect(positions).toEqual([...positions].sort((a, b) => a - b));
    }
  });
});

/** `/` and signin are both exact, and no request matches both. */
function rank(text: string): number {
  const ranks = [
    /signin$/,
    /^POST:\/$|^\/$/,
    /auth\/\*$|items$/,
    /^POST:\/api\/\*$/,
    /^\/api\/\*\/\*$/,
    /api/,
    /^POST/,
    /^\*$/,
  ];
  return ranks.findIndex((one) => one.test(text));
}

function hash(text: string, seed: number): number {
  let value = seed;
  for (const char of text) value = (Math.imul(value, 31) + char.charCodeAt(0)) | 0;
  return Math.imul(value, 0x9e3779b1) >>> 0;
}

describe('bypass', () => {
  const passes = (pattern: string, path: string, method = 'GET') =>
    matchesExactly(parsePattern(pattern, 'bypass'), method, readingsOf(parsePath(path)));

  test.each([
    ['/api/health', '/api/health', true],
    ['/api/health', '/api/health/', true],
    ['/api/health', '/api/health?x', true],
    ['/api/caf%C3%A9', '/api/caf%c3%a9', true],
    ['/api/café', '/api/caf%C3%A9/', true],
    ['/api/health', '/api/%68ealth', false],
    ['/api/health', '/API/HEALTH', false],
    ['/api/health', '/%61pi/health', false],
    ['/api/health', '/api//health', false],
    ['/api/health', '/api/health//', false],
    ['/api/health', '/api/./health', false],
    ['/api/health', '/api/health/.', false],
    ['/api/health', '/api/health;x=1', false],
    ['/api/health', '/api/health%00', false],
    ['/api/health', '/api/health%2F', false],
    ['/api/cron/*', '/api/cron/./daily', true],
    ['/api/cron/*', '/api/cron/d%61ily//x', true],
    ['/api/cron/*', '/api//cron/daily', false],
    ['/api/cron/*', '/api/cr%6Fn/daily', false],
    ['/api/health', '/api/healthX', false],
    ['/api/health', '/api/health/x', false],
    ['/api/health', '/api/HEALTH', false],
    ['/api/cron/*', '/api/cron', true],
    ['/api/cron/*', '/api/cron/daily', true],
    ['/api/cron/*', '/api/cronX/daily', false],
    ['/api/cron/*', '/api/cron/../users', false],
    ['/api/cron/*', '/api/cron/%2e%2e/users', false],
    ['/api/cron/*', '/api/cron/..%2Fusers', false],
    ['/api/cron/*', '/api/cron/..\\users', false],
    ['/api/health', '/api/export/../health', false],
    ['/api/health', '/api/export/..%2Fhealth', false],
    ['/api/health', '/api%2Fhealth', false],
    ['/api/health', '\\api\\health', false],
    ['/api/health', '//api/health', false],
    ['/health', '//api/health', false],
  ])('%s lets %s pass: %p', (pattern, path, expected) => {
    expect(passes(pattern, path)).toBe(expected);
  });

  test('by method', () => {
    expect(passes('POST:/hook', '/hook', 'POST')).toBe(true);
    expect(passes('POST:/hook', '/hook', 'GET')).toBe(false);
    expect(passes('HEAD:/hook', '/hook', 'GET')).toBe(false);
    expect(passes('GET:/hook', '/hook', 'HEAD')).toBe(true);
  });
});

test('texts of paths differ where their segments do', () => {
  const all = [['a', 'b'], ['a/b'], ['a%2Fb'], ['a%252Fb'], [], ['a']];
  expect(new Set(all.map(pathText)).size).toBe(all.length);
  expect(pathText(['api', 'users'])).toBe('/api/users');
});
