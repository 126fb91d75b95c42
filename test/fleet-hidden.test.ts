/** No listing shows what a fleet keeps beside its counts, though it lies among them and rules are named alike. */
import { createRateLimiter, redisStore, sharedRules, type AnyLimiter, type StoreOption } from 'spillway';
import { RedisCluster } from './support/cluster';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
const ALGORITHMS = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const;

/** What listings of all rules that are named as parts of the fleet's keys give, once all of those are there. */
async function listedBeside(
  store: StoreOption,
  keysOfFleet: () => Promise<string[]>,
  command: (...words: string[]) => Promise<unknown>,
) {
  const shared = await own(sharedRules({ store, logger: false }));
  const teller = createRateLimiter({
    store,
    analytics: true,
    sharedRules: shared,
    rate: '9/h',
    logger: false,
  });
  await teller.check('org-1');
  await shared.setOverride('org-2', '9/h');
  await teller.close();
  // Rules, their version, an hour and a minute.
  await until('written', async () => (await keysOfFleet()).length === 4);
  const ids = (await keysOfFleet()).map((key) => key.slice('{ratelimit:%fleet}:'.length));
  // Their names alone have to hide them: what they hold is no count, but may look like one some day.
  for (const key of await keysOfFleet()) {
    await command('DEL', key);
    await command('SET', key, '3', 'PX', '3600000');
  }
  const found: string[] = [];
  for (const algorithm of ALGORITHMS) {
    const limiter: AnyLimiter = await own(
      createRateLimiter({
        ...{ store, logger: false },
        plans: { FREE: ids.map((id) => ({ id, rate: '9/h', algorithm })) },
      }),
    );
    await limiter.check(`org-${algorithm}`, 'FREE');
    for await (const { key } of limiter.list()) found.push(key);
  }
  const plain = await own(createRateLimiter({ store, rate: '9/h', logger: false }));
  for await (const { key } of plain.list()) found.push(key);
  return new Set(found);
}

const EXPECTED = new Set(['org-1', ...ALGORITHMS.map((algorithm) => `org-${algorithm}`)]);

test('on Redis', async () => {
  const server = await own(RedisServer.start());
  const keys = async () => (await server.command('KEYS', '{ratelimit:%fleet}*')) as string[];
  expect(await listedBeside(redisStore(server.url), keys, (...words) => server.command(...words))).toEqual(
    EXPECTED,
  );
});

test('on a cluster, where all of it lies at one node', async () => {
  const cluster = await own(RedisCluster.start({ replicas: 0 }));
  const found = () =>
    Promise.all(
      cluster.nodes.map(async (node) => (await node.command('KEYS', '{ratelimit:%fleet}*')) as string[]),
    );
  const keys = async () => (await found()).flat();
  const command = (name = '', key = '', ...more: string[]) => cluster.command(name, key, ...more);
  expect(await listedBeside(redisStore(cluster.redis), keys, command)).toEqual(EXPECTED);
  expect((await found()).filter((one) => one.length > 0)).toHaveLength(1);
}, 60_000);
