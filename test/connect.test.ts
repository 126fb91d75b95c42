/** Ways to a server: a unix socket, addresses of both families, a name with several, and what a URL may say. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRateLimiter } from 'spillway';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';

const own = owner();
const folder = mkdtempSync(join(tmpdir(), 'spillway-socket-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fifth = { db: 5 };

test.each([
  ['a URL', (path: string) => `redis+unix://${path}?db=5`],
  ['a short URL', (path: string) => ({ url: `unix://${path}`, ...fifth })],
  ['a path', (path: string) => ({ path, ...fifth })],
])('a unix socket by %s', async (_name, optionOf) => {
  const path = join(folder, 'redis.sock');
  const server = await own(RedisServer.start({ args: ['--unixsocket', path] }));
  const limiter = await own(createRateLimiter({ redis: optionOf(path), rate: '100/h' }));
  expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 99 });
  expect(await server.info('db5')).toMatch(/^keys=1,/);
  expect(await server.command('CLIENT', 'LIST')).toMatch(/:0 .*name=spillway .*flags=\w*U/);
});

test('a unix socket that is not there, is no socket, or has too long a path', async () => {
  for (const [path, said] of [
    [join(folder, 'nothing'), /no such file/],
    [folder, /refused|denied/],
    [`/${'x'.repeat(200)}`, /name too long/],
  ] as const) {
    const limiter = await own(createRateLimiter({ redis: { path }, rate: '100/h', timeoutMs: 60 }));
    expect(await limiter.check('k')).toMatchObject({ source: 'policy' });
    expect(limiter.stats().lastError).toMatch(said);
  }
});
