import { parseRedisUrl } from '../../lib/stores/redis/url';
import { refusalOf } from './refusal';

const plain = {
  host: 'localhost',
  port: 6379,
  path: '',
  username: '',
  password: '',
  db: 0,
  tls: false,
};
const unix = { ...plain, host: '', port: 0, path: '/run/redis.sock' };

const errorOf = (url: string) => refusalOf(() => parseRedisUrl(url));

test.each([
  ['redis://localhost', plain],
  ['REDIS://localhost/', plain],
  ['redis://localhost:7000', { ...plain, port: 7000 }],
  ['redis://localhost/3', { ...plain, db: 3 }],
  ['redis://my_redis.internal:6380/15', { ...plain, host: 'my_redis.internal', port: 6380, db: 15 }],
  ['redis://:secret@localhost', { ...plain, password: 'secret' }],
  ['redis://app@localhost', { ...plain, username: 'app' }],
  [
    'redis://app:secret@10.0.0.1:1/2',
    { ...plain, host: '10.0.0.1', port: 1, username: 'app', password: 'secret', db: 2 },
  ],
  ['redis://a%40b:p%3A%2F%23%25%20%C3%BC@localhost', { ...plain, username: 'a@b', password: 'p:/#% ü' }],
  ['redis://a:b:c@localhost', { ...plain, username: 'a', password: 'b:c' }],
  ['redis://a:b@c@localhost', { ...plain, username: 'a', password: 'b@c' }],
  ['redis://[::1]', { ...plain, host: '::1' }],
  ['redis://:pw@[2001:db8::7]:6390/1', { ...plain, host: '2001:db8::7', port: 6390, password: 'pw', db: 1 }],
  ['redis://[fe80::1%25eth0]', { ...plain, host: 'fe80::1%eth0' }],
  ['rediss://localhost', { ...plain, tls: true }],
  [
    'REDISS://app:se%2Fcret@cache.example.com:6380/2',
    {
      host: 'cache.example.com',
      port: 6380,
      path: '',
      username: 'app',
      password: 'se/cret',
      db: 2,
      tls: true,
    },
  ],
  ['redis+unix:///run/redis.sock', unix],
  ['unix:///run/redis.sock?db=3', { ...unix, db: 3 }],
  ['redis+unix:///run/my%20redis%3F.sock?', { ...unix, path: '/run/my redis?.sock' }],
  ['redis+unix://app:p%40w@/run/redis.sock?db=0', { ...unix, username: 'app', password: 'p@w' }],
])('reads %s', (url, address) => {
  expect(parseRedisUrl(url)).toEqual(address);
});

test.each([
  'hunter2',
  'localhost:6379',
  'http://u:hunter2@localhost',
  'redis:/localhost',
  'redis:u:hunter2@localhost',
  ' redis://localhost',
  'redis://',
  'redis:///1',
  'redis://:6379',
  'redis://u:hunter2@',
  'redis://u:hunter2@:6379',
  'redis://::1',
  'redis://[::1',
  'redis://[hunter2]',
  'redis://localhost:0',
  'redis://localhost:65536',
  'redis://localhost:hunter2',
  'redis://localhost:63790000',
  'redis://localhost:',
  'redis://localhost/hunter2',
  'redis://localhost/-1',
  'redis://localhost/1/2',
  'redis://localhost/9999999999',
  'redis://u:hunter2#x@localhost',
  'redis://u:hunter2/x@localhost',
  'redis://u:hunter2?x@localhost',
  'redis://u:hunter2 @localhost',
  'redis://u:hunter2%@localhost',
  'redis://u:hunter2%zz@localhost',
  'redis://u:hunter2%ff@localhost',
  'redis://localhost?db=1',
])('refuses %j and quotes nothing of it', (url) => {
  const { code, message } = errorOf(url);
  expect(code).toBe('ERR_INVALID_OPTION');
  expect(message).toContain('redis://[user[:password]@]host[:port][/db]');
  expect(message).not.toContain('hunter2');
});

test.each([
  ['redis://localhost?family=0', 'the parameter "family" is not known'],
  ['redis://u:hunter2@localhost:6379/0?family=0&db=1', 'the parameter "family" is not known'],
  ['rediss://[::1]?ssl_cert_reqs=hunter2', 'the parameter "ssl_cert_reqs" is not known'],
  ['unix:///run/redis.sock?db=1&password=hunter2', 'the parameter "password" is not'],
  // A part of a password, perhaps.
  ['redis://u:se?hunter2=x@localhost', '"?"'],
  ['redis://u:hunter2?hunter2', '"?"'],
  ['redis://localhost?hunter2', '"?"'],
  ['redis://localhost?hunter2=1@x', '"?"'],
  ['unix:///run/redis.sock?hunter2=1@x', 'only db=number is known.'],
])('%s: what is behind the question mark is named where it is no secret', (url, why) => {
  const { code, message } = errorOf(url);
  expect(code).toBe('ERR_INVALID_OPTION');
  expect(message).toContain(why);
  expect(message).not.toContain('hunter2');
});

test('names where it comes from, and what a scheme may be', () => {
  const { message } = refusalOf(() => parseRedisUrl('memcached://localhost', 'REDIS_URL'));
  expect(message).toMatch(/^The Redis URL in REDIS_URL cannot be used: /);
  for (const scheme of ['redis://', 'rediss://', 'redis+unix://', 'unix://']) {
    expect(message).toContain(scheme);
  }
});

test.each([
  'redis+unix://',
  'redis+unix:///',
  'unix://u:hunter2@',
  'unix://hunter2/run/redis.sock',
  'redis+unix:///run/hunter2#x',
  'redis+unix:///run/hunter2 x',
  'redis+unix:///run/hunter2%zz',
  'redis+unix://u:hunter2%@/run/redis.sock',
  'redis+unix:///run/redis.sock?db=hunter2',
  'redis+unix:///run/redis.sock?db=-1',
  'redis+unix:///run/redis.sock?db=1&password=hunter2',
  'redis+unix:///run/redis.sock?db=1?db=1',
])('refuses %j and says how a socket is written', (url) => {
  const { code, message } = errorOf(url);
  expect(code).toBe('ERR_INVALID_OPTION');
  expect(message).toContain('redis+unix://[user[:password]@]/path[?db=number]');
  expect(message).not.toContain('hunter2');
});
