/** The circuit breaker on real servers: while it is open nobody waits, and it makes no recovery slower. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createRateLimiter, type Decision, type RateLimiter, type StateMessage } from 'spillway';
import { idIn, RedisCluster } from './support/cluster';
import { FakeRedis, STALL } from './support/fake-redis';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { freePort } from './support/ports';
import { Proxy } from './support/proxy';
import { RedisServer } from './support/redis';
import { delay, inTime, timed, until } from './support/wait';

const own = owner();
const TIMEOUT_MS = 250;

/** Whether a check is answered in the turn in which it is asked. */
async function atOnce(limiter: RateLimiter, key = 'k'): Promise<boolean> {
  let answered = false;
  void limiter.check(key).then(() => (answered = true));
  for (let i = 0; i < 10; i++) await Promise.resolve();
  return answered;
}

/** 2,000 checks a second until it is stopped; every answer with its wait. */
class Flood {
  readonly answers: { at: number; value: Decision; ms: number }[] = [];
  private readonly under: Promise<unknown>[] = [];
  private readonly timer: NodeJS.Timeout;
  private due = performance.now();

  constructor(limiter: RateLimiter) {
    this.timer = setInterval(() => {
      for (; this.due < performance.now(); this.due += 0.5) {
        const at = performance.now();
        this.under.push(timed(limiter.check('flood')).then((answer) => this.answers.push({ at, ...answer })));
      }
    }, 2);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.under);
  }

  /** Of those asked from then on. */
  since(at: number): Decision[] {
    return this.answers.filter((answer) => answer.at >= at).map(({ value }) => value);
  }

  get slowestMs(): number {
    return Math.max(...this.answers.map(({ ms }) => ms));
  }
}

const CHARGED = '{ratelimit:flood}:@rate-1h';
const OPTIONS = { rate: '1000000/h', timeoutMs: TIMEOUT_MS, logger: false } as const;

interface Stage {
  readonly server: RedisServer;
  /** Stands in front of it. */
  readonly proxy: Proxy;
}

test.each<[string, (stage: Stage) => unknown, (stage: Stage) => unknown]>([
  ['stopped', ({ server }) => server.freeze(), ({ server }) => server.thaw()],
  ['killed, and its port refuses', ({ server }) => server.kill(), ({ server }) => server.start()],
  ['blackholed', ({ proxy }) => proxy.holdFrom(/^/), ({ proxy }) => proxy.release()],
])('%s under 2,000 checks a second: in time, then at once, and counted again', async (name, stop, start) => {
  const server = await own(RedisServer.start());
  const proxy = await own(Proxy.start(server.port));
  // What is killed refuses itself; nothing may stand in front of it then.
  const redis = name === 'blackholed' ? proxy.url : server.url;
  const limiter = await own(createRateLimiter({ ...OPTIONS, redis }));
  await limiter.check('flood');
  const flood = await own(new Flood(limiter));
  await delay(300);
  await stop({ server, proxy });
  await until('open', () => limiter.stats().breaker.state === 'open');
  // From here on each is answered in its turn, but for the one that tries; and where the flood had so many answers in one
  // turn that the loop was given the next.
  const waiting = async () => (await times(50, () => atOnce(limiter))).filter((is) => !is).length;
  await until('answered at once', async () => (await waiting()) <= 1, { withinMs: 1_000 });
  await delay(3_000);
  await start({ server, proxy });
  await until('counted again', async () => (await limiter.peek('k')).source === 'redis', { withinMs: 2_000 });
  const backAt = performance.now();
  await delay(300);
  await flood.close();
  expect(flood.slowestMs).toBeLessThanOrEqual(inTime(TIMEOUT_MS));
  const after = flood.since(backAt);
  expect(after.length).toBeGreaterThan(300);
  expect(after.filter(({ source }) => source !== 'redis')).toEqual([]);
  expect(limiter.stats()).toMatchObject({
    pending: 0,
    breaker: { state: 'closed', failures: 0, nextAttempt: null },
  });
  // Nothing is charged twice.
  const counted = flood.answers.filter(({ value }) => value.source === 'redis').length;
  const charged = await server.charged(CHARGED);
  expect(charged).toBeLessThanOrEqual(flood.answers.length + 1);
  if (name === 'stopped' || name === 'blackholed') expect(charged).toBeGreaterThanOrEqual(counted + 1);
});

test('one stall of 300 ms with 200 checks under way is one failure, and opens nothing', async () => {
  const server = await own(RedisServer.start());
  const limiter = await own(createRateLimiter({ ...OPTIONS, redis: server.url }));
  await limiter.check('k');
  for (let stall = 0; stall < 3; stall++) {
    void server.command('DEBUG', 'SLEEP', '0.3');
    await delay(5);
    const stalled: Promise<Decision>[] = [];
    for (let i = 0; i < 20; i++) {
      stalled.push(...Array.from({ length: 10 }, (_, j) => limiter.check(`k${i}-${j}`)));
      await delay(1);
    }
    expect(limiter.stats().pending).toBe(200);
    const first = await Promise.all(stalled);
    expect(first.some(({ source }) => source === 'none')).toBe(true);
    const { state, failures } = limiter.stats().breaker;
    // None, where a check that was asked later has been answered since.
    expect([state, failures <= 1]).toEqual(['closed', true]);
    await until('answers', async () => (await limiter.check('k')).source === 'redis');
    expect(limiter.stats().breaker).toMatchObject({ state: 'closed', failures: 0 });
  }
});

test.each(['open', 'closed', 'memory'] as const)(
  'who asks again and again, as fast as it goes, hears that the store is back: %s',
  async (failureMode) => {
    const server = await own(RedisServer.start());
    const limiter = await own(createRateLimiter({ ...OPTIONS, redis: server.url, failureMode }));
    await limiter.check('k');
    await server.kill();
    await until('open', () => limiter.stats().breaker.state === 'open');
    const starting = server.start();
    let asked = 0;
    const end = performance.now() + 8_000;
    let source = '';
    for (; source !== 'redis' && performance.now() < end; asked++) ({ source } = await limiter.check('k'));
    expect(source).toBe('redis');
    expect(asked).toBeGreaterThan(1_000);
    await starting;
  },
);

test('a server that is busy for four seconds is asked again within two of its end', async () => {
  const server = await own(RedisServer.start({ args: ['--busy-reply-threshold', '50'] }));
  const limiter = await own(createRateLimiter({ ...OPTIONS, redis: server.url }));
  await limiter.check('k');
  const busy = await server.connect();
  const ended = busy.send('EVAL', 'while true do end', 0).catch((error: unknown) => String(error));
  await until('open', async () => {
    await limiter.check('k');
    return limiter.stats().breaker.state !== 'closed';
  });
  await delay(4_000);
  expect(limiter.stats().connected).toBe(true);
  await server.command('SCRIPT', 'KILL');
  await until('counted again', async () => (await limiter.check('k')).source === 'redis', {
    withinMs: 2_000,
  });
  expect(await ended).toContain('Script killed');
  await busy.close();
});

test('health, stats and the channel say where it stands, and what can be done by no policy fails at once', async () => {
  const messages: StateMessage[] = [];
  const hear = (message: unknown) => messages.push(message as StateMessage);
  subscribe('spillway:state', hear);
  try {
    const server = await own(RedisServer.start());
    const limiter = await own(createRateLimiter({ ...OPTIONS, redis: server.url }));
    await limiter.check('k');
    const address = `127.0.0.1:${server.port}`;
    expect(limiter.stats().breaker).toEqual({ state: 'closed', failures: 0, nextAttempt: null, address: '' });
    await server.kill();
    await until('open', () => limiter.stats().breaker.state === 'open');
    const { breaker } = await limiter.health();
    expect(breaker).toMatchObject({ state: 'open', address });
    expect(breaker.failures).toBeGreaterThanOrEqual(5);
    expect(breaker.nextAttempt! - Date.now()).toBeLessThanOrEqual(2_000);
    const refused = {
      code: 'ERR_UNAVAILABLE',
      message: expect.stringContaining('circuit breaker open') as string,
    };
    await expect(limiter.reset('k')).rejects.toMatchObject(refused);
    await expect(limiter.block('k', 1_000)).rejects.toMatchObject(refused);
    await server.start();
    await until('closed', () => limiter.stats().breaker.state === 'closed', { withinMs: 3_000 });
    await until('told', async () => {
      await limiter.check('k');
      return messages.some(({ state }) => state === 'counting');
    });
    const told = messages.filter(({ state }) => state === 'breaker');
    expect(told.map((message) => [message.store, message.address])).toEqual([
      ['redis', address],
      ['redis', address],
    ]);
    expect(told.map((message) => message.breaker.state)).toEqual(['open', 'closed']);
  } finally {
    unsubscribe('spillway:state', hear);
  }
});

test("what it takes to open, and for how long, is the application's to say", async () => {
  const port = await freePort();
  const breaker = { failures: 2, openMs: 60_000, factor: 2, maxOpenMs: 300_000 };
  const fake = await own(FakeRedis.start());
  const silent: typeof fake.hook = ([name]) => (name === 'INCR' ? STALL : undefined);
  const limiter = await own(
    createRateLimiter({ ...OPTIONS, redis: { host: '127.0.0.1', port: fake.port, breaker }, timeoutMs: 50 }),
  );
  await until('connected', async () => (await limiter.check('k')).source === 'redis');
  fake.hook = silent;
  await limiter.check('k');
  expect(limiter.stats().breaker.state).toBe('closed');
  await limiter.check('k');
  expect(limiter.stats().breaker.state).toBe('open');
  const wait = limiter.stats().breaker.nextAttempt! - Date.now();
  expect(wait).toBeGreaterThan(50_000);
  for (const [wrong, message] of [
    [{ failures: 0 }, 'redis.breaker.failures must be'],
    [{ openMs: 0 }, 'redis.breaker.openMs must be'],
    [{ factor: 0.5 }, 'redis.breaker.factor must be'],
    [{ openMs: 500, maxOpenMs: 400 }, 'redis.breaker.maxOpenMs must be'],
    [{ threshold: 5 }, 'redis.breaker.threshold'],
    [5, 'redis.breaker must be an object'],
  ] as const) {
    expect(() =>
      createRateLimiter({ ...OPTIONS, redis: { host: '127.0.0.1', port, breaker: wrong as never } }),
    ).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_OPTION',
        message: expect.stringContaining(message) as string,
      }),
    );
  }
});

test('in a cluster only the slots of the broken node are answered without it', async () => {
  const cluster = await own(RedisCluster.start({ replicas: 0 }));
  const limiter = await own(createRateLimiter({ ...OPTIONS, redis: cluster.redis }));
  const ranges = await cluster.ranges();
  const idOf = (server: RedisServer) =>
    idIn((slot) => ranges.some((one) => one.master === server && one.first <= slot && slot <= one.last));
  const [broken, ...others] = await cluster.masters();
  const ids = others.map(idOf);
  for (const id of [idOf(broken!), ...ids]) expect((await limiter.check(id)).source).toBe('redis');
  broken!.freeze();
  await until('open', async () => {
    await limiter.check(idOf(broken!));
    return limiter.stats().breaker.state === 'open';
  });
  expect(limiter.stats().breaker.address).toBe(`127.0.0.1:${broken!.port}`);
  expect(await atOnce(limiter, idOf(broken!))).toBe(true);
  for (const id of ids) expect((await limiter.check(id)).source).toBe('redis');
  broken!.thaw();
  await until('counted', async () => (await limiter.check(idOf(broken!))).source === 'redis', {
    withinMs: 3_000,
  });
}, 60_000);
