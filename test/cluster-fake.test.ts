/** Clusters that say what real ones say rarely. */
import { createRateLimiter } from 'spillway';
import { idIn, SLOTS, slotOf } from './support/cluster';
import type { FakeOptions } from './support/fake-commands';
import { FakeRedis, type Answer } from './support/fake-redis';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { freePort } from './support/ports';
import { array, bulk, error, integer, nil } from './support/resp';
import { inTime, timed, until } from './support/wait';

const own = owner();
const TIMEOUT_MS = 250;

/** One range of slots of each node, told in this form; the host is what a test wants it to be. */
const shards = (host: string, nodes: FakeRedis[]) =>
  array(
    ...nodes.map(({ port }, i) => {
      const bounds = array(...boundsOf(i, nodes.length).map(integer));
      const node = [bulk('port'), integer(port), bulk('endpoint'), host, bulk('role'), bulk('master')];
      return array(bulk('slots'), bounds, bulk('nodes'), array(array(...node)));
    }),
  );
const slots = (host: string, nodes: FakeRedis[]) =>
  array(
    ...nodes.map(({ port }, i) =>
      array(...boundsOf(i, nodes.length).map(integer), array(host, integer(port), bulk(`id${i}`))),
    ),
  );
const boundsOf = (i: number, count: number) => [
  Math.floor((SLOTS * i) / count),
  Math.floor((SLOTS * (i + 1)) / count) - 1,
];

/** Fakes that share the slots; `hook` has the first word on every command but CLUSTER. */
async function fakes(count: number, options: FakeOptions = {}, host = bulk('127.0.0.1')) {
  const nodes: FakeRedis[] = [];
  const hooks: ((command: string[]) => Answer)[] = [];
  for (let i = 0; i < count; i++) {
    const node = await own(FakeRedis.start(options));
    nodes.push(node);
    hooks.push(() => undefined);
    node.hook = (command, peer) => {
      if (command[0] !== 'CLUSTER' || !peer.authenticated) return hooks[i]!(command);
      if (command[1] === 'SLOTS') return slots(host, nodes);
      return options.version?.startsWith('6') === true
        ? error("ERR Unknown subcommand or wrong number of arguments for 'SHARDS'. Try CLUSTER HELP.")
        : shards(host, nodes);
    };
  }
  return { nodes, hooks };
}

const at = ({ port }: { port: number }) => ({ host: '127.0.0.1', port });
const idOf = (i: number, count: number) => {
  const [first = 0, last = 0] = boundsOf(i, count);
  return idIn((slot) => first <= slot && slot <= last);
};
const open = (seeds: { port: number }[], more: object = {}) =>
  own(createRateLimiter({ redis: { cluster: seeds.map(at), ...more }, rate: '5/m', timeoutMs: TIMEOUT_MS }));

test.each([
  ['CLUSTER SHARDS without a host', nil, '7.0.15'],
  ['CLUSTER SHARDS with an empty host', bulk(''), '7.0.15'],
  ['CLUSTER SHARDS with an unknown host', bulk('?'), '7.2.0'],
  ['CLUSTER SLOTS without a host', nil, '6.2.7'],
])('%s means the host that answered', async (_, host, version) => {
  const { nodes, hooks } = await fakes(2, { version }, host);
  // The fakes run no scripts, which an old server is asked for.
  for (const i of [0, 1]) {
    hooks[i] = ([name = '']) =>
      name === 'EVALSHA' ? array(integer(1), integer(1), integer(60_000), integer(Date.now())) : undefined;
  }
  const limiter = await open([nodes[0]!]);
  for (const i of [0, 1])
    expect(await limiter.check(idOf(i, 2))).toMatchObject({ source: 'redis', remaining: 4 });
  expect(nodes.map(({ accepted }) => accepted.length)).toEqual([1, 1]);
});

test('MOVED in a circle ends after five hops, by the policy and in time', async () => {
  const { nodes, hooks } = await fakes(2);
  const id = idOf(0, 2);
  const moved = (to: number) => (command: string[]) =>
    command[1] === `{ratelimit:${id}}:@rate-1m`
      ? error(`MOVED ${slotOf(`ratelimit:${id}`)} :${nodes[to]!.port}`)
      : undefined;
  hooks[0] = moved(1);
  hooks[1] = moved(0);
  const limiter = await open(nodes);
  await limiter.check(idOf(1, 2));
  const { value, ms } = await timed(limiter.check(id));
  expect(value.source).toBe('none');
  expect(ms).toBeLessThanOrEqual(inTime(TIMEOUT_MS));
  const asked = nodes
    .flatMap((node) => node.received('INCR'))
    .filter(([, key]) => key === `{ratelimit:${id}}:@rate-1m`);
  expect(asked).toHaveLength(6);
  expect(limiter.stats().lastError).toContain('MOVED');
  expect((await limiter.check(idOf(1, 2))).source).toBe('redis');
});

test('ASK to a black hole costs the deadline, and only where it points', async () => {
  const { nodes, hooks } = await fakes(2);
  const hole = await own(FakeRedis.start());
  hole.onAccept = 'silent';
  const id = idOf(0, 2);
  hooks[0] = (command) =>
    command[1] === `{ratelimit:${id}}:@rate-1m`
      ? error(`ASK ${slotOf(`ratelimit:${id}`)} 127.0.0.1:${hole.port}`)
      : undefined;
  const limiter = await open(nodes);
  const results = await times(10, () => timed(limiter.check(id)));
  for (const { value, ms } of results) {
    expect(value.source).toBe('none');
    expect(ms).toBeLessThanOrEqual(inTime(TIMEOUT_MS));
  }
  expect((await limiter.check(idOf(1, 2))).source).toBe('redis');
  expect(limiter.stats()).toMatchObject({ pending: 0, connected: true });
});

test('a host that cannot be reached is passed over, as a seed and as a master', async () => {
  const { nodes } = await fakes(2);
  const limiter = await open([{ port: await freePort() }, nodes[1]!]);
  expect((await limiter.check(idOf(0, 2))).source).toBe('redis');
  await nodes[0]!.close();
  await until('noticed', () => !limiter.stats().connected);
  expect(await limiter.health()).toMatchObject({ healthy: false, connected: false });
  expect((await limiter.check(idOf(0, 2))).source).toBe('none');
  expect((await limiter.check(idOf(1, 2))).source).toBe('redis');
});

test('the login is made with every node, and shows in no text', async () => {
  const password = 'hunter2-of-the-cluster';
  const { nodes } = await fakes(3, { password });
  const limiter = await open([nodes[0]!], { password });
  for (const i of [0, 1, 2]) expect((await limiter.check(idOf(i, 3))).source).toBe('redis');
  const wrong = await open([nodes[1]!], { password: `${password}-not` });
  expect((await wrong.check('k')).source).toBe('none');
  const health = await wrong.health();
  expect(health.healthy).toBe(false);
  expect(health.lastError).toContain('AUTH');
  expect(JSON.stringify(health)).not.toContain('hunter2');
});

test('a server that is no cluster is said to be none', async () => {
  const server = await own(FakeRedis.start());
  server.hook = ([name]) =>
    name === 'CLUSTER' ? error('ERR This instance has cluster support disabled') : undefined;
  const limiter = await open([server]);
  expect((await limiter.check('k')).source).toBe('none');
  expect(limiter.stats()).toMatchObject({
    connected: false,
    lastError: expect.stringContaining('cluster support'),
  });
});
