/** `spillway serve` and SIGHUP: what a file says now holds, or all stays as it was. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { owner } from './support/owned';
import { ROOT } from './support/process';
import { RedisServer } from './support/redis';
import { Service } from './support/service';
import { until } from './support/wait';

const own = owner();
const KEY = 'a-key-of-the-tests-which-is-long';
const OTHER = 'another-key-which-is-as-long';
/** Where a rate counts the key `a`. */
const COUNT = '{ratelimit:a}:@rate-1h';
const keyed = (...keys: string[]) => ({
  keys: keys.map((key, i) => ({ name: `k${i}`, sha256: createHash('sha256').update(key).digest('hex') })),
});

async function started(config: object, env: NodeJS.ProcessEnv = {}) {
  const redis = await own(RedisServer.start());
  const service = await own(Service.start({ config, env: { REDIS_URL: redis.url, ...env } }));
  let reloads = 0;
  let refusals = 0;
  return {
    redis,
    service,
    reload: async (next: object | string) => {
      service.write(typeof next === 'string' ? next : JSON.stringify(next));
      service.signal('SIGHUP');
      return service.hears('reloaded', reloads++);
    },
    refused: async (next: object | string) => {
      service.write(typeof next === 'string' ? next : JSON.stringify(next));
      service.signal('SIGHUP');
      return service.hears('reload-refused', refusals++);
    },
  };
}

test('plans, rules and keys change, and what was counted stays counted', async () => {
  const { redis, service, reload } = await started({ plans: { FREE: '2/h' }, serve: keyed(KEY) });
  const check = (key: string, plan = 'FREE') => service.post('/v1/check', { key: 'org-1', plan }, key);
  for (const remaining of [1, 0]) expect((await check(KEY)).body).toMatchObject({ remaining });
  expect((await check(KEY)).body.allowed).toBe(false);
  const said = await reload({
    plans: { FREE: '5/h', PRO: '9/h' },
    rules: [{ id: 'login', match: '/login', rate: '1/m' }],
    serve: keyed(OTHER, KEY),
  });
  expect(said).toMatchObject({ level: 'info', plans: 2, rules: 1, keys: 2, needsRestart: [] });
  expect((await check(OTHER)).body).toMatchObject({ allowed: true, remaining: 2 });
  expect((await check(KEY, 'PRO')).status).toBe(200);
  const login = { request: { method: 'GET', path: '/login', ip: '192.0.2.1' } };
  expect((await service.post('/v1/check', login, KEY)).body).toMatchObject({ rule: 'login' });
  await reload({ plans: { FREE: '5/h' }, serve: keyed(OTHER) });
  expect((await check(KEY)).status).toBe(401);
  expect((await check(OTHER, 'PRO')).body).toMatchObject({ error: 'ERR_UNKNOWN_PLAN' });
  expect((await service.ask('/monitoring/config', { key: OTHER })).body.plans).toEqual({
    FREE: [expect.objectContaining({ limit: 5 })],
  });
  expect((await service.ask('/metrics', { key: OTHER })).status).toBe(200);
  // The test's own connection, and one for all limiters that there were.
  expect(await redis.info('total_connections_received')).toBe('2');
});

test('without a store, too, what was counted stays counted', async () => {
  const { service, reload } = await started({ rate: '2/h' }, { REDIS_URL: '' });
  await service.post('/v1/check', { key: 'a' });
  await reload({ rate: '5/h' });
  expect((await service.post('/v1/check', { key: 'a' })).body).toMatchObject({
    remaining: 3,
    source: 'memory',
  });
});

test.each([
  ['no JSON', '{"plans":', /is not JSON/],
  ['a wrong rate', { plans: { FREE: '2/hour' } }, /plans\.FREE: "2\/hour" is not a rate/],
  ['a wrong key', { rate: '1/s', serve: { keys: [{ name: 'a', sha256: 'x' }] } }, /serve\.keys\[0\]\.sha256/],
  ['no key any more', { plans: { FREE: '9/h' } }, /The last API key is gone/],
])('%s is refused with what is wrong, and all stays as it was', async (_what, broken, message) => {
  const { service, refused, reload } = await started({ plans: { FREE: '2/h' }, serve: keyed(KEY) });
  expect(await refused(broken)).toMatchObject({ level: 'error', message: expect.stringMatching(message) });
  const { body } = await service.post('/v1/check', { key: 'a', plan: 'FREE' }, KEY);
  expect(body).toMatchObject({ limit: 2, remaining: 1 });
  await reload({ plans: { FREE: '3/h' }, serve: keyed(KEY) });
  const again = await service.post('/v1/check', { key: 'a', plan: 'FREE' }, KEY);
  expect(again.body).toMatchObject({ limit: 3, remaining: 1 });
});

test('what holds from the next start on is named', async () => {
  const { redis, service, reload } = await started({ rate: '2/h' });
  const said = await reload({
    rate: '2/h',
    redis: 'redis://127.0.0.1:1',
    prefix: 'b:',
    serve: { host: '127.0.0.2' },
  });
  expect(said['needsRestart']).toEqual(['redis', 'prefix', 'serve.host']);
  await service.post('/v1/check', { key: 'a' });
  expect(await redis.charged(COUNT)).toBe(1);
});

test('a module is read anew, and keeps the store that it had', async () => {
  const redis = await own(RedisServer.start());
  const entry = JSON.stringify(join(ROOT, 'dist/index.mjs'));
  const module = (rate: string) =>
    `import { redisStore } from ${entry}; export default { store: redisStore('${redis.url}'), rate: '${rate}' };`;
  const service = await own(Service.start({ module: module('2/h') }));
  await service.post('/v1/check', { key: 'a' });
  service.write(module('7/h'), 'spillway.config.mjs');
  service.signal('SIGHUP');
  await service.hears('reloaded');
  expect((await service.post('/v1/check', { key: 'a' })).body).toMatchObject({
    limit: 7,
    remaining: 5,
    source: 'redis',
  });
});

test('no call is lost over many reloads, and those that wait are answered by the limiter that they asked', async () => {
  const { redis, service, reload } = await started({ rate: '1000000/h', timeoutMs: 5_000 });
  let [asked, isOver] = [0, false];
  const statuses = new Set<number>();
  const ask = async () => {
    while (!isOver) {
      asked++;
      const { status, body } = await service.post('/v1/check', { key: 'a' });
      statuses.add(body.reason === 'ok' ? status : -1);
    }
  };
  const askers = Array.from({ length: 8 }, ask);
  for (let i = 1; i <= 20; i++) await reload({ rate: `${1_000_000 + i}/h`, timeoutMs: 5_000 });
  isOver = true;
  await Promise.all(askers);
  expect([...statuses]).toEqual([200]);
  expect(await redis.charged(COUNT)).toBe(asked);
  redis.freeze();
  const waiting = service.post('/v1/check', { key: 'b' });
  await until('it waits', async () =>
    ((await service.ask('/metrics')).body as string).includes('_waiting 1'),
  );
  await reload({ rate: '5/h', timeoutMs: 5_000 });
  redis.thaw();
  expect((await waiting).body).toMatchObject({ reason: 'ok', limit: 1_000_020 });
});
