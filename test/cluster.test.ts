/** A real cluster of three masters and three replicas, which changes under load. */
import { createRateLimiter, type Decision, type RateLimiter } from 'spillway';
import { idIn, RedisCluster, slotOf } from './support/cluster';
import { tally, times } from './support/ledger';
import { owner } from './support/owned';
import { type RedisServer } from './support/redis';
import { delay, inTime, timed, until } from './support/wait';

jest.setTimeout(120_000);

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await RedisCluster.start();
});
afterAll(() => cluster.close());

const own = owner();

/** Asks in so many lanes at once, without a pause, until told to stop. */
class Load {
  readonly decisions: Decision[] = [];
  slowest = 0;
  private stopped = false;
  private readonly done: Promise<unknown>;

  constructor(lanes: number, ask: (i: number) => Promise<Decision>) {
    this.done = times(lanes, async () => {
      while (!this.stopped) {
        const { value, ms } = await timed(ask(this.decisions.length));
        this.decisions.push(value);
        this.slowest = Math.max(this.slowest, ms);
      }
    });
  }

  async stop(): Promise<Decision[]> {
    this.stopped = true;
    await this.done;
    return this.decisions;
  }

  /** Until so many more were answered. */
  more(count: number): Promise<unknown> {
    const goal = this.decisions.length + count;
    return until(`${count} more`, () => this.decisions.length >= goal, { withinMs: 20_000 });
  }
}

async function idOn(master: RedisServer, name: string): Promise<string> {
  const ranges = (await cluster.ranges()).filter((range) => range.master === master);
  return idIn((slot) => ranges.some(({ first, last }) => first <= slot && slot <= last), name);
}

const others = async (master: RedisServer) => (await cluster.masters()).filter((one) => one !== master);

function expectAllByRedis(decisions: readonly Decision[]): void {
  expect(tally(decisions).bySource).toEqual({ redis: decisions.length });
}

test('every key is counted at its own master, over one connection each', async () => {
  const limiter = await own(createRateLimiter({ redis: cluster.redis, rate: '3/h', timeoutMs: 5_000 }));
  const ids = await Promise.all((await cluster.masters()).map((master) => idOn(master, 'spread')));
  const decisions = (await times(5, () => Promise.all(ids.map((id) => limiter.check(id))))).flat();
  expectAllByRedis(decisions);
  expect(tally(decisions).allowed).toBe(9);
  for (const id of ids) {
    await until('taken back', async () => (await cluster.charged(`{ratelimit:${id}}:@rate-1h`)) === 3);
  }
  for (const master of await cluster.masters()) {
    const clients = String(await master.command('CLIENT', 'LIST'));
    expect(clients.match(/name=spillway /g)).toHaveLength(1);
  }
  expect(await limiter.health()).toMatchObject({ healthy: true, connected: true, lastError: null });
});

test('a hot slot moves under load, to a master that has never seen a script: no error, and exactly N', async () => {
  const N = 4_000;
  const rate = { requests: N, windowMs: 3_600_000 };
  const hot = idIn(() => true, 'hot');
  const slot = slotOf(`ratelimit:${hot}`);
  const late = idIn((one) => one === slot, 'late');
  const limiters = await Promise.all(
    [1, 2, 3].map((i) =>
      // Another dial limit, so that each has connections of its own.
      own(
        createRateLimiter({
          redis: { ...cluster.redis, connectTimeoutMs: 5_000 + i },
          rate,
          timeoutMs: 5_000,
        }),
      ),
    ),
  );
  const [target] = await others(await cluster.masterOf(slot));
  await target!.command('SCRIPT', 'FLUSH');
  // The cheap form and the script, and in the same slot a key that comes into being on the way.
  const costs = new Map<Decision, number>();
  const load = new Load(24, async (i) => {
    const cost = i % 3 === 0 ? 2 : 1;
    const decision = await limiters[i % 3]!.check(hot, { cost });
    costs.set(decision, cost);
    return decision;
  });
  await load.more(200);
  const from = await cluster.beginMove(slot, target!);
  await load.more(200);
  const first = await times(5, (i) => limiters[i % 3]!.check(late));
  await cluster.moveKey(`{ratelimit:${hot}}:@rate-1h`, from, target!);
  await target!.command('SCRIPT', 'FLUSH');
  await load.more(200);
  const second = await times(5, (i) => limiters[i % 3]!.check(late, { cost: 2 }));
  await cluster.endMove(slot, from, target!);
  await load.more(N * 2);
  const decisions = await load.stop();
  expectAllByRedis([...decisions, ...first, ...second]);
  const admitted = decisions.filter(({ allowed }) => allowed).map((decision) => costs.get(decision)!);
  expect(admitted.reduce((sum, cost) => sum + cost, 0)).toBe(N);
  expect(await cluster.charged(`{ratelimit:${hot}}:@rate-1h`)).toBeGreaterThanOrEqual(N);
  expect(await cluster.charged(`{ratelimit:${late}}:@rate-1h`)).toBe(15);
  expect(await target!.command('EXISTS', `{ratelimit:${late}}:@rate-1h`)).toBe(1);
});

test('a plan of several rules moves with its slot', async () => {
  const plans = { P: ['100000/d', '90000/h', { rate: '80000/m', algorithm: 'token-bucket' }] } as const;
  const limiter = await own(createRateLimiter({ redis: cluster.redis, plans, timeoutMs: 5_000 }));
  const id = idIn(() => true, 'plan');
  const slot = slotOf(`ratelimit:${id}`);
  const [target] = await others(await cluster.masterOf(slot));
  const load = new Load(8, () => limiter.check(id, 'P'));
  await load.more(100);
  const from = await cluster.beginMove(slot, target!);
  await load.more(100);
  // One of its keys after the other, with checks in between.
  for (const key of (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, 10)) as string[]) {
    await cluster.moveKey(key, from, target!);
    await load.more(100);
  }
  await cluster.endMove(slot, from, target!);
  await load.more(100);
  const decisions = await load.stop();
  expectAllByRedis(decisions);
  expect(tally(decisions).allowed).toBe(decisions.length);
  expect(await cluster.charged(`ratelimit:${id}`)).toBe(decisions.length);
  expect(await cluster.charged(`{ratelimit:${id}}:@1h`)).toBe(decisions.length);
});

test('a master dies: only its slots are answered by the policy, until its replica has them', async () => {
  const limiter = await own(createRateLimiter({ redis: cluster.redis, rate: '1000000/h' }));
  const [victim, ...rest] = await cluster.masters();
  const lost = await idOn(victim!, 'lost');
  const kept = await Promise.all(rest.map((master) => idOn(master, 'kept')));
  await Promise.all([lost, ...kept].map((id) => limiter.check(id)));
  const safe = new Load(4, async (i) => {
    await delay(5);
    return limiter.check(kept[i % kept.length]!);
  });
  const hurt = new Load(4, async () => {
    await delay(5);
    return limiter.check(lost);
  });
  await victim!.kill();
  await until('noticed', () => !limiter.stats().connected, { withinMs: 1_000 });
  await hurt.more(20);
  expect((await limiter.health()).connected).toBe(false);
  const bySource = async () => (await limiter.check(lost)).source;
  await until('recovered', async () => (await bySource()) === 'redis', { withinMs: 10_000 });
  await until('healthy', async () => (await limiter.health()).healthy, { withinMs: 2_500 });
  const [safely, hurting] = [await safe.stop(), await hurt.stop()];
  expectAllByRedis(safely);
  expect(tally(hurting).bySource.none).toBeGreaterThan(0);
  expect(hurting.every(({ allowed }) => allowed)).toBe(true);
  for (const load of [safe, hurt]) expect(load.slowest).toBeLessThanOrEqual(inTime(250));
  await victim!.start();
  await cluster.settled();
});

test('a master comes and goes under load: nothing fails, and its connection goes with it', async () => {
  const limiter = await own(createRateLimiter({ redis: cluster.redis, rate: '1000000/h', timeoutMs: 5_000 }));
  const ids = Array.from({ length: 500 }, (_, i) => `scale${i}`);
  const load = new Load(16, (i) => limiter.check(ids[i % ids.length]!));
  await load.more(500);
  const added = await cluster.add();
  const [donor] = await others(added);
  await cluster.move(400, donor!, added);
  const calls = async () => (await added.calls()).incr ?? 0;
  await until('the new master counts', async () => (await calls()) > 0);
  expect(String(await added.command('CLIENT', 'LIST')).match(/name=spillway /g)).toHaveLength(1);
  await cluster.move(400, added, donor!);
  await load.more(500);
  await cluster.remove(added);
  await load.more(500);
  const decisions = await load.stop();
  expectAllByRedis(decisions);
  const books = await Promise.all(ids.map((id) => cluster.charged(`{ratelimit:${id}}:@rate-1h`)));
  expect(books.reduce((sum, count) => sum + count, 0)).toBe(decisions.length);
  const dialled = async () => {
    const { reconnects } = limiter.stats();
    // Longer than the longest pause between two dials.
    await delay(2_500);
    return limiter.stats().reconnects > reconnects;
  };
  await until('it is let go', async () => !(await dialled()), { withinMs: 15_000 });
  expect(await limiter.health()).toMatchObject({ healthy: true });
});

test('a listing reads all masters, each key once; reset removes exactly one', async () => {
  const options = { redis: cluster.redis, rate: '10/h', prefix: 'listed:', timeoutMs: 5_000 } as const;
  const limiter: RateLimiter = await own(createRateLimiter(options));
  const ids = Array.from({ length: 300 }, (_, i) => `org-${i}`);
  await Promise.all(ids.map((id) => limiter.check(id)));
  const names = async () => {
    const keys: string[] = [];
    for await (const { key } of limiter.list({ pageSize: 20 })) keys.push(key);
    return keys.sort();
  };
  expect(await names()).toEqual([...ids].sort());
  expect(await limiter.reset('org-1')).toBe(true);
  expect(await limiter.reset('org-1')).toBe(false);
  expect(await names()).toEqual(ids.filter((id) => id !== 'org-1').sort());
});
