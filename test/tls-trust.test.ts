/** TLS: whose certificate is taken for whose, and that trust is looked up for each chain. */
import { createRateLimiter, type TlsOptions } from 'spillway';
import { Authority } from './support/certificates';
import { FakeRedis } from './support/fake-redis';
import { owner } from './support/owned';
import { until } from './support/wait';

const own = owner();
const authority = new Authority();
afterAll(() => authority.close());

const startFake = (identity: { cert: string; key: string }) => own(FakeRedis.start({ tls: identity }));
const open = (fake: FakeRedis, tls: TlsOptions, timeoutMs: number) =>
  own(createRateLimiter({ redis: { url: fake.url, tls }, rate: '100/h', timeoutMs }));

/** A server whose certificate is for `names`, and a client that wants it to be for `servername`. */
async function isTaken(names: string, servername: string): Promise<boolean> {
  const fake = await startFake(authority.issue('named', { names }));
  const tls = { ca: authority.root.cert, servername };
  const limiter = await open(fake, tls, 2_000);
  void limiter.check('k');
  await until('taken or refused', () => fake.log.length > 0 || limiter.stats().lastError !== null);
  if (fake.log.length > 0) return true;
  expect(limiter.stats().lastError).toMatch(/mismatch|cannot be verified/);
  return false;
}

test.each([
  ['DNS:*.example.com', 'redis.example.com', true],
  ['DNS:*.example.com', 'REDIS.Example.com', true],
  ['DNS:*.example.com', 'a.redis.example.com', false],
  ['DNS:*.example.com', 'example.com', false],
  // A wildcard is a whole label.
  ['DNS:red*.example.com', 'redis.example.com', false],
  ['DNS:*dis.example.com', 'redis.example.com', false],
  ['DNS:r*s.example.com', 'redis.example.com', false],
  ['DNS:redis.*.com', 'redis.example.com', false],
  // What begins with a dot would be any name below.
  ['DNS:redis.example.com', '.example.com', false],
])('a certificate for %s and the name %s: %s', async (names, servername, taken) => {
  expect(await isTaken(names, servername)).toBe(taken);
});

test.each([
  // The zone says by which interface this machine gets there; no certificate knows it.
  ['IP:fe80::1', 'fe80::1%eth0', true],
  ['IP:FE80:0:0:0:0:0:0:1', 'fe80::1%2', true],
  ['IP:fe80::2', 'fe80::1%eth0', false],
  ['DNS:fe80::1', 'fe80::1%eth0', false],
  // Only an IPv6 address has a zone.
  ['DNS:localhost', 'localhost%eth0', false],
  ['IP:127.0.0.1', '127.0.0.1%eth0', false],
  ['DNS:localhost', '%eth0', false],
])('a certificate for %s and the address %s: %s', async (names, servername, taken) => {
  expect(await isTaken(names, servername)).toBe(taken);
});

describe('trust is looked up for each chain', () => {
  const second = new Authority();
  afterAll(() => second.close());

  test.each([
    ['as it is', () => second.root.cert],
    ['with its name written otherwise', () => second.respelled()],
  ])('a server that is renewed by another authority of the bundle, %s', async (_how, root) => {
    const fake = await startFake(authority.issue('before'));
    const limiter = await open(fake, { ca: [authority.root.cert, root()] }, 2_000);
    expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 99 });
    fake.renew(second.issue('after'));
    fake.peers[0]!.socket.destroy();
    await until('noticed', () => limiter.stats().reconnects >= 1);
    expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 98 });
  });

  test('a trusted intermediate authority below a root whose name is written otherwise', async () => {
    const middle = second.issue('middle', { authority: true });
    const below = await own(new Authority(middle));
    const fake = await startFake(below.issue('leaf'));
    const limiter = await open(fake, { ca: [middle.cert, second.respelled()] }, 2_000);
    expect(await limiter.check('k')).toMatchObject({ source: 'redis' });
  });

  test('what the bundle does not lead to is refused, also after another was trusted', async () => {
    const stranger = await own(new Authority());
    const fake = await startFake(authority.issue('before'));
    const limiter = await open(fake, { ca: [authority.root.cert, second.respelled()] }, 200);
    expect(await limiter.check('k')).toMatchObject({ source: 'redis' });
    fake.renew(stranger.issue('after'));
    fake.peers[0]!.socket.destroy();
    await until('refused', () => /refused/.test(limiter.stats().lastError ?? ''));
    expect(await limiter.check('k')).toMatchObject({ source: 'none' });
  });
});
