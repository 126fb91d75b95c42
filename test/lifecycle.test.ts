/** Beginnings and endings of processes: nothing starts before it is needed, and every ending is clean. */
import { FakeRedis, STALL } from './support/fake-redis';
import { owner } from './support/owned';
import { reportsOf, runScript, Script } from './support/process';
import { RedisServer } from './support/redis';
import { delay, until } from './support/wait';

const own = owner();

/** What node itself takes to start and end here and now, and then some: these scripts must not wait for any timer. */
let atOnceMs: number;
beforeAll(async () => {
  const { ms } = await runScript('');
  atOnceMs = 1_000 + 3 * ms;
});

describe('a process ends by itself', () => {
  test('after importing and creating, at once, and has connected nothing', async () => {
    const fake = await own(FakeRedis.start());
    const script = `const { createRateLimiter, configureRateLimit } = require('spillway');
      require('spillway/memory');
      configureRateLimit({ redis: given });
      for (let i = 0; i < 100; i++) createRateLimiter({ redis: given, prefix: 'p' + i, rate: '5/m' }).stats();`;
    const { code, ms, stderr } = await runScript(script, { given: fake.url });
    expect([code, stderr]).toEqual([0, '']);
    expect(ms).toBeLessThan(atOnceMs);
    expect(fake.accepted).toHaveLength(0);
  });

  test.each(["check('k')", "reset('k')", "peek('k')", 'health()'])(
    'after a %s, at once, with the connection open',
    async (call) => {
      const server = await own(RedisServer.start());
      const script = `const limiter = require('spillway').createRateLimiter({ redis: given, rate: '5/m' });
      limiter.${call}.then(() => report('done'));`;
      const { code, ms, reports } = await runScript(script, { given: server.url });
      expect([code, reports]).toEqual([0, ['done']]);
      expect(ms).toBeLessThan(atOnceMs);
    },
  );

  test('after a listing and after a listing left early', async () => {
    const server = await own(RedisServer.start());
    const script = `const limiter = require('spillway').createRateLimiter({ redis: given, rate: '5/m' });
      (async () => {
        await Promise.all(Array.from({ length: 50 }, (_, i) => limiter.check('k' + i)));
        for await (const one of limiter.list({ pageSize: 5 })) break;
        let n = 0;
        for await (const one of limiter.list({ pageSize: 5 })) n++;
        report(n);
      })();`;
    const { code, ms, reports } = await runScript(script, { given: server.url });
    expect([code, reports]).toEqual([0, [50]]);
    expect(ms).toBeLessThan(atOnceMs);
  });

  test('also while Redis is away and a reconnection is due', async () => {
    const fake = await own(FakeRedis.start());
    fake.onAccept = 'reset';
    const script = `const limiter = require('spillway').createRateLimiter({ redis: given, rate: '5/m' });
      limiter.check('k').then(({ source }) => report(source));`;
    const { code, ms, reports } = await runScript(script, { given: fake.url });
    expect([code, reports]).toEqual([0, ['none']]);
    expect(ms).toBeLessThan(atOnceMs);
  });

  test('after asking for its health only', async () => {
    const fake = await own(FakeRedis.start());
    const script = `require('spillway').configureRateLimit({ redis: given }); report(require('spillway').isRedisHealthy());`;
    const { code, ms, reports } = await runScript(script, { given: fake.url });
    expect([code, reports]).toEqual([0, [false]]);
    expect(ms).toBeLessThan(atOnceMs);
  });

  test('but not while a check waits: its answer comes first', async () => {
    const fake = await own(FakeRedis.start());
    fake.hook = ([name]) => (name === 'INCR' ? STALL : undefined);
    const script = `const limiter = require('spillway').createRateLimiter({ redis: given, rate: '5/m', timeoutMs: 700 });
      limiter.check('k').then(({ source }) => report(source));`;
    const { code, ms, reports } = await runScript(script, { given: fake.url });
    expect([code, reports]).toEqual([0, ['none']]);
    expect(ms).toBeGreaterThanOrEqual(700);
    fake.onAccept = 'silent';
    expect(await runScript(script, { given: fake.url })).toMatchObject({ code: 0, reports: ['none'] });
  });
});

describe('a process is ended', () => {
  const PENDING = `const limiter = require('spillway').createRateLimiter({ redis: given, rate: '5/m', timeoutMs: 60000 });
    const memory = require('spillway').createRateLimiter({ rate: '5/m' });
    limiter.check('warm').then(() => {
      memory.check('k');
      for (let i = 0; i < 1000; i++) limiter.check('k' + i);
      report('pending');
      setImmediate(() => { END });
    });`;
  const endings: [string, string, number | null][] = [
    ['process.exit', 'process.exit(3)', 3],
    ['process.exit after close', 'limiter.close().then(() => process.exit(4))', 4],
    [
      'process.exit in an exit handler that closes',
      "process.on('exit', () => limiter.close()); process.exit(5)",
      5,
    ],
    ['an uncaught exception', "throw new Error('on purpose')", 1],
    ['process.exit inside the answer', "limiter.close(); limiter.check('x').catch(() => process.exit(6))", 6],
    ['a signal', "process.kill(process.pid, 'SIGTERM')", null],
    [
      'a replaced environment: worker and exit',
      "new (require('worker_threads').Worker)('process.exit(0)', { eval: true }).on('exit', () => process.exit(7))",
      7,
    ],
  ];

  test.each(endings)('by %s, with a thousand checks waiting', async (_name, ending, expected) => {
    const fake = await own(FakeRedis.start());
    fake.hook = ([, key]) => (key?.startsWith('{ratelimit:k') ? STALL : undefined);
    const result = await runScript(PENDING.replace('END', ending), { given: fake.url, abrupt: true });
    expect([result.code, result.reports]).toEqual([expected, ['pending']]);
    expect(result.signal).toBe(expected === null ? 'SIGTERM' : null);
    expect(result.ms).toBeLessThan(atOnceMs);
  });

  test('by process.exit in the middle of a batch of answers', async () => {
    const server = await own(RedisServer.start());
    const script = `const limiter = require('spillway').createRateLimiter({ redis: given, rate: '5/m' });
      for (let i = 0; i < 1000; i++) limiter.check('k' + i).then(() => i === 500 && process.exit(9));`;
    expect(await runScript(script, { given: server.url, abrupt: true })).toMatchObject({
      code: 9,
      signal: null,
      stderr: '',
    });
  });

  test('by closing in the middle of a batch of answers, which keeps the rest', async () => {
    const server = await own(RedisServer.start());
    const script = `const limiter = require('spillway').createRateLimiter({ redis: given, rate: '5/m' });
      let settled = 0;
      const checks = Array.from({ length: 5000 }, (_, i) =>
        limiter.check('k' + i).then(() => { settled++; if (i === 500) return limiter.close(); }));
      Promise.all(checks).then(() => report(settled));`;
    expect(await reportsOf(script, { given: server.url })).toEqual([5000]);
  });
});

describe('the loop', () => {
  test('a check made from any kind of callback is sent in that turn', async () => {
    const server = await own(RedisServer.start());
    const script = `const limiter = require('spillway').createRateLimiter({ redis: given, rate: '500/m' });
      const { createServer, connect } = require('node:net');
      const { readFile } = require('node:fs');
      const after = (name, arrange) => new Promise((done) => arrange(async () => {
        const start = performance.now();
        const { source } = await limiter.check(name);
        report([name, source, performance.now() - start]);
        done();
      }));
      (async () => {
        await limiter.check('warm');
        await new Promise((resolve) => setTimeout(resolve, 50));
        await after('timer', (go) => setTimeout(go, 20));
        await after('immediate', (go) => setImmediate(go));
        await after('microtask', (go) => queueMicrotask(go));
        await after('tick', (go) => process.nextTick(go));
        await after('file', (go) => readFile('package.json', go));
        await after('socket', (go) => {
          const server = createServer((socket) => socket.end('x')).listen(0, () => {
            connect(server.address().port).on('data', () => { server.close(); go(); });
          });
        });
      })();`;
    const seen = await reportsOf<[string, string, number]>(script, { given: server.url });
    expect(seen.map(([, source]) => source)).toEqual(Array(6).fill('redis'));
    // A turn that is missed waits for some timer, 250 ms and more.
    for (const [name, , ms] of seen) expect([name, ms < 150]).toEqual([name, true]);
  });

  test.each([
    ['a timer', '(block) => setTimeout(block, 20)'],
    ['an immediate', '(block) => setTimeout(() => setImmediate(block), 20)'],
    ['a read', "(block) => setTimeout(() => require('node:fs').readFile('package.json', block), 20)"],
  ])('an answer that came while %s blocked the loop is an answer, not a timeout', async (_name, when) => {
    const fake = await own(FakeRedis.start());
    const script = `const limiter = require('spillway').createRateLimiter({ redis: given, rate: '500/m', timeoutMs: 250 });
      (async () => {
        await limiter.check('warm');
        report('warm');
        await new Promise((resolve) => process.stdin.once('data', resolve));
        process.stdin.destroy();
        const waiting = Array.from({ length: 200 }, (_, i) => limiter.check('k' + i));
        (${when})(() => {
          report(limiter.stats().pending);
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
        });
        report([...new Set((await Promise.all(waiting)).map(({ source }) => source))]);
        report(limiter.stats().timeouts);
      })();`;
    const client = new Script(script, { given: fake.url });
    await client.report(0);
    fake.pause();
    client.tell('go');
    // Sent, and blocked by now: the answers come while nobody can read them, and after the deadline.
    expect(await client.report(1)).toBe(200);
    await delay(500);
    fake.resume();
    expect(await client.ended).toMatchObject({ code: 0, reports: ['warm', 200, ['redis'], 0] });
  });

  test('blocked before the flush: sent late, answered all the same', async () => {
    const server = await own(RedisServer.start());
    const script = `const limiter = require('spillway').createRateLimiter({ redis: given, rate: '500/m', timeoutMs: 250 });
      (async () => {
        await limiter.check('warm');
        const waiting = Array.from({ length: 200 }, (_, i) => limiter.check('k' + i));
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);
        report([...new Set((await Promise.all(waiting)).map(({ source }) => source))]);
      })();`;
    expect(await reportsOf(script, { given: server.url })).toEqual([['redis']]);
  });
});

test('after close nothing is left: no socket, no connection', async () => {
  const server = await own(RedisServer.start());
  const script = `const { readdirSync, readlinkSync } = require('node:fs');
    const { createRateLimiter } = require('spillway');
    const sockets = () => readdirSync('/proc/self/fd').filter((fd) => {
      try { return readlinkSync('/proc/self/fd/' + fd).startsWith('socket:['); } catch { return false; }
    }).length;
    (async () => {
      const before = sockets();
      for (let i = 0; i < 50; i++) {
        const limiter = createRateLimiter({ redis: given, rate: '5/m' });
        await limiter.check('k' + i);
        for await (const one of limiter.list()) break;
        await limiter.close();
        await limiter.close();
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
      report(sockets() - before);
    })();`;
  expect(await reportsOf(script, { given: server.url })).toEqual([0]);
  await until(
    'only the test itself is connected',
    async () => (await server.info('connected_clients')) === '1',
  );
});

test('SIGSTOP and SIGCONT of the client: answers, no crash', async () => {
  const server = await own(RedisServer.start());
  const script = `const limiter = require('spillway').createRateLimiter({ redis: given, rate: '100000/m' });
    const timer = setInterval(() => limiter.check('k').then(({ source }) => sources.push(source)), 5);
    const sources = [];
    limiter.check('k').then(() => report('ready'));
    process.stdin.once('data', async () => {
      clearInterval(timer);
      report((await limiter.check('k')).source);
      process.stdin.destroy();
    });`;
  const client = new Script(script, { given: server.url });
  await client.report(0);
  client.kill('SIGSTOP');
  await delay(700);
  client.kill('SIGCONT');
  await delay(100);
  client.tell('end');
  expect(await client.ended).toMatchObject({ code: 0, reports: ['ready', 'redis'] });
});
