/** Endings while the store is away: with its breaker closed, open and half-open nothing is lost, left or charged twice. */
import { FakeRedis, STALL } from './support/fake-redis';
import { owner } from './support/owned';
import { freePort } from './support/ports';
import { reportsOf, runScript, Script } from './support/process';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();

/** Where the limiter of a script is when it ends. */
const STATES = ['closed', 'open', 'half-open'] as const;
type State = (typeof STATES)[number];

/** A Redis for each state: one that counts, none, and one that logs in and then is silent. */
async function redisFor(state: State): Promise<object> {
  if (state === 'closed') {
    const server = await own(RedisServer.start());
    return { url: server.url };
  }
  if (state === 'open') return { url: `redis://127.0.0.1:${await freePort()}`, breaker: { failures: 1 } };
  const fake = await own(FakeRedis.start());
  fake.hook = ([name]) => (name === 'INCR' || name === 'INCRBY' ? STALL : undefined);
  return { url: fake.url, breaker: { failures: 1, openMs: 1 } };
}

/** Brings a limiter into its state; of half-open the probe is then on its way. */
const COMMON = `
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
function open(spillway, more) {
  return spillway.createRateLimiter({ redis: given.redis, rate: '1000000/h', timeoutMs: 100, logger: false, ...more });
}
async function bring(limiter) {
  if (given.state === 'closed') return void (await limiter.check('k'));
  while (limiter.stats().breaker.state === 'closed') await limiter.check('k');
  if (given.state === 'open') return;
  for (let tries = 0; limiter.stats().breaker.state !== 'half-open'; tries++) {
    if (tries === 200) throw new Error(JSON.stringify(limiter.stats().breaker));
    await wait(5);
    limiter.check('probe');
  }
}
`;

describe.each(STATES)('the breaker is %s', (state) => {
  let given: { state: State; redis: object };
  beforeEach(async () => {
    given = { state, redis: await redisFor(state) };
  });

  test.each(['open', 'closed', 'memory'])('closed twice with 10,000 asked, failureMode %s', async (mode) => {
    const [result] = await reportsOf<{ settled: number; after: string; pending: number }>(
      `${COMMON}
      const limiter = open(require('spillway'), { failureMode: '${mode}' });
      (async () => {
        await bring(limiter);
        const asked = Array.from({ length: 10_000 }, (_, i) => limiter.check('k' + i));
        const closing = [limiter.close(), limiter.close()];
        const decisions = await Promise.all(asked);
        await Promise.all(closing);
        const after = await limiter.check('k').catch(({ code }) => code);
        report({ settled: decisions.length, after, pending: limiter.stats().pending });
      })();
      `,
      { given },
    );
    expect(result).toEqual({ settled: 10_000, after: 'ERR_CLOSED', pending: 0 });
  });

  test.each(['process.exit(7)', 'process.reallyExit(7)', "process.kill(process.pid, 'SIGKILL')"])(
    '%s with checks on their way',
    async (end) => {
      const { code, signal, stderr } = await runScript(
        `${COMMON}
        const limiter = open(require('spillway'));
        bring(limiter).then(() => {
          for (let i = 0; i < 1_000; i++) limiter.check('k' + i);
          setImmediate(() => { ${end}; });
        });`,
        { given, abrupt: true },
      );
      expect(signal ?? code).toBe(end.includes('SIGKILL') ? 'SIGKILL' : 7);
      expect(stderr).toBe('');
    },
  );

  test('a process that is left alone ends by itself', async () => {
    const reports = await reportsOf(
      `${COMMON}
      const limiter = open(require('spillway'), { failureMode: 'memory' });
      bring(limiter).then(() => limiter.check('k')).then(({ allowed }) => report(allowed));`,
      { given },
    );
    expect(reports).toEqual([true]);
  });

  test('170 workers are terminated in mid-flight', async () => {
    const [terminated] = await reportsOf<number>(
      `
      const { Worker } = require('node:worker_threads');
      const code = ${JSON.stringify(`
        const { parentPort, workerData: given } = require('node:worker_threads');
        ${COMMON}
        const limiter = open(require('spillway'), { failureMode: 'memory' });
        bring(limiter).then(() => {
          const ask = (i) => limiter.check('k' + (i % 50)).then(() => setImmediate(ask, i + 1));
          for (let i = 0; i < 50; i++) ask(i);
          parentPort.postMessage('busy');
        });`)};
      (async () => {
        let terminated = 0;
        const lane = async (n) => {
          for (let i = 0; i < n; i++) {
            const worker = new Worker(code, { eval: true, workerData: given });
            const exit = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
            await new Promise((resolve) => worker.once(i % 3 === 0 ? 'message' : 'online', resolve));
            if (i % 3 === 1) await new Promise((resolve) => setTimeout(resolve, i % 40));
            await worker.terminate();
            await exit;
            terminated++;
          }
        };
        await Promise.all([lane(85), lane(85)]);
        report(terminated);
      })();`,
      { given, withinMs: 90_000 },
    );
    expect(terminated).toBe(170);
  }, 120_000);

  test('50 hot reloads, and nobody closes: one connection, and it goes with the last limiter', async () => {
    const [stores] = await reportsOf<number[]>(
      `${COMMON}
      const registry = () => globalThis[Object.getOwnPropertySymbols(globalThis).find((one) => String(one).startsWith('Symbol(spillway@'))];
      const reload = () => {
        for (const name of Object.keys(require.cache)) if (name.includes('dist')) delete require.cache[name];
        return open(require('spillway'), { failureMode: 'memory' });
      };
      (async () => {
        await (async () => {
          const limiters = [];
          for (let i = 0; i < 50; i++) {
            limiters.push(reload());
            if (i === 0) await bring(limiters[0]);
            await limiters[i].check('k');
          }
        })();
        const most = registry().size;
        for (let i = 0; i < 200 && registry().size > 0; i++) { gc(); await wait(10); }
        report([most, registry().size]);
      })();`,
      { given, nodeArgs: ['--expose-gc'] },
    );
    expect(stores).toEqual([1, 0]);
  });
});

test('a limiter that is forgotten is collected, and its connection is closed', async () => {
  const server = await own(RedisServer.start());
  const script = new Script(
    `
    const { createRateLimiter } = require('spillway');
    (async () => {
      await (async () => {
        for (let i = 0; i < 20; i++) {
          const limiter = createRateLimiter({ redis: given, rate: '5/h', prefix: 'p' + i + ':' });
          await Promise.all([limiter.check('k'), limiter.health(), limiter.reset('other')]);
          for await (const key of limiter.list()) report(key.key);
        }
      })();
      report('asked');
      // It lives on, so that the connection is closed by nothing else.
      const collecting = setInterval(gc, 20);
      process.stdin.once('data', () => { clearInterval(collecting); process.stdin.destroy(); });
    })();`,
    { given: server.url, nodeArgs: ['--expose-gc'] },
  );
  // Its own connection is the test's.
  await until('asked', async () => Number(await server.info('connected_clients')) > 1);
  await until('closed', async () => (await server.info('connected_clients')) === '1', { withinMs: 10_000 });
  script.tell('end');
  expect(await script.ended).toMatchObject({ code: 0, stderr: '' });
});
