/** TLS: the server is verified before anything is said to it, and then it is a connection like any other. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { rootCertificates, type TLSSocket } from 'node:tls';
import { inspect } from 'node:util';
import { createRateLimiter, type RateLimiter, type RedisOptions } from 'spillway';
import { Authority, type Identity } from './support/certificates';
import { FakeRedis } from './support/fake-redis';
import { countdown, times } from './support/ledger';
import { owner } from './support/owned';
import { freePort } from './support/ports';
import { reportsOf } from './support/process';
import { RedisServer } from './support/redis';
import { inTime, timed, until } from './support/wait';

const own = owner();
const PASSWORD = 'hunter2-is-my-secret';
const authority = new Authority();
const good = authority.issue('good');
const tls = { ca: authority.root.cert };
afterAll(() => authority.close());

async function startRedis(...args: string[]) {
  const port = await freePort();
  const files = ['--tls-cert-file', good.certFile, '--tls-key-file', good.keyFile];
  const trust = ['--tls-ca-cert-file', authority.root.certFile, '--tls-auth-clients', 'no'];
  const server = await own(
    RedisServer.start({ args: ['--tls-port', `${port}`, ...files, ...trust, ...args], password: PASSWORD }),
  );
  return { server, port };
}

const open = (redis: RedisOptions, options = {}) =>
  own(createRateLimiter({ redis, rate: '2000/h', timeoutMs: 2_000, ...options }));

test('rediss://, by name and by address, in front of a real server', async () => {
  const { server, port } = await startRedis();
  const login = { password: PASSWORD, tls };
  const byName = await open({ url: `rediss://localhost:${port}/3`, ...login });
  const decisions = await times(1_000, () => byName.check('k'));
  expect(decisions.map(({ remaining }) => remaining)).toEqual(countdown(1_000).map((left) => left + 1_000));
  const byAddress = await open({ host: '127.0.0.1', port, ...login, db: 3 });
  expect(await byAddress.check('k')).toMatchObject({ source: 'redis', remaining: 999 });
  expect(await server.info('db3')).toMatch(/^keys=1,/);
  await times(500, (i) => byName.check(`listed ${i} ${'x'.repeat(900)}`));
  const listed = [];
  for await (const { key } of byName.list({ pageSize: 1_000 })) listed.push(key);
  expect(listed).toHaveLength(501);
});

test('a client shows its certificate where the server wants one', async () => {
  const { port } = await startRedis('--tls-auth-clients', 'yes');
  const url = `rediss://localhost:${port}`;
  const client = authority.issue('client');
  const known = await open({
    url,
    password: PASSWORD,
    tls: { ...tls, cert: Buffer.from(client.cert), key: client.key },
  });
  expect(await known.check('k')).toMatchObject({ source: 'redis', remaining: 1_999 });
  const unknown = await open({ url, password: PASSWORD, tls }, { timeoutMs: 200 });
  expect(await unknown.check('k')).toMatchObject({ source: 'none' });
  // A server that says so and closes may cut off its own words: it says them again at the next dial.
  const isTold = () => /certificate required/.test(unknown.stats().lastError ?? '');
  await until('told', isTold, { withinMs: 15_000 });
});

/** Who answers a check; nobody, as soon as the server was refused. */
async function sourceOf(limiter: RateLimiter): Promise<string> {
  let source: string | undefined;
  void limiter.check('k').then((decision) => (source = decision.source));
  await until('answered or refused', () => source !== undefined || limiter.stats().lastError !== null);
  return source ?? 'none';
}

test('through a unix socket, where the name is localhost', async () => {
  const path = join(authority.folder, 'tls.sock');
  const passOn = async (names: string) => {
    const fake = await own(FakeRedis.start({ tls: authority.issue('socket', { names }) }));
    // Either end may go first, with a reset where something was still under way.
    const server = createServer((socket) => {
      const upstream = connect(fake.port);
      pipeline(socket, upstream, socket, () => {});
    });
    await once(server.listen(path), 'listening');
    const limiter = await open({ path, tls }, { timeoutMs: 5_000 });
    const source = await sourceOf(limiter);
    const named = await open({ path, tls: { ...tls, servername: 'other' } }, { timeoutMs: 5_000 });
    const other = await sourceOf(named);
    await Promise.all([limiter.close(), named.close()]);
    server.close();
    return [source, other];
  };
  expect(await passOn('DNS:localhost')).toEqual(['redis', 'none']);
  expect(await passOn('DNS:other')).toEqual(['none', 'redis']);
});

test('workers speak TLS, and are ended in the middle of it', async () => {
  const { port } = await startRedis();
  const redis = { host: 'localhost', port, password: PASSWORD, tls };
  const reports = await reportsOf(
    `
    const { Worker } = require('node:worker_threads');
    const source = \`
      const { parentPort, workerData } = require('node:worker_threads');
      const limiter = require('spillway').createRateLimiter({ redis: workerData, rate: '100000/h', timeoutMs: 5000 });
      limiter.check('k').then(({ source }) => {
        parentPort.postMessage(source);
        setInterval(() => { for (let i = 0; i < 200; i++) limiter.check('x'.repeat(900) + i); }, 0);
      });
    \`;
    (async () => {
      for (let i = 0; i < 4; i++) {
        const worker = new Worker(source, { eval: true, workerData: given });
        report(await new Promise((resolve) => worker.once('message', resolve)));
        await new Promise((resolve) => setTimeout(resolve, 20));
        await worker.terminate();
      }
    })();
  `,
    { given: redis },
  );
  expect(reports).toEqual(['redis', 'redis', 'redis', 'redis']);
});

test('a name is asked for, an address is not', async () => {
  const fake = await own(
    FakeRedis.start({ tls: authority.issue('sni', { names: 'DNS:localhost,DNS:other,IP:127.0.0.1' }) }),
  );
  const names = () =>
    fake.peers.map(({ socket }) => (socket as TLSSocket & { servername: unknown }).servername);
  const { port } = fake;
  for (const redis of [
    { host: 'localhost', port, tls },
    { host: '127.0.0.1', port, tls },
    { host: '127.0.0.1', port, tls: { ...tls, servername: 'other' } },
  ]) {
    expect(await (await open(redis)).check('k')).toMatchObject({ source: 'redis' });
  }
  expect(names()).toEqual(['localhost', false, 'other']);
});

describe('refused before a password is sent', () => {
  const elsewhere = new Authority();
  afterAll(() => elsewhere.close());
  const weak = { ciphers: 'DEFAULT@SECLEVEL=0', minVersion: 'TLSv1' } as const;

  const cases: [string, () => Identity, object, object, RegExp][] = [
    ['an expired certificate', () => authority.issue('expired', { days: -1 }), {}, tls, /has expired/],
    ['a self-signed one', () => authority.selfSigned('self'), {}, tls, /self.signed/],
    [
      'another authority',
      () => elsewhere.issue('foreign'),
      {},
      tls,
      /unable to get local issuer|unable to verify/,
    ],
    ['one that Node does not know', () => good, {}, {}, /unable to get local issuer|unable to verify/],
    ['another name', () => authority.issue('name', { names: 'DNS:redis.example.com' }), {}, tls, /mismatch/],
    ['another address', () => authority.issue('address', { names: 'IP:127.0.0.2' }), {}, tls, /mismatch/],
    ['the right address for another name', () => good, {}, { ...tls, servername: 'other' }, /mismatch/],
    ['TLS 1.1', () => good, { ...weak, maxVersion: 'TLSv1.1' }, tls, /protocol/],
    ['TLS 1.0', () => good, { ...weak, maxVersion: 'TLSv1' }, tls, /protocol/],
  ];

  test.each(cases)('%s', async (_name, identity, server, client, said) => {
    const { cert, key } = identity();
    const fake = await own(FakeRedis.start({ password: PASSWORD, tls: { cert, key, ...server } }));
    const redis = { url: fake.url, password: PASSWORD, tls: client };
    const limiter = await open(redis, { timeoutMs: 150 });
    const { value, ms } = await timed(limiter.check('k'));
    expect(value).toMatchObject({ source: 'none' });
    expect(ms).toBeLessThanOrEqual(inTime(150));
    await until('another dial', () => limiter.stats().reconnects > 1);
    expect(limiter.stats().lastError).toMatch(said);
    expect(fake.log).toEqual([]);
    // The same server hears a client that asks no questions, so what was silent above was the client.
    if ('maxVersion' in server) return;
    const careless = await open({ ...redis, tls: { rejectUnauthorized: false } });
    expect(await careless.check('k')).toMatchObject({ source: 'redis' });
    expect(fake.received('AUTH')).toHaveLength(1);
  });
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: the next connection resumes the session', async (version) => {
  const fake = await own(FakeRedis.start({ tls: { ...good, minVersion: version, maxVersion: version } }));
  const limiter = await open({ url: fake.url, tls });
  const reused: boolean[] = [];
  for (const end of ['destroy', 'end', 'destroy'] as const) {
    expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 1_999 - reused.length });
    const socket = fake.peers[0]!.socket as TLSSocket;
    reused.push(socket.isSessionReused());
    socket[end]();
    await until('lost', () => limiter.stats().reconnects >= reused.length);
  }
  expect(reused).toEqual([false, true, true]);
});

test('who speaks no TLS where it is wanted is told', async () => {
  const server = createServer((socket) =>
    socket.once('data', () => socket.write('-ERR unknown command\r\n')),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const limiter = await open({ host: '127.0.0.1', port, tls }, { timeoutMs: 100 });
  expect(await limiter.check('k')).toMatchObject({ source: 'none' });
  expect(limiter.stats().lastError).toMatch(/does not speak TLS/);
  server.close();
});

test('Redis without TLS waits for more of the first message: the time limit ends that', async () => {
  const { server, port } = await startRedis();
  const limits = { timeoutMs: 300 };
  const address = { host: '127.0.0.1', connectTimeoutMs: 100 };
  const wrongly = await open({ ...address, port: server.port, tls }, limits);
  expect(await wrongly.check('k')).toMatchObject({ source: 'none' });
  expect(wrongly.stats().lastError).toMatch(/no connection within the time limit/);
  const plainly = await open({ ...address, port, password: PASSWORD }, limits);
  expect(await plainly.check('k')).toMatchObject({ source: 'none' });
  expect(plainly.stats().lastError).toMatch(/closed|reset/);
});

test('trust without a ca is that of Node', async () => {
  const fake = await own(FakeRedis.start({ tls: good }));
  const script = `
    const limiter = require('spillway').createRateLimiter({ redis: given, rate: '9/h', timeoutMs: 300 });
    limiter.check('k').then(async ({ source }) => report([source, limiter.stats().lastError]), report);
  `;
  const sourceWith = async (env: NodeJS.ProcessEnv, ...nodeArgs: string[]) =>
    (await reportsOf<[string, string | null]>(script, { given: fake.url, env, nodeArgs }))[0];
  const { certFile } = authority.root;
  expect(await sourceWith({ NODE_EXTRA_CA_CERTS: certFile })).toEqual(['redis', null]);
  expect(await sourceWith({ SSL_CERT_FILE: certFile }, '--use-openssl-ca')).toEqual(['redis', null]);
  expect(await sourceWith({ SSL_CERT_FILE: certFile })).toEqual(['none', expect.stringContaining('refused')]);
});

test('of a large bundle only what is needed is read, also across intermediate authorities', async () => {
  const bundle = [...rootCertificates, authority.root.cert].join('\n');
  const fake = await own(FakeRedis.start({ tls: good }));
  const direct = await open({ url: fake.url, tls: { ca: bundle } });
  expect(await direct.check('k')).toMatchObject({ source: 'redis' });

  const middle = authority.issue('middle', { authority: true });
  const below = await own(new Authority(middle));
  const leaf = below.issue('leaf');
  // The intermediate certificate comes from the server, or is trusted itself; the root alone leads nowhere.
  const cases: [server: string, ca: string, source: string][] = [
    [leaf.cert + middle.cert, bundle, 'redis'],
    [leaf.cert, bundle + middle.cert, 'redis'],
    [leaf.cert, bundle, 'none'],
    [leaf.cert + middle.cert, rootCertificates.join('\n'), 'none'],
    [leaf.cert, middle.cert, 'none'],
  ];
  for (const [cert, ca, source] of cases) {
    const server = await own(FakeRedis.start({ tls: { cert, key: leaf.key } }));
    const limiter = await open(
      { url: server.url, tls: { ca } },
      { timeoutMs: source === 'redis' ? 2_000 : 200 },
    );
    expect(await limiter.check('k')).toMatchObject({ source });
    expect(server.log.length > 0).toBe(source === 'redis');
  }
});

test('neither key nor password is in anything that a limiter says', async () => {
  const { cert, key } = authority.issue('secret');
  const url = `rediss://somebody:${PASSWORD}@127.0.0.1:1`;
  const limiter = await open({ url, tls: { ...tls, cert, key } }, { timeoutMs: 100 });
  await limiter.check('k');
  const refused = await limiter
    .reset('k')
    .then(String, (reason: Error) => `${reason.message} ${reason.stack}`);
  const logged = inspect(limiter, { depth: 10, showHidden: true });
  const text = JSON.stringify([await limiter.health(), limiter.stats(), refused, logged]);
  expect(text).toMatch(/refused/);
  for (const secret of ['hunter2', 'somebody', key.slice(40, 60)]) expect(text).not.toContain(secret);
});
