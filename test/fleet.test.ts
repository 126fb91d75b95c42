/** What a fleet counts together, on a real Redis and a real PostgreSQL: docs/fleet.md. */
import { createRateLimiter, redisStore, type StoreOption } from 'spillway';
import { postgresStore } from 'spillway/postgres';
import { RedisCluster } from './support/cluster';
import { owner } from './support/owned';
import { PostgresServer } from './support/postgres';
import { Script } from './support/process';
import { RedisServer } from './support/redis';
import { delay, SLACK_MS, until } from './support/wait';

const own = owner();

async function counting(store: StoreOption) {
  const made = () =>
    own(
      createRateLimiter({
        ...{ store, analytics: true, logger: false, timeoutMs: 5_000 },
        rules: [{ id: 'api', match: '/api/*', by: 'user', rate: '3/h' }],
      }),
    );
  const [one, other] = [await made(), await made()];
  const ask = (path: string, user: string) =>
    Promise.all(
      [one, other, one, other].map((limiter) => limiter.checkRequest({ method: 'GET', path, user })),
    );
  await ask('/api/a', 'u1');
  await ask('/api/b', 'u2');
  // What is closed tells the rest.
  await one.close();
  await other.close();
  const reader = await made();
  await until('counted', async () => (await reader.fleet()).admitted === 6);
  return reader;
}

const EXPECTED = {
  ...{ admitted: 6, denied: 2, undecided: 0, denialRate: 0.25 },
  deniedSubjects: expect.arrayContaining([
    expect.objectContaining({ subject: 'user:u1', denied: 1 }),
    expect.objectContaining({ subject: 'user:u2', denied: 1 }),
  ]),
  deniedEndpoints: expect.arrayContaining([{ endpoint: 'GET /api/a', denied: 1 }]),
  rules: [{ rule: 'api', admitted: 6, denied: 2, undecided: 0 }],
};

test('processes count together on Redis, in one slot, for so many days, and no listing shows it', async () => {
  const server = await own(RedisServer.start());
  const limiter = await counting(redisStore(server.url));
  const view = await limiter.fleet();
  expect(view).toMatchObject(EXPECTED);
  const sum = (counts: readonly number[]) => counts.reduce((all, one) => all + one, 0);
  expect(view.byHour).toHaveLength(24);
  expect(sum(view.byHour.map(({ admitted }) => admitted))).toBe(6);
  expect(sum(view.byHour.map(({ denied }) => denied))).toBe(2);
  expect(view.byHour.at(-1)!.startMs - view.byHour[0]!.startMs).toBe(23 * 3_600_000);
  expect(sum(view.deniedSubjects[0]!.byHour.map(({ denied }) => denied))).toBe(1);
  const a = view.endpoints.find(({ endpoint }) => endpoint === 'GET /api/a')!;
  expect(a).toMatchObject({ admitted: 3, denied: 1 });
  expect(a.byHour.reduce((sum, { admitted }) => sum + admitted, 0)).toBe(3);
  const keys = (await server.command('KEYS', '*%fleet*')) as string[];
  const hour = keys.find((key) => key.includes(':hour:'))!;
  expect(hour).toMatch(/^\{ratelimit:%fleet\}:hour:\d+$/);
  const restMs = Number(await server.command('PTTL', hour));
  expect(restMs).toBeGreaterThan(7 * 86_400_000 - 60_000);
  const listed: string[] = [];
  for await (const { key } of limiter.list()) listed.push(key);
  expect(listed.sort()).toEqual(['u1', 'u2']);
  await expect(limiter.fleet({ hours: 24 * 7 + 1 })).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
});

test('on a cluster, where each sum lies at one node and is found from all', async () => {
  const cluster = await own(RedisCluster.start({ replicas: 0 }));
  const limiter = await counting(redisStore(cluster.redis));
  const view = await limiter.fleet();
  expect(view).toMatchObject(EXPECTED);
  const a = view.endpoints.find(({ endpoint }) => endpoint === 'GET /api/a');
  expect(a).toMatchObject({ admitted: 3, denied: 1 });
  const found = await Promise.all(cluster.nodes.map((node) => node.command('KEYS', '*%fleet*')));
  expect(found.filter((keys) => (keys as string[]).length > 0)).toHaveLength(1);
}, 60_000);

test('a process that is killed has told all but its last 10 s', async () => {
  const server = await own(RedisServer.start());
  const script = new Script(
    `
    const { createRateLimiter } = require('spillway');
    const limiter = createRateLimiter({ redis: given, analytics: true, rate: '9000/h', logger: false });
    setInterval(async () => {
      await limiter.check('a');
      report(Date.now());
    }, 20);
  `,
    { given: server.url, abrupt: true, withinMs: 60_000 },
  );
  await script.report(0);
  // Long enough for one telling, and for checks behind it that are lost.
  await until(
    'told once',
    async () => ((await server.command('KEYS', '*:hour:*')) as string[]).length === 1,
    {
      withinMs: 20_000,
    },
  );
  await delay(2_000);
  script.kill('SIGKILL');
  await script.ended;
  const checkedMs = script.soFar as number[];
  const owed = checkedMs.filter((atMs) => atMs < checkedMs.at(-1)! - 10_000 - SLACK_MS).length;
  const reader = await own(
    createRateLimiter({ redis: server.url, analytics: true, rate: '9000/h', logger: false }),
  );
  const { admitted } = await reader.fleet();
  expect(owed).toBeGreaterThan(50);
  expect(admitted).toBeGreaterThanOrEqual(owed);
  expect(admitted).toBeLessThan(checkedMs.length);
}, 60_000);

test('processes count together on PostgreSQL', async () => {
  const server = await own(PostgresServer.start());
  const schema = await server.schema('fleet');
  const limiter = await counting(postgresStore(server.pool(), { schema }));
  expect(await limiter.fleet()).toMatchObject(EXPECTED);
}, 60_000);

test('a process tells every 10 s, in one command, and what an outage kept it from telling comes afterwards', async () => {
  const server = await own(RedisServer.start());
  const script = new Script(
    `
    const { createRateLimiter } = require('spillway');
    const limiter = createRateLimiter({ redis: given, analytics: true, rate: '900/h', logger: false });
    (async () => {
      for (let i = 0; i < 50; i++) await limiter.check('a');
      report('counted');
      process.stdin.on('data', async () => {
        report((await limiter.check('a')).reason);
      });
    })();
  `,
    { given: server.url, abrupt: true, withinMs: 60_000 },
  );
  await script.report(0);
  await server.kill();
  script.tell('ask');
  expect(await script.report(1)).toBe('unavailable');
  await server.start();
  await server.command('CONFIG', 'RESETSTAT');
  const reader = await own(
    createRateLimiter({ redis: server.url, analytics: true, rate: '900/h', logger: false }),
  );
  const told = async () => (await reader.fleet()).admitted === 50;
  expect(await until('told', told, { withinMs: 25_000, everyMs: 200 })).toBeLessThan(21_000);
  expect(await reader.fleet()).toMatchObject({ admitted: 50, undecided: 1 });
  const { evalsha, eval: source } = await server.calls();
  expect((evalsha ?? 0) + (source ?? 0)).toBeLessThanOrEqual(2);
  script.kill('SIGKILL');
  await script.ended;
}, 60_000);

test('without analytics there is no view, and other values are refused', async () => {
  const limiter = await own(createRateLimiter({ rate: '3/h' }));
  await expect(limiter.fleet()).rejects.toThrow(/analytics: true/);
  expect(() => createRateLimiter({ rate: '3/h', analytics: 'yes' as never })).toThrow(/true or false/);
});
