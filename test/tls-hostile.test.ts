/** TLS over a bad wire, and with servers that misbehave. Each check still ends, in time and once. */
import type { TLSSocket } from 'node:tls';
import { createRateLimiter, type Rate } from 'spillway';
import { Authority } from './support/certificates';
import { FakeRedis } from './support/fake-redis';
import { countdown, tally, times } from './support/ledger';
import { owner } from './support/owned';
import { Script } from './support/process';
import { SlowReader } from './support/slow-reader';
import { inTime, megabytes, timed, until } from './support/wait';
import { Wire } from './support/wire';

// Every byte is a turn of the event loop here, and some of it has to be computed twice.
jest.setTimeout(90_000);
const own = owner();
const authority = new Authority();
const { cert, key } = authority.issue('server');
const trust = { ca: authority.root.cert };
afterAll(() => authority.close());

const startFake = (options = {}) => own(FakeRedis.start({ tls: { cert, key, ...options } }));
const open = (
  port: number,
  { connectTimeoutMs, ...options }: { connectTimeoutMs?: number; timeoutMs?: number; rate?: Rate } = {},
) =>
  own(
    createRateLimiter({
      redis: { host: '127.0.0.1', port, tls: trust, connectTimeoutMs },
      rate: '100/h',
      timeoutMs: 400,
      ...options,
    }),
  );

test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s byte by byte, both ways', async (version) => {
  const fake = await startFake({ minVersion: version, maxVersion: version });
  const wire = await own(Wire.to(fake.port));
  wire.byteByByte = true;
  const limiter = await open(wire.port, { timeoutMs: 60_000, connectTimeoutMs: 60_000 });
  const decisions = await times(30, () => limiter.check('k'));
  expect(decisions.map(({ remaining }) => remaining)).toEqual(countdown(30).map((left) => left + 70));
  expect(decisions.every(({ source }) => source === 'redis')).toBe(true);
  expect(fake.accepted).toHaveLength(1);
});

test('a reset in the middle of the handshake, after each of its first bytes and many others: the policy in time, then the server again', async () => {
  const fake = await startFake();
  const measured = await own(Wire.to(fake.port));
  let bytes = 0;
  fake.hook = () => void (bytes ||= measured.passed);
  await (await open(measured.port)).check('measure');
  expect(bytes).toBeGreaterThan(500);

  const reset = async (n: number) => {
    const wire = await Wire.to(fake.port);
    wire.cutAfter = n;
    const redis = { host: '127.0.0.1', port: wire.port, tls: trust };
    const limiter = createRateLimiter({ redis, rate: '1/h', timeoutMs: 60 });
    const { value, ms } = await timed(limiter.check(`cut ${n}`));
    expect(ms).toBeLessThanOrEqual(inTime(250));
    expect(value).toMatchObject({ source: 'none' });
    if (n % 20 === 0) {
      wire.cutAfter = undefined;
      await until('counted again', async () => (await limiter.check(`after ${n}`)).source === 'redis');
    }
    await limiter.close();
    await wire.close();
  };
  const places = Array.from({ length: bytes }, (_, n) => n).filter((n) => n < 160 || n % 10 === 0);
  for (let from = 0; from < places.length; from += 10) {
    await Promise.all(places.slice(from, from + 10).map(reset));
  }
  expect(fake.received('INCR').filter(([, name]) => name?.includes('cut'))).toEqual([]);
});

test.each([0, 3, 200])('a server that falls silent after %d bytes of the handshake', async (bytes) => {
  const fake = await startFake();
  const wire = await own(Wire.to(fake.port));
  wire.silentAfter = bytes;
  const limiter = await open(wire.port, { connectTimeoutMs: 150 });
  const { value, ms } = await timed(limiter.check('k'));
  expect(value).toMatchObject({ source: 'none' });
  expect(ms).toBeLessThanOrEqual(inTime(400));
  // A dial ages while the event loop runs, so on a slow one it may outlive the check.
  await until('given up', () => limiter.stats().lastError !== null);
  expect(limiter.stats().lastError).toMatch(/no connection within the time limit/);
  wire.silentAfter = undefined;
  await until('counted again', async () => (await limiter.check('k')).source === 'redis');
});

test('bytes that are no TLS in the middle of a connection end it, and it is made again', async () => {
  const fake = await startFake();
  const limiter = await open(fake.port);
  await limiter.check('k');
  const socket = fake.peers[0]!.socket as TLSSocket;
  const below = (socket as unknown as { _parent: { write(bytes: string): void } })._parent;
  below.write('+OK\r\n+OK\r\n');
  await until('noticed', () => limiter.stats().reconnects >= 1);
  expect(limiter.stats().lastError).toMatch(/^TLS failed: /);
  await until('counted again', async () => (await limiter.check('k')).source === 'redis');
});

test('a close_notify in mid-flight is the end of a connection, not of a check', async () => {
  const fake = await startFake();
  const limiter = await open(fake.port);
  await limiter.check('k');
  fake.pause();
  const waiting = limiter.check('k');
  await fake.saw('INCR', 2);
  fake.peers[0]!.socket.end();
  const { value, ms } = await timed(waiting);
  expect(value).toMatchObject({ source: 'none' });
  expect(ms).toBeLessThanOrEqual(inTime(400));
  expect(limiter.stats().lastError).toBe('the server closed the connection');
  fake.resume();
  await until('counted again', async () => (await limiter.check('k')).source === 'redis');
});

test('an own end is told to the server', async () => {
  const fake = await startFake();
  const wire = await own(Wire.to(fake.port));
  const limiter = await open(wire.port);
  await limiter.check('k');
  const before = wire.sent;
  await limiter.close();
  await until('a close_notify', () => wire.sent > before);
});

test('a renegotiation is refused', async () => {
  const fake = await startFake({ maxVersion: 'TLSv1.2' });
  const limiter = await open(fake.port);
  await limiter.check('k');
  const socket = fake.peers[0]!.socket as TLSSocket;
  // Null would say that it was done.
  const outcomes: unknown[] = [];
  socket.renegotiate({}, (reason) => outcomes.push(reason));
  await until('over', () => limiter.stats().reconnects >= 1);
  expect(outcomes).not.toContain(null);
  await until('counted again', async () => (await limiter.check('k')).source === 'redis');
});

test('a thousand replies in one piece', async () => {
  const fake = await startFake();
  const limiter = await open(fake.port, { timeoutMs: 60_000, rate: '1000/h' });
  await limiter.check('warm');
  fake.pause();
  const waiting = times(1_000, (i) => limiter.check(`${i}${'x'.repeat(1_000)}`));
  await fake.saw('INCR', 1_001);
  fake.resume();
  expect(tally(await waiting)).toMatchObject({ admittedByStore: 1_000 });
});

const FLOOD = `
  const limiter = require('spillway').createRateLimiter({ redis: given, rate: '1000000/h', timeoutMs: 1000 });
  const filler = 'x'.repeat(1000);
  process.stdin.once('data', async () => {
    const before = process.memoryUsage().rss;
    const bySource = {};
    const one = async (i) => {
      const { source } = await limiter.check(filler + i);
      bySource[source] = (bySource[source] ?? 0) + 1;
    };
    const all = [];
    for (let batch = 0; batch < 10; batch++) {
      for (let i = 0; i < 1000; i++) all.push(one(batch * 1000 + i));
      await new Promise(setImmediate);
    }
    await Promise.all(all);
    report({ bySource, grown: process.memoryUsage().rss - before });
    while ((await limiter.check('after')).source !== 'redis') {}
    report('again');
    process.stdin.destroy();
    await limiter.close();
  });
  limiter.check('warm').then(() => report('warm'));`;

test('a server that reads nothing more: what nobody waits for is never sent', async () => {
  const fake = await startFake();
  const redis = { url: fake.url, tls: trust };
  const client = new Script(FLOOD, { given: redis });
  await client.report(0);
  const [peer] = fake.peers;
  const below = (peer!.socket as unknown as { _parent: { pause(): void; resume(): void } })._parent;
  below.pause();
  peer!.socket.pause();
  client.tell('go');
  const { bySource, grown } = (await client.report(1)) as {
    bySource: Record<string, number>;
    grown: number;
  };
  // A few had come before the pause.
  expect(bySource['none']).toBeGreaterThan(9_000);
  expect(grown).toBeLessThan(megabytes(200));
  below.resume();
  peer!.socket.resume();
  await client.report(2);
  await client.ended;
  expect(fake.received('PEXPIRETIME').length).toBeLessThan(5_000);
});

test('a server that reads a little now and then is kept, and every check is counted', async () => {
  const fake = await startFake();
  const limiter = await open(fake.port, { timeoutMs: 15_000 });
  await limiter.check('warm');
  const slow = new SlowReader(fake.peers[0]!.socket);
  const decisions = await times(1_000, (i) => limiter.check(`${'x'.repeat(900)}${i % 500}`));
  slow.stop();
  expect(slow.pieces).toBeGreaterThan(10);
  expect(decisions.map(({ source, remaining }) => [source, remaining])).toEqual(
    decisions.map((_, i) => ['redis', i < 500 ? 99 : 98]),
  );
  expect(limiter.stats()).toMatchObject({ timeouts: 0, reconnects: 0 });
});
