/** What is said and done where a cluster behind a URL cannot be used as it stands. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRateLimiter } from 'spillway';
import { Authority } from './support/certificates';
import { idIn, RedisCluster, SLOTS, slotOf, startNode } from './support/cluster';
import { tally, times } from './support/ledger';
import { owner } from './support/owned';
import { freePort } from './support/ports';
import { ROOT } from './support/process';
import type { RedisServer } from './support/redis';
import { until } from './support/wait';

jest.setTimeout(60_000);

const own = owner();
const open = (redis: unknown, more: object = {}) =>
  own(createRateLimiter({ redis: redis as string, rate: '3/h', timeoutMs: 1_000, ...more }));
const counted = (allowed: number, count: number) => ({ allowed, bySource: { redis: count } });

/** The rules in docs/redis.md: for a server, and what a cluster needs beside that. */
const rules = readFileSync(join(ROOT, 'docs/redis.md'), 'utf8').matchAll(/^ACL SETUSER (\S+) (.+)$/gm);
const [[user = '', suffices = []] = [], [, onClusters = []] = []] = [...rules].map(
  ([, name = '', rule = '']) => [name, rule.split(' ')] as const,
);

/** An id of each of the cluster's masters. */
async function idOfEach(cluster: RedisCluster): Promise<{ id: string; master: RedisServer }[]> {
  const ranges = await cluster.ranges();
  return ranges.map(({ first, last, master }, i) => ({
    id: idIn((slot) => first <= slot && slot <= last, `of${i}-`),
    master,
  }));
}

describe('three masters', () => {
  let cluster: RedisCluster;
  beforeEach(async () => {
    cluster = await RedisCluster.start({ replicas: 0 });
  });
  afterEach(() => cluster.close());

  test('a node that announces where nobody listens is named, and only its slots are not counted', async () => {
    const each = await idOfEach(cluster);
    const [home, hidden] = each.map(({ master }) => master);
    const wrong = await freePort();
    // The home too: what it announces does not matter.
    for (const [node, port] of [
      [home!, await freePort()],
      [hidden!, wrong],
    ] as const) {
      await node.command('CONFIG', 'SET', 'cluster-announce-port', port);
      for (const { master } of each.filter((other) => other.master !== node))
        await until('announced', async () =>
          String(await master.command('CLUSTER', 'NODES')).includes(`:${port}@`),
        );
    }
    const limiter = await open(home!.url);
    for (const [i, source] of (['redis', 'none', 'redis'] as const).entries())
      expect(await limiter.check(each[i]!.id)).toMatchObject({ source });
    expect(await limiter.health()).toMatchObject({ healthy: false, connected: false });
    expect(limiter.stats().lastError).toMatch(new RegExp(`^127\\.0\\.0\\.1:${wrong}: `));
  });

  test('a slot that nobody has is the only one without an answer, where the cluster goes on', async () => {
    const each = await idOfEach(cluster);
    const slot = slotOf(`ratelimit:${each[1]!.id}`);
    for (const { master } of each) await master.command('CLUSTER', 'DELSLOTS', slot);
    const limiter = await open(each[0]!.master.url);
    const other = idIn((one) => one !== slot && one % 3 === 0, 'other');
    expect(tally(await times(5, () => limiter.check(other)))).toMatchObject(counted(3, 5));
    for (const { id } of [each[0]!, each[2]!])
      expect(tally(await times(5, () => limiter.check(id)))).toMatchObject(counted(3, 5));
    expect(await limiter.check(each[1]!.id)).toMatchObject({ source: 'none' });
    expect(limiter.stats()).toMatchObject({ connected: false });
    // Somebody takes it.
    for (const { master } of each)
      await master.command(
        'CLUSTER',
        'SETSLOT',
        slot,
        'NODE',
        String(await each[2]!.master.command('CLUSTER', 'MYID')),
      );
    await until('counted again', async () => (await limiter.check(each[1]!.id)).source === 'redis');
    await until('healthy', async () => (await limiter.health()).healthy);
  });

  test('where full coverage is required, one slot without a node stops all of them until it has one', async () => {
    const each = await idOfEach(cluster);
    const slot = slotOf(`ratelimit:${each[1]!.id}`);
    for (const { master } of each) {
      await master.command('CONFIG', 'SET', 'cluster-require-full-coverage', 'yes');
      await master.command('CLUSTER', 'DELSLOTS', slot);
    }
    const fails = async () =>
      String(await each[0]!.master.command('CLUSTER', 'INFO')).includes('cluster_state:fail');
    await until('down', fails);
    const limiter = await open(each[0]!.master.url);
    expect(await limiter.check(each[0]!.id)).toMatchObject({ source: 'none' });
    expect(limiter.stats().lastError).toMatch(/CLUSTERDOWN|slots of the cluster have no node/);
    for (const { master } of each)
      await master.command(
        'CLUSTER',
        'SETSLOT',
        slot,
        'NODE',
        String(await each[2]!.master.command('CLUSTER', 'MYID')),
      );
    for (const { id } of each)
      await until('counted again', async () => (await limiter.check(id)).source === 'redis', {
        withinMs: 10_000,
      });
  });

  test('a user that may not ask about the cluster is counted by redirections, and told what is missing', async () => {
    const each = await idOfEach(cluster);
    for (const { master } of each) await master.command('ACL', 'SETUSER', user, ...suffices);
    const limiter = await open({ url: each[0]!.master.url, username: user, password: 'secret' });
    for (const { id } of each)
      expect(tally(await times(5, () => limiter.check(id)))).toMatchObject(counted(3, 5));
    expect(await limiter.health()).toMatchObject({ healthy: true });
    expect(limiter.stats().lastError).toMatch(/NOPERM.*\+cluster\|myid \+cluster\|shards \+cluster\|slots/);
    expect(limiter.stats().lastError).not.toContain(user);
    await expect(limiter.list().next()).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
  });

  test('the rules in docs/redis.md suffice for a cluster', async () => {
    const each = await idOfEach(cluster);
    for (const { master } of each) await master.command('ACL', 'SETUSER', user, ...suffices, ...onClusters);
    const limiter = await open({ url: each[0]!.master.url, username: user, password: 'secret' });
    for (const { id } of each) await limiter.check(id);
    const keys: string[] = [];
    for await (const { key } of limiter.list()) keys.push(key);
    expect(keys.sort()).toEqual(each.map(({ id }) => id).sort());
    expect(await limiter.health()).toMatchObject({ healthy: true, lastError: null });
    for (const { master } of each) expect(await master.command('ACL', 'LOG')).toEqual([]);
  });

  test('a database number is refused by a sentence', async () => {
    const limiter = await open(`${cluster.nodes[0]!.url}/2`);
    expect(await limiter.check('a')).toMatchObject({ source: 'none' });
    expect(limiter.stats().lastError).toBe(
      'SELECT was refused: a Redis Cluster has database 0 only; leave the database number out',
    );
  });
});

test('through a unix socket: the other nodes by what they announce', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-socket-'));
  try {
    const socket = join(folder, 'redis.sock');
    // The last one to listen there has it.
    const cluster = await own(RedisCluster.start({ replicas: 0, args: ['--unixsocket', socket] }));
    const limiter = await open(`redis+unix://${socket}`);
    for (const { id } of await idOfEach(cluster))
      expect(tally(await times(5, () => limiter.check(id)))).toMatchObject(counted(3, 5));
    const keys: string[] = [];
    for await (const { key } of limiter.list()) keys.push(key);
    expect(keys).toHaveLength(3);
    expect(await limiter.health()).toMatchObject({ healthy: true, lastError: null });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('over TLS: every node by its port for that', async () => {
  const authority = await own(new Authority());
  const { certFile, keyFile } = authority.issue('node');
  const files = [
    '--tls-cert-file',
    certFile,
    '--tls-key-file',
    keyFile,
    '--tls-ca-cert-file',
    authority.root.certFile,
  ];
  const start = async () => {
    const port = await freePort();
    const args = ['--tls-port', `${port}`, ...files, '--tls-auth-clients', 'no', '--tls-cluster', 'yes'];
    return { port, node: await own(startNode(args)) };
  };
  const [one, two] = [await start(), await start()];
  const bus = Number(((await two.node.command('CONFIG', 'GET', 'cluster-port')) as string[])[1]);
  await one.node.command('CLUSTER', 'ADDSLOTSRANGE', 0, 8_191);
  await two.node.command('CLUSTER', 'ADDSLOTSRANGE', 8_192, SLOTS - 1);
  await one.node.command('CLUSTER', 'MEET', '127.0.0.1', two.port, bus);
  const knows = async ({ node }: typeof one) => {
    const info = String(await node.command('CLUSTER', 'INFO'));
    return info.includes('cluster_state:ok') && info.includes(`cluster_slots_assigned:${SLOTS}`);
  };
  for (const each of [one, two]) await until('met', () => knows(each), { withinMs: 20_000 });
  const redis = { url: `rediss://localhost:${one.port}`, tls: { ca: authority.root.cert } };
  const limiter = await open(redis);
  for (const half of [0, 1]) {
    const id = idIn((slot) => Math.floor(slot / 8_192) === half, 'tls');
    expect(tally(await times(5, () => limiter.check(id)))).toMatchObject(counted(3, 5));
  }
  expect(await limiter.health()).toMatchObject({ healthy: true, lastError: null });
});
