/** Sentinels that say what a real one says rarely, and a replica in a master's place. */
import { createRateLimiter, type RateLimiterOptions } from 'spillway';
import { CLOSE, FakeRedis, STALL, type Answer, type Hook } from './support/fake-redis';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { RedisServer } from './support/redis';
import { array, bulk, integer, nilArray } from './support/resp';
import { inTime, timed, until } from './support/wait';

const own = owner();

/** A sentinel that names this port; undefined: it knows no such master. */
async function sentinel(named: () => number | undefined, otherwise: Hook = () => undefined) {
  const fake = await own(FakeRedis.start());
  fake.hook = (command, peer): Answer => {
    const said = otherwise(command, peer);
    if (said !== undefined) return said;
    const port = named();
    if (command[0] === 'SENTINEL')
      return port === undefined ? nilArray : array(bulk('127.0.0.1'), bulk(String(port)));
    if (command[0] === 'SUBSCRIBE') return array(bulk('subscribe'), bulk(command[1] ?? ''), integer(1));
    return undefined;
  };
  return fake;
}

const promotion = (from: number, to: number, name = 'mymaster') =>
  array(bulk('message'), bulk('+switch-master'), bulk(`${name} 127.0.0.1 ${from} 127.0.0.1 ${to}`));

function limiter(
  sentinels: { port: number }[],
  options: Partial<RateLimiterOptions> = {},
  connectTimeoutMs?: number,
) {
  const nodes = sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  const redis = { sentinels: { name: 'mymaster', nodes }, connectTimeoutMs };
  return own(createRateLimiter({ redis, rate: '1000/h', timeoutMs: 3_000, ...options }));
}

/** Ends the connections to the master, and waits until the client knows. */
async function cut(master: FakeRedis, app: { stats(): { reconnects: number } }) {
  const before = app.stats().reconnects;
  for (const peer of master.peers) peer.socket.destroy();
  await until('noticed', () => app.stats().reconnects > before);
}

/** A port where nobody listens. */
async function closedPort(): Promise<number> {
  const fake = await FakeRedis.start();
  const { port } = fake;
  await fake.close();
  return port;
}

test('a stale sentinel that names a replica is asked last from then on', async () => {
  const master = await own(RedisServer.start());
  const replica = await own(RedisServer.start({ args: ['--replicaof', '127.0.0.1', `${master.port}`] }));
  const stale = await sentinel(() => replica.port);
  const fresh = await sentinel(() => master.port);
  const app = await limiter([stale, fresh]);
  expect(await app.check('k')).toMatchObject({ source: 'redis', remaining: 999 });
  expect(stale.received('SENTINEL')).toHaveLength(1);
  expect(fresh.received('SENTINEL')).toHaveLength(1);
  expect(await master.charged('{ratelimit:k}:@rate-1h')).toBe(1);

  await master.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  expect(await app.check('k')).toMatchObject({ source: 'redis', remaining: 998 });
  expect(stale.received('SENTINEL')).toHaveLength(1);
});

test('who names a master that cannot be reached is asked last from then on', async () => {
  const master = await own(FakeRedis.start());
  const gone = await closedPort();
  const misled = await sentinel(() => gone);
  const fresh = await sentinel(() => master.port);
  const app = await limiter([misled, fresh]);
  expect(await app.check('k')).toMatchObject({ source: 'redis', remaining: 999 });
  await cut(master, app);
  expect(await app.check('k')).toMatchObject({ source: 'redis', remaining: 998 });
  expect([misled, fresh].map((one) => one.received('SENTINEL').length)).toEqual([1, 2]);
});

test('a master that cannot be reached is dialled again where all sentinels name it', async () => {
  const master = await own(FakeRedis.start());
  let named = await closedPort();
  const [first, second] = [await sentinel(() => named), await sentinel(() => named)];
  const app = await limiter([first, second]);
  const waiting = app.check('k');
  await until('each was believed', () => [first, second].every((one) => one.received('SENTINEL').length > 1));
  named = master.port;
  expect(await waiting).toMatchObject({ source: 'redis', remaining: 999 });
});

test('sentinels that are all silent: the policy in time, an error that says so, and the first that speaks is heard', async () => {
  const master = await own(FakeRedis.start());
  const silent = await Promise.all([1, 2, 3].map(() => sentinel(() => master.port)));
  for (const one of silent) one.onAccept = 'silent';
  const app = await limiter(silent, { timeoutMs: 200 }, 300);
  const { value, ms } = await timed(app.check('k'));
  expect(value).toMatchObject({ source: 'none' });
  expect(ms).toBeLessThanOrEqual(inTime(200));
  await until('all were tried', () => silent.every(({ accepted }) => accepted.length > 0));
  await until('told', () => app.stats().lastError === 'no sentinel answers: no answer within the time limit');
  silent[2]!.onAccept = 'talk';
  await until('counted', async () => (await app.check('k')).source === 'redis');
  const before = silent.map(({ accepted }) => accepted.length);
  await cut(master, app);
  await until('counted again', async () => (await app.check('k')).source === 'redis');
  // The one that spoke is asked first; nobody waits for the others.
  expect(silent.slice(0, 2).map(({ accepted }) => accepted.length)).toEqual(before.slice(0, 2));
});

test('sentinels that accept and never answer the question are left when their time is up', async () => {
  const master = await own(FakeRedis.start());
  const mute = await sentinel(
    () => undefined,
    () => STALL,
  );
  const good = await sentinel(() => master.port);
  const app = await limiter([mute, good], {}, 400);
  const { value, ms, wallMs } = await timed(app.check('k'));
  expect(value).toMatchObject({ source: 'redis' });
  // A quarter of connectTimeoutMs for each, from the beginning of the turn on, which a slow build makes long.
  expect(wallMs).toBeGreaterThanOrEqual(50);
  expect(ms).toBeLessThanOrEqual(inTime(300));
  expect(mute.received('SENTINEL')).toHaveLength(1);
});

test('only stale sentinels: found as soon as one of them knows better, and no dial storm until then', async () => {
  const master = await own(RedisServer.start());
  const replica = await own(RedisServer.start({ args: ['--replicaof', '127.0.0.1', `${master.port}`] }));
  let named = replica.port;
  const stale = await sentinel(() => named);
  const app = await limiter([stale], { timeoutMs: 100 });
  const start = performance.now();
  await until('a second of trying', async () => {
    expect((await timed(app.check('k'))).ms).toBeLessThanOrEqual(inTime(100));
    return performance.now() - start > 2_000;
  });
  expect(app.stats().lastError).toBe('the server is no master');
  // Pauses of up to 50, 100, 200, 400, then 500 ms, half of that on average.
  expect(stale.accepted.length).toBeLessThanOrEqual(30);
  named = master.port;
  await until('found', async () => (await app.check('k')).source === 'redis', { withinMs: 1_000 });
});

test('sentinels that are down, silent, broken or strangers are passed over; the responder is asked first', async () => {
  const master = await own(FakeRedis.start());
  const silent = await own(FakeRedis.start());
  silent.onAccept = 'silent';
  const broken = await sentinel(
    () => undefined,
    () => '!\r\n',
  );
  const stranger = await own(FakeRedis.start());
  const good = await sentinel(() => master.port);
  const down = { port: await closedPort() };
  const app = await limiter([down, silent, broken, stranger, good]);
  const { value, ms } = await timed(app.check('k'));
  expect(value).toMatchObject({ source: 'redis', remaining: 999 });
  // A tenth of connectTimeoutMs for the silent one.
  expect(ms).toBeLessThanOrEqual(inTime(500 + 500));
  for (const peer of master.peers) peer.socket.destroy();
  await until('noticed', () => app.stats().reconnects >= 1);
  expect(await app.check('k')).toMatchObject({ source: 'redis', remaining: 998 });
  expect([silent, broken, stranger, good].map((fake) => fake.accepted.length)).toEqual([1, 1, 1, 2]);
});

test('each reconnection asks anew; a promotion that is announced ends the connection to the old master', async () => {
  const first = await own(FakeRedis.start());
  const second = await own(FakeRedis.start());
  let named = first.port;
  const watched = await sentinel(() => named);
  const app = await limiter([watched]);
  await app.check('k');
  await watched.saw('SUBSCRIBE');
  watched.say(promotion(first.port, second.port, 'another'));
  watched.say(promotion(0, first.port));
  expect(await app.check('k')).toMatchObject({ source: 'redis', remaining: 998 });
  expect(app.stats().reconnects).toBe(0);

  named = second.port;
  watched.say(promotion(first.port, second.port));
  await until('the first one is left', () => first.peers.length === 0);
  expect(await app.check('k')).toMatchObject({ source: 'redis', remaining: 999 });
  expect(second.received('ROLE')).toHaveLength(1);
  expect(app.stats()).toMatchObject({ reconnects: 1, connected: true });
  expect(watched.received('SENTINEL')).toHaveLength(2);
});

test('a promotion that is announced while the old master is being dialled ends that dial', async () => {
  const old = await own(FakeRedis.start());
  old.onAccept = 'silent';
  const next = await own(FakeRedis.start());
  let named = old.port;
  const watched = await sentinel(() => named);
  const app = await limiter([watched]);
  const waiting = app.check('k');
  await until('dialled', () => old.silent.length >= 1);
  named = next.port;
  watched.say(promotion(old.port, next.port));
  const { value, ms } = await timed(waiting);
  expect(value).toMatchObject({ source: 'redis' });
  expect(ms).toBeLessThanOrEqual(inTime(300));
});

test('READONLY: nothing more is sent, and the check is asked of the master that is named now', async () => {
  const first = await own(FakeRedis.start());
  const second = await own(FakeRedis.start());
  let named = first.port;
  const guide = await sentinel(() => named);
  const app = await limiter([guide]);
  await app.check('k');
  first.hook = ([name]) =>
    name === 'INCR' || name === 'PEXPIRE'
      ? "-READONLY You can't write against a read only replica.\r\n"
      : undefined;
  named = second.port;
  const decisions = await times(20, (i) => app.check(`k${i}`));
  expect(decisions.every(({ source, remaining }) => source === 'redis' && remaining === 999)).toBe(true);
  expect(first.received('INCR')).toHaveLength(21);
  expect(second.received('INCR').length + second.received('EVAL').length).toBe(20);
});

test('one server: READONLY dials again, with growing pauses, and finds the master behind the same address', async () => {
  const server = await own(RedisServer.start());
  const app = await own(createRateLimiter({ redis: server.url, rate: '1000/h' }));
  await app.check('k');
  await server.command('REPLICAOF', '127.0.0.1', await closedPort());
  const start = performance.now();
  await until('two seconds of READONLY', async () => {
    const { value, ms } = await timed(app.check('k'));
    expect(value).toMatchObject({ source: 'none', allowed: true });
    expect(ms).toBeLessThanOrEqual(inTime(250));
    return performance.now() - start > 2_000;
  });
  expect(app.stats().lastError).toMatch(/^READONLY/);
  expect(app.stats().reconnects).toBeGreaterThanOrEqual(2);
  expect(app.stats().reconnects).toBeLessThanOrEqual(15);
  await server.command('REPLICAOF', 'NO', 'ONE');
  await until('counted again', async () => (await app.check('k')).source === 'redis', { withinMs: 3_000 });
  expect((await app.check('k')).remaining).toBe(997);
});

test('"no sentinel answers" and "name unknown" are different errors', async () => {
  const nobody = await limiter([{ port: await closedPort() }, { port: await closedPort() }], {
    timeoutMs: 200,
  });
  expect(await nobody.check('k')).toMatchObject({ source: 'none' });
  expect(nobody.stats().lastError).toMatch(/^no sentinel answers: .*refused/);
  await expect(nobody.reset('k')).rejects.toThrow(/no sentinel answers/);

  const ignorant = await sentinel(() => undefined);
  const unknown = await limiter([{ port: await closedPort() }, ignorant], { timeoutMs: 200 });
  expect(await unknown.check('k')).toMatchObject({ source: 'none' });
  expect(unknown.stats().lastError).toBe('the sentinels know no master named mymaster');
});

test('where no sentinel can be listened to, the master is used all the same, and an idle process ends', async () => {
  const master = await own(FakeRedis.start());
  const guide = await sentinel(
    () => master.port,
    ([name]) => (name === 'SUBSCRIBE' ? CLOSE : undefined),
  );
  const script = `
    const { createRateLimiter } = require('spillway');
    const limiter = createRateLimiter({ redis: given, rate: '100/h' });
    // Long enough to have come back to the sentinel.
    setTimeout(async () => report([await limiter.check('k'), limiter.stats()]), 1_200);
    limiter.check('k');`;
  const nodes = [{ host: '127.0.0.1', port: guide.port }];
  const given = { sentinels: { name: 'mymaster', nodes } };
  const [[decision, stats] = []] = await reportsOf<object[]>(script, { given, withinMs: 5_000 });
  expect(decision).toMatchObject({ source: 'redis', remaining: 98 });
  expect(stats).toMatchObject({ reconnects: 0 });
  expect(guide.accepted.length).toBeGreaterThan(1);
});

test('a listing goes to the master, too', async () => {
  const master = await own(RedisServer.start());
  const guide = await sentinel(() => master.port);
  const app = await limiter([guide]);
  await times(10, (i) => app.check(`k${i}`));
  const listed = [];
  for await (const { key } of app.list()) listed.push(key);
  expect(listed.sort()).toEqual(Array.from({ length: 10 }, (_, i) => `k${i}`));
});
