/** Clusters that are given as the URL of one node, as `REDIS_URL` is. */
import {
  checkRateLimit,
  closeRedisConnection,
  configureRateLimit,
  createRateLimiter,
  getAllRateLimits,
  isRedisHealthy,
} from 'spillway';
import { idIn, RedisCluster } from './support/cluster';
import { tally, times } from './support/ledger';
import { owner } from './support/owned';
import { Proxy } from './support/proxy';
import type { RedisServer } from './support/redis';
import { until } from './support/wait';

jest.setTimeout(60_000);

const own = owner();
afterEach(() => closeRedisConnection());

const RULES = [
  { id: 'address', by: 'ip', rate: '3/m' },
  { id: 'person', by: 'user', rate: '3/m' },
] as const;
const request = (user: string) => ({ method: 'GET', path: '/', user, ip: '192.0.2.77' });
const ids = (count: number, name: string) => Array.from({ length: count }, (_, i) => `${name}${i}`);
const counted = (allowed: number, count: number) => ({ allowed, bySource: { redis: count } });

describe('three masters', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start({ replicas: 0 });
  });
  afterAll(() => cluster.close());
  beforeEach(async () => {
    for (const master of await cluster.masters()) await master.command('FLUSHALL');
  });

  const url = () => cluster.nodes[0]!.url;
  const open = (options: object) =>
    own(createRateLimiter({ redis: url(), rate: '3/h', timeoutMs: 5_000, ...options }));

  test('every id has its limit, whatever its slot', async () => {
    configureRateLimit({ redis: url(), timeoutMs: 5_000 });
    const counts = await Promise.all(
      ids(150, 'drop-in').map(
        async (id) =>
          (await times(101, () => checkRateLimit(id, 'FREE'))).filter(({ allowed }) => allowed).length,
      ),
    );
    expect(new Set(counts)).toEqual(new Set([100]));
    expect(isRedisHealthy()).toBe(true);
    expect([...(await getAllRateLimits()).keys()].sort()).toEqual(ids(150, 'ratelimit:drop-in').sort());
  });

  test('a listing is complete, also as the first call that there is', async () => {
    const writer = await open({});
    await Promise.all(ids(300, 'listed').map((id) => writer.check(id)));
    const reader = await open({ redis: { url: url(), connectTimeoutMs: 4_999 } });
    const keys: string[] = [];
    for await (const { key } of reader.list({ pageSize: 20 })) keys.push(key);
    expect(keys.sort()).toEqual(ids(300, 'listed').sort());
  });

  test('rules in several slots: all or nothing, and every operation', async () => {
    const limiter = await open({ rules: RULES, rate: undefined });
    const decisions = await times(50, () => limiter.checkRequest(request('u1')));
    expect(tally(decisions)).toMatchObject(counted(3, 50));
    expect(await limiter.refund(decisions.find(({ allowed }) => allowed)!)).toBe(true);
    expect(tally(await times(5, () => limiter.checkRequest(request('u1'))))).toMatchObject(counted(1, 5));
  });

  test('scripts that a node has never seen, and each operation at its own node', async () => {
    for (const master of await cluster.masters()) await master.command('SCRIPT', 'FLUSH');
    const limiter = await open({ algorithm: 'sliding-log' });
    const ranges = await cluster.ranges();
    for (const { first, last } of ranges) {
      const id = idIn((slot) => first <= slot && slot <= last, 'cold');
      const decisions = await times(5, () => limiter.check(id));
      expect(tally(decisions)).toMatchObject(counted(3, 5));
      expect(await limiter.refund(decisions.find(({ allowed }) => allowed)!)).toBe(true);
      expect(await limiter.peek(id)).toMatchObject({ remaining: 1, source: 'redis' });
      await limiter.block(id, 60_000);
      expect(await limiter.check(id)).toMatchObject({ allowed: false, source: 'redis' });
      expect(await limiter.reset(id)).toBe(true);
      expect(await limiter.check(id)).toMatchObject({ allowed: true, remaining: 2 });
    }
  });

  test('hundreds of checks that were sent before the cluster was known are charged once each', async () => {
    const rule = '~* resetchannels +@all -info';
    for (const master of await cluster.masters())
      await master.command('ACL', 'SETUSER', 'blind', 'on', '>secret', ...rule.split(' '));
    const limiter = await open({ redis: { url: url(), username: 'blind', password: 'secret' } });
    const late = ids(400, 'late');
    const decisions = await Promise.all(late.map((id) => times(4, () => limiter.check(id))));
    expect(tally(decisions.flat())).toMatchObject(counted(1_200, 1_600));
    for (const id of late) expect(await cluster.charged(`{ratelimit:${id}}:@rate-1h`)).toBe(3);
  });

  test('behind a balancer every connection may reach another node', async () => {
    const ports = (await cluster.masters()).map(({ port }) => port);
    let turn = 0;
    const balancer = await own(Proxy.start(() => ports[turn++ % ports.length]!));
    const limiter = await open({ redis: balancer.url });
    const names = ids(60, 'balanced');
    const list = async () => {
      const keys: string[] = [];
      for await (const { key } of limiter.list({ pageSize: 10 })) keys.push(key);
      return keys.sort();
    };
    for (let round = 1; round <= 4; round++) {
      const { reconnects } = limiter.stats();
      const decisions = await Promise.all(names.map((id) => limiter.check(id)));
      expect(tally(decisions)).toMatchObject(counted(round < 4 ? 60 : 0, 60));
      expect(await list()).toEqual([...names].sort());
      balancer.cut();
      await until('lost', () => limiter.stats().reconnects > reconnects);
      await until('healthy again', async () => (await limiter.health()).healthy);
    }
    expect(turn).toBeGreaterThan(5);
  });

  test('`cluster: false` takes it for one server', async () => {
    const limiter = await open({ redis: { url: url(), cluster: false }, rules: RULES, rate: undefined });
    const decisions = await times(5, () => limiter.checkRequest(request('u1')));
    expect(tally(decisions)).toMatchObject({ allowed: 5, bySource: { none: 5 } });
    expect(limiter.stats().lastError).toContain('CROSSSLOT');
  });
});

describe('one shard', () => {
  let cluster: RedisCluster;
  afterEach(() => cluster.close());

  test('rules in several slots are counted, though no MOVED ever comes', async () => {
    cluster = await RedisCluster.start({ masters: 1, replicas: 0 });
    const redis = cluster.nodes[0]!.url;
    const limiter = await own(createRateLimiter({ redis, rules: RULES, timeoutMs: 5_000 }));
    const decisions = await times(50, () => limiter.checkRequest(request('u1')));
    expect(tally(decisions)).toMatchObject(counted(3, 50));
  });

  test('behind a forwarded port it is used where it stands, not where it says that it is', async () => {
    cluster = await RedisCluster.start({
      masters: 1,
      replicas: 0,
      args: ['--cluster-announce-ip', '127.0.0.9'],
    });
    const { url } = await own(Proxy.start(cluster.nodes[0]!.port));
    const limiter = await own(
      createRateLimiter({ redis: url, rate: '100/h', rules: RULES, timeoutMs: 5_000 }),
    );
    expect(tally(await times(103, () => limiter.check('a')))).toMatchObject(counted(100, 103));
    expect(tally(await times(50, () => limiter.checkRequest(request('u1'))))).toMatchObject(counted(3, 50));
    await until('the map is known', async () => (await cluster.calls())['cluster|shards'] !== undefined);
    expect(await limiter.health()).toMatchObject({
      healthy: true,
      connected: true,
      reconnects: 0,
      lastError: null,
    });
    const keys: string[] = [];
    for await (const { key } of limiter.list()) keys.push(key);
    expect(keys).toContain('a');
  });
});

test('the node behind the URL dies: its successor has its slots, and limits hold', async () => {
  const cluster = await own(RedisCluster.start());
  const [home] = (await cluster.masters()) as [RedisServer];
  const limiter = await own(createRateLimiter({ redis: home.url, rate: '3/h' }));
  const range = (await cluster.ranges()).find(({ master }) => master === home)!;
  const id = idIn((slot) => range.first <= slot && slot <= range.last, 'lost');
  await times(3, () => limiter.check(id));
  await until('replicated', async () => {
    const [, replicas] = [0, String(await home.command('INFO', 'replication'))];
    return (
      /slave0:.*lag=0/.test(replicas) && /slave0:.*offset=(\d+)[^]*master_repl_offset:\1\b/.test(replicas)
    );
  });
  await home.kill();
  await until('counted', async () => (await limiter.check(id)).source === 'redis', { withinMs: 15_000 });
  expect(tally(await times(5, () => limiter.check(id)))).toMatchObject(counted(0, 5));
  await until('healthy', async () => (await limiter.health()).healthy, { withinMs: 5_000 });
});
