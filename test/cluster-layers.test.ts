/** Rules whose keys lie in several slots of a cluster: all or nothing, through units that are given back. */
import { createRateLimiter } from 'spillway';
import { idIn, RedisCluster } from './support/cluster';
import { admitted, booksOf, LEDGERS, MIXED, playLedger, SEEDS, standing } from './support/layers-ledger';
import { times } from './support/ledger';
import { owner } from './support/owned';
import type { RedisServer } from './support/redis';
import { inTime, timed, until } from './support/wait';

jest.setTimeout(60_000);

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await RedisCluster.start({ replicas: 0 });
});
afterAll(() => cluster.close());

const own = owner();
const ask = (name: string, key: string) => cluster.command(name, key);
const standsAt = (key: string, due: number) =>
  until(`${key} holds ${due}`, async () => (await standing(ask, key)) === due);

/** A subject for a rule by user whose counter lies at this master. */
async function userOn(master: RedisServer, name: string, prefix = 'ratelimit:user:'): Promise<string> {
  const ranges = (await cluster.ranges()).filter((range) => range.master === master);
  return idIn((slot) => ranges.some(({ first, last }) => first <= slot && slot <= last), name, prefix);
}

test.each(LEDGERS)(
  `a denial moved no counter of any rule: %s (seeds ${SEEDS.join(', ')})`,
  async (_, limiter, ofAddress, ofPerson, hourly) => {
    await Promise.all((await cluster.masters()).map((master) => master.command('FLUSHALL')));
    const seen = await playLedger(cluster.redis, limiter, hourly, () => Promise.resolve());
    for (const [key, due] of booksOf(seen, ofAddress, ofPerson)) await standsAt(key, due);
    for (const org of ['org0', 'org1']) {
      const due = admitted(seen, (one) => one.organization === org);
      const left = await standing(ask, `{ratelimit:${org}}:@${hourly}`);
      expect(left).toBeLessThanOrEqual(due);
      expect(left).toBeGreaterThanOrEqual(limiter === MIXED ? due - 2 : due);
    }
    expect(await standing(ask, '{ratelimit:global:tried}:tried')).toBeLessThanOrEqual(100);
  },
);

test('waiting checks that are joined share what fits; each operation reaches all slots', async () => {
  const [here, there] = await cluster.masters();
  const user = await userOn(here!, 'joined');
  const ip = '192.0.2.77';
  const options = {
    redis: cluster.redis,
    rules: [
      { id: 'person', by: 'user', rate: '9/h' },
      { id: 'address', by: 'ip', rate: '5/h', algorithm: 'sliding-log' },
      { id: 'watched', by: 'user', rate: '3/h', algorithm: 'token-bucket', shadow: true },
    ],
    timeoutMs: 5_000,
  } as const;
  const limiter = await own(createRateLimiter(options));
  const request = { method: 'GET', path: '/', user, ip };
  const keys = [
    `{ratelimit:user:${user}}:person`,
    `{ratelimit:ip:${ip}}:address@sliding-log`,
    `{ratelimit:user:${user}}:watched@token-bucket`,
  ] as const;
  expect(there).toBeDefined();
  await limiter.peekRequest(request);
  const decisions = await times(8, () => limiter.checkRequest(request));
  expect(decisions.map(({ allowed }) => allowed)).toEqual([
    true,
    true,
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
  expect(decisions.map(({ rules }) => rules[0]!.remaining)).toEqual([8, 7, 6, 5, 4, 4, 4, 4]);
  expect(decisions.map(({ rules }) => rules[1]!.remaining)).toEqual([4, 3, 2, 1, 0, 0, 0, 0]);
  await standsAt(keys[0], 5);
  await standsAt(keys[1], 5);
  await standsAt(keys[2], 3);
  expect(await limiter.refund(decisions[0]!)).toBe(true);
  await standsAt(keys[0], 4);
  await standsAt(keys[1], 4);
  expect((await limiter.peekRequest(request)).rules.map(({ remaining }) => remaining)).toEqual([5, 1, 1]);
});

test('a part that cannot be answered: the policy answers in time, and what the others charged comes back', async () => {
  const [alive, dead] = await cluster.masters();
  const options = {
    redis: cluster.redis,
    plans: { P: '1000/h' },
    rules: [{ id: 'person', by: 'user', rate: '1000/h' }],
    failureMode: 'closed',
    timeoutMs: 250,
  } as const;
  const limiter = await own(createRateLimiter(options));
  const user = await userOn(alive!, 'paired');
  const organization = await userOn(dead!, 'frozen', 'ratelimit:');
  const request = { method: 'GET', path: '/', user, organization, plan: 'P' as const };
  expect(await limiter.checkRequest(request)).toMatchObject({ allowed: true, source: 'redis' });
  dead!.freeze();
  const { value, ms } = await timed(limiter.checkRequest(request));
  expect(value).toMatchObject({ allowed: false, source: 'none' });
  expect(ms).toBeLessThanOrEqual(inTime(250));
  await standsAt(`{ratelimit:user:${user}}:person`, 1);
  await until('unhealthy', async () => !(await limiter.health()).healthy, { withinMs: 1_000 });
  dead!.thaw();
  await until('back', async () => (await limiter.checkRequest(request)).source === 'redis');
  // What the frozen master charged when it woke up has come back, too.
  const admittedNow = async () => Number(await cluster.charged(`{ratelimit:user:${user}}:person`));
  await until(
    'both agree',
    async () => (await cluster.charged(`ratelimit:${organization}`)) === (await admittedNow()),
  );
});
