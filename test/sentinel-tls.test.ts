/** Sentinels over TLS: they and the master they name are verified, each by what was given for it. */
import { createRateLimiter, type SentinelRedisOptions } from 'spillway';
import { Authority } from './support/certificates';
import { owner } from './support/owned';
import { freePort } from './support/ports';
import { RedisServer } from './support/redis';
import { MASTER, Sentinel } from './support/sentinel';
import { until } from './support/wait';

const own = owner();
const authority = new Authority();
const stranger = new Authority();
const identity = authority.issue('good');
afterAll(() => {
  authority.close();
  stranger.close();
});

/** A master and a sentinel that speak TLS, also with each other; where the sentinel listens. */
async function start(): Promise<{ master: RedisServer; sentinel: Sentinel; port: number }> {
  const [masterPort, port] = [await freePort(), await freePort()];
  const settings = (listen: number): [string, string][] => [
    ['tls-port', `${listen}`],
    ['tls-cert-file', identity.certFile],
    ['tls-key-file', identity.keyFile],
    ['tls-ca-cert-file', authority.root.certFile],
    ['tls-auth-clients', 'no'],
    ['tls-replication', 'yes'],
  ];
  const args = settings(masterPort).flatMap(([name, value]) => [`--${name}`, value]);
  const master = await own(RedisServer.start({ args }));
  const lines = settings(port).map(([name, value]) => `${name} ${value}`);
  lines.push(`sentinel monitor ${MASTER} 127.0.0.1 ${masterPort} 1`);
  const sentinel = await own(Sentinel.start(lines));
  await until('the sentinel reaches the master', async () => (await sentinel.knows('flags')) === 'master');
  return { master, sentinel, port };
}

const trusted = { ca: authority.root.cert };

test('sentinels and master by TLS; no part of it is taken on trust', async () => {
  const { master, sentinel, port } = await start();
  const open = (tls: SentinelRedisOptions['tls'], sentinelTls: SentinelRedisOptions['tls']) =>
    own(
      createRateLimiter({
        redis: {
          sentinels: { name: MASTER, nodes: [{ host: 'localhost', port }], tls: sentinelTls },
          tls,
          password: 'never-sent-in-the-clear',
        },
        rate: '100/h',
      }),
    );
  await master.command('CONFIG', 'SET', 'requirepass', 'never-sent-in-the-clear');
  const right = await open(trusted, trusted);
  await until('counted', async () => (await right.check('k')).source === 'redis');
  expect(await sentinel.command('CLIENT', 'LIST', 'TYPE', 'PUBSUB')).toMatch(/name=spillway/);

  const distrusted = await open(trusted, { ca: stranger.root.cert });
  expect((await distrusted.check('k')).source).toBe('none');
  expect(distrusted.stats().lastError).toMatch(/^no sentinel answers: .*certificate/);

  const half = await open({ ca: stranger.root.cert }, trusted);
  expect((await half.check('k')).source).toBe('none');
  expect(half.stats().lastError).toMatch(/certificate/);
  expect(half.stats().lastError).not.toMatch(/sentinel/);

  const plain = await open(trusted, false);
  expect((await plain.check('k')).source).toBe('none');
  expect(plain.stats().lastError).toMatch(/^no sentinel answers: /);
});
