/** Endings in the middle of a failover: nothing is left behind, and nobody waits for ever. */
import { owner } from './support/owned';
import { reportsOf, runScript } from './support/process';
import { RedisServer } from './support/redis';

const own = owner();

/** What each script begins with: two servers and the table of the process, of which `given` has the URLs. */
const HEAD = `const { createRateLimiter, customStore, failoverStore, memoryStore, redisStore } = require('spillway');
  const { Worker } = require('node:worker_threads');
  const stores = () => given.urls.map((url) => redisStore(url)).concat(memoryStore());
  const make = (more) => createRateLimiter({
    store: failoverStore(stores(), { probe: { intervalMs: 20, timeoutMs: 200 } }), rate: '1000000/m', logger: false, ...more,
  });`;

async function servers() {
  return [await own(RedisServer.start()), await own(RedisServer.start())] as const;
}

let atOnceMs: number;
beforeAll(async () => {
  const { ms } = await runScript('');
  atOnceMs = 1_000 + 3 * ms;
});

test('a process ends by itself, with probes between two rounds', async () => {
  const both = await servers();
  const script = `${HEAD}
    const limiter = make({ store: failoverStore(stores(), { probe: { intervalMs: 60000 } }) });
    limiter.check('k').then(({ source }) => report(source));`;
  const { code, ms, reports } = await runScript(script, { given: { urls: both.map(({ url }) => url) } });
  expect([code, reports]).toEqual([0, ['redis']]);
  expect(ms).toBeLessThan(atOnceMs);
});

test('close and close again, with 10,000 waiting for a store that is stopped: each is answered once', async () => {
  const both = await servers();
  const script = `${HEAD}
    (async () => {
      const limiter = make({ timeoutMs: 60000 });
      await limiter.check('warm');
      process.kill(given.pid, 'SIGSTOP');
      const waiting = Array.from({ length: 10000 }, (_, i) => limiter.check('k' + i));
      await new Promise((resolve) => setTimeout(resolve, 60));
      const started = performance.now();
      await Promise.all([limiter.close(), limiter.close()]);
      const sources = new Set((await Promise.all(waiting)).map(({ source }) => source));
      process.kill(given.pid, 'SIGCONT');
      report([[...sources], performance.now() - started < 2000]);
      await limiter.check('k').catch(({ code }) => report(code));
      await limiter.close();
    })();`;
  const given = { urls: both.map(({ url }) => url), pid: Number(await both[0].info('process_id')) };
  expect(await reportsOf(script, { given })).toEqual([[['none'], true], 'ERR_CLOSED']);
});

test('close while calls go from one store to the next: each is answered once', async () => {
  const both = await servers();
  const script = `${HEAD}
    (async () => {
      const limiter = make({ timeoutMs: 5000 });
      await limiter.check('warm');
      process.kill(given.pid, 'SIGSTOP');
      const waiting = Array.from({ length: 10000 }, (_, i) => limiter.check('k' + i));
      // The first of them that goes on to the second store closes.
      const closed = Promise.race(waiting).then(() => limiter.close());
      await new Promise((resolve) => setTimeout(resolve, 60));
      process.kill(given.pid, 'SIGKILL');
      await closed;
      const all = await Promise.all(waiting);
      report([all.length, all.every(({ allowed }) => allowed)]);
    })();`;
  const given = { urls: both.map(({ url }) => url), pid: Number(await both[0].info('process_id')) };
  expect(await reportsOf(script, { given })).toEqual([[10000, true]]);
});

test('workers that are terminated in the middle of it', async () => {
  const both = await servers();
  const script = `${HEAD}
    const source = 'const given = ' + JSON.stringify(given) + ';' + ${JSON.stringify(HEAD)} + \`
      const limiter = make({ timeoutMs: 60000 });
      limiter.check('warm').then(() => {
        for (let i = 0; i < 1000; i++) limiter.check('k' + i);
        require('node:worker_threads').parentPort.postMessage('waiting');
      });\`;
    (async () => {
      for (let i = 0; i < 10; i++) {
        const worker = new Worker(source, { eval: true });
        await new Promise((resolve) => worker.once('message', resolve));
        await worker.terminate();
      }
      report('over');
    })();`;
  const given = { urls: both.map(({ url }) => url) };
  expect(await reportsOf(script, { given })).toEqual(['over']);
});

test.each(['process.exit(3)', 'limiter.close().then(() => process.exit(3))'])(
  '%s with calls on their way to the next store',
  async (ending) => {
    const both = await servers();
    const script = `${HEAD}
      const limiter = make({ timeoutMs: 60000 });
      limiter.check('warm').then(() => {
        for (let i = 0; i < 1000; i++) limiter.check('k' + i);
        process.kill(given.pid, 'SIGKILL');
        setTimeout(() => { ${ending} }, 5);
      });`;
    const given = { urls: both.map(({ url }) => url), pid: Number(await both[0].info('process_id')) };
    expect(await runScript(script, { given, abrupt: true })).toMatchObject({ code: 3, stderr: '' });
  },
);

test('closed limiters leave nothing: no connection, no memory', async () => {
  const both = await servers();
  const script = `${HEAD}
    const { readdirSync, readlinkSync } = require('node:fs');
    const sockets = () => readdirSync('/proc/self/fd').filter((fd) => {
      try { return readlinkSync('/proc/self/fd/' + fd).startsWith('socket:['); } catch { return false; }
    }).length;
    (async () => {
      const none = sockets();
      const round = async (times) => {
        for (let i = 0; i < times; i++) {
          const limiter = make({ rate: { requests: i + 1, windowMs: 60000 } });
          await limiter.check('k');
          await limiter.close();
          if (i % 100 === 0) { gc(); await new Promise(setImmediate); }
        }
        gc();
        await new Promise((resolve) => setTimeout(resolve, 50));
        gc();
        return process.memoryUsage().rss;
      };
      await round(600);
      const before = await round(300);
      report((await round(300)) - before);
      report(sockets() - none);
    })();`;
  const given = { urls: both.map(({ url }) => url) };
  const options = { given, nodeArgs: ['--expose-gc'], measured: true, withinMs: 60_000 };
  const [grown, sockets] = await reportsOf<number>(script, options);
  expect(grown).toBeLessThan(16 << 20);
  expect(sockets).toBe(0);
});

test('a limiter that was forgotten is collected, and its failover asks nothing any more', async () => {
  const both = await servers();
  const script = `${HEAD}
    const store = { name: 'own', asked: 0, async reset() { return 0; }, async apply({ items }) {
      this.asked++;
      return items.map(() => ({ allowed: true, remaining: 1, resetInMs: 1, retryAfterMs: 0, used: 1, blocked: false }));
    } };
    let limiter = make({ store: failoverStore([...stores(), customStore(store)], { probe: { intervalMs: 20, timeoutMs: 200 } }) });
    const forgotten = new WeakRef(limiter);
    const tick = () => new Promise((resolve) => setTimeout(resolve, 60));
    (async () => {
      await limiter.check('k');
      await tick();
      limiter = undefined;
      for (let i = 0; i < 50 && forgotten.deref() !== undefined; i++) { await tick(); gc(); }
      await tick();
      const { asked } = store;
      await tick();
      report([asked > 0, store.asked === asked, forgotten.deref() === undefined]);
    })();`;
  const given = { urls: both.map(({ url }) => url) };
  expect(await reportsOf(script, { given, nodeArgs: ['--expose-gc'] })).toEqual([[true, true, true]]);
});
