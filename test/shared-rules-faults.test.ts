/** What becomes of the rules of a fleet when the store, or what is in it, is not as it should be: docs/shared-rules.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRateLimiter, customStore, sharedRules, type AnyLimiter } from 'spillway';
import { RedisCluster, slotOf } from './support/cluster';
import { owner } from './support/owned';
import { ROOT } from './support/process';
import { RedisServer } from './support/redis';
import { StateStore } from './support/state-store';
import { delay, until } from './support/wait';

const own = owner();
const TEXT = '{ratelimit:%fleet}:rules';
const VERSION = `${TEXT}:version`;
const SLOT = slotOf('ratelimit:%fleet');

async function fleetOf(redis: string | object, more: object = {}) {
  const said: string[] = [];
  const logger = { warn: (text: string) => said.push(text), error: (text: string) => said.push(text) };
  const options = { redis: redis as string, logger };
  const shared = await own(sharedRules(options));
  const plans = { FREE: '3/h' as const };
  const limiter: AnyLimiter = await own(
    createRateLimiter({ ...options, plans, sharedRules: shared, ...more }) as AnyLimiter,
  );
  await limiter.check('org-0', 'FREE');
  return { shared, limiter, said };
}

const limitOf = async (limiter: AnyLimiter, subject = 'org-1') => (await limiter.peek(subject, 'FREE')).limit;
const isCurrent = (limiter: AnyLimiter) => limiter.stats().sharedRules?.current;
const refused = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error as Error & { code: string },
  );

test('a server that is stopped leaves the last good rules, and changes of meanwhile come when it goes on', async () => {
  const server = await own(RedisServer.start());
  const { shared, limiter, said } = await fleetOf(server.url);
  const other = await fleetOf(server.url);
  await shared.setOverride('org-1', '9/h');
  server.freeze();
  await until('seen to be away', () => isCurrent(limiter) === false);
  expect(await refused(shared.setOverride('org-2', '9/h'))).toMatchObject({ code: 'ERR_UNAVAILABLE' });
  const { rules } = await limiter.check('org-1', 'FREE');
  expect(rules[0]?.limit).toBe(9);
  server.thaw();
  await until('well again', () => isCurrent(limiter) === true);
  expect(said.filter((text) => text.includes('Shared rules are read again'))).toHaveLength(1);
  await shared.setOverride('org-3', '9/h');
  await until('the other has it', async () => (await limitOf(other.limiter, 'org-3')) === 9);
  expect(await limitOf(other.limiter)).toBe(9);
}, 30_000);

test('a store that was empty for a while, and has its rules back, is no error any more', async () => {
  const server = await own(RedisServer.start());
  const { shared, limiter, said } = await fleetOf(server.url);
  await shared.setOverride('org-1', '9/h');
  const kept = await Promise.all([VERSION, TEXT].map((key) => server.command('GET', key)));
  await server.command('DEL', VERSION, TEXT);
  await until('missed', () => limiter.stats().sharedRules?.error !== null);
  expect(await limitOf(limiter)).toBe(9);
  await server.command('MSET', VERSION, String(kept[0]), TEXT, String(kept[1]));
  await until('found', () => limiter.stats().sharedRules?.error === null, { withinMs: 2_000 });
  expect(said.filter((text) => text.includes('no shared rules any more'))).toHaveLength(1);
});

test.each([
  ['a newer form', ['SET', TEXT, '{"form":2,"plans":{},"overrides":{}}']],
  [
    'a field of a newer form',
    ['SET', TEXT, '{"overrides":{"org-1":{"override":"7/h","setAt":1,"until":5}}}'],
  ],
  ['no object', ['SET', TEXT, '[]']],
  ['a text that is gone', ['DEL', TEXT]],
  ['a text of 2 MB', ['SET', TEXT, JSON.stringify({ overrides: {}, plans: {}, more: 'x'.repeat(2 << 20) })]],
  ['a list in place of the text', ['DEL', TEXT], ['RPUSH', TEXT, 'x']],
])(
  '%s leaves the last good rules and every check, and a change is refused with a way out',
  async (_, ...sent) => {
    const server = await own(RedisServer.start());
    const { shared, limiter, said } = await fleetOf(server.url);
    await shared.setOverride('org-1', '9/h');
    const { reconnects } = limiter.stats();
    for (const command of sent) await server.command(...command);
    await server.command('SET', VERSION, '99-broken');
    const isTold = () => said.some((text) => /cannot be read/.test(text));
    await until('said', isTold);
    await delay(1_100);
    expect(said.filter((text) => /cannot be read/.test(text))).toHaveLength(1);
    expect(await limitOf(limiter)).toBe(9);
    expect(limiter.stats().reconnects).toBe(reconnects);
    const { sharedRules: status } = limiter.stats();
    expect(status?.error !== null || !status.current).toBe(true);
    const error = await refused(shared.setPlans({ FREE: '5/h' }));
    expect(error).toMatchObject({ code: 'ERR_UNAVAILABLE' });
    expect(error!.message).toMatch(/Delete them|WRONGTYPE/);
    // That is what helps.
    await server.command('DEL', TEXT, VERSION);
    await shared.setPlans({ FREE: '5/h' });
    expect(await limitOf(limiter)).toBe(9);
    await until('current', () => isCurrent(limiter));
    expect(limiter.stats().sharedRules?.error).toBeNull();
  },
  20_000,
);

test('a process that begins beside a broken text counts by its own rules, and says so', async () => {
  const server = await own(RedisServer.start());
  await server.command('SET', VERSION, '5-abc');
  const { limiter, said } = await fleetOf(server.url);
  await until('said', () => said.length > 0);
  expect(said.join()).toMatch(/cannot be read.*gone/);
  expect(await limitOf(limiter)).toBe(3);
  expect(limiter.stats().sharedRules?.error).toMatch(/gone/);
});

test('a broken text stays an error when another limiter begins, and when an override ends', async () => {
  const server = await own(RedisServer.start());
  const { shared, limiter } = await fleetOf(server.url);
  await shared.setOverride('org-1', '9/h', { expiresAt: Date.now() + 1_000 });
  await server.command('MSET', TEXT, '{', VERSION, '9-broken');
  await until('refused', () => limiter.stats().sharedRules?.error !== null);
  const late = await own(
    createRateLimiter({ redis: server.url, plans: { FREE: '3/h' }, sharedRules: shared, logger: false }),
  );
  expect(await limitOf(late)).toBe(9);
  expect(shared.status().error).toMatch(/not JSON/);
  await until('ended', async () => (await limitOf(limiter)) === 3);
  expect(shared.status().error).toMatch(/not JSON/);
});

test('a plan that this process does not have is refused by it, and used by one that has it', async () => {
  const server = await own(RedisServer.start());
  const old = await fleetOf(server.url);
  const fresh = await fleetOf(server.url, { plans: { FREE: '3/h', GOLD: '90/h' } });
  await old.shared.setOverride('org-1', '9/h');
  await fresh.shared.setPlans({ GOLD: '99/h' });
  await until('refused there', () => old.limiter.stats().sharedRules?.error !== null);
  expect(old.limiter.stats().sharedRules?.error).toMatch(/GOLD/);
  expect(await limitOf(old.limiter)).toBe(9);
  expect((await fresh.limiter.peek('org-2', 'GOLD')).limit).toBe(99);
  // Its own changes would be refused as well, and say why; one without the plan goes on.
  expect((await refused(old.shared.setOverride('org-2', '9/h')))?.message).toMatch(/GOLD/);
  expect(await fresh.shared.removePlan('GOLD')).toBe(true);
  await until('used again', () => old.limiter.stats().sharedRules?.error === null);
});

test('what a process sets for itself stands behind what the fleet shares, and comes back when that ends', async () => {
  const server = await own(RedisServer.start());
  const overrides = { 'org-1': '5/h' };
  const { shared, limiter } = await fleetOf(server.url, { access: { deny: ['org-9'], overrides } });
  expect(await limitOf(limiter)).toBe(5);
  await shared.setOverride('org-9', '9/h');
  expect(await limiter.check('org-9', 'FREE')).toMatchObject({ allowed: false, reason: 'denied' });
  await shared.setOverride('org-1', '9/h');
  expect(await limitOf(limiter)).toBe(9);
  await shared.removeOverride('org-1');
  expect(await limitOf(limiter)).toBe(5);
  await shared.setPlans({ FREE: '7/h' });
  expect(await limitOf(limiter, 'org-2')).toBe(7);
  limiter.setPlans({ FREE: '6/h', PRO: '8/h' });
  expect(await limitOf(limiter, 'org-2')).toBe(7);
  expect((await refused(Promise.resolve().then(() => limiter.setPlans({ PRO: '8/h' }))))?.message).toMatch(
    /FREE/,
  );
  await shared.removePlan('FREE');
  expect(await limitOf(limiter, 'org-2')).toBe(6);
});

test('another prefix has other rules', async () => {
  const server = await own(RedisServer.start());
  const { shared, limiter } = await fleetOf(server.url);
  const apart = await own(sharedRules({ redis: server.url, prefix: 'other:' }));
  await apart.setOverride('org-1', '8/h');
  await shared.setOverride('org-2', '9/h');
  expect(await limitOf(limiter)).toBe(3);
  expect(Object.keys((await apart.read()).overrides)).toEqual(['org-1']);
  expect(await server.command('KEYS', '{other:%fleet}*')).toHaveLength(2);
});

test('processes that know nothing of shared rules count on in the same keys', async () => {
  const server = await own(RedisServer.start());
  const { shared, limiter } = await fleetOf(server.url);
  const old = await own(createRateLimiter({ redis: server.url, plans: { FREE: '3/h' } }));
  await shared.setOverride('org-1', '9/h');
  await limiter.check('org-1', 'FREE');
  expect(await old.check('org-1', 'FREE')).toMatchObject({ limit: 3, remaining: 1 });
  expect((await limiter.peek('org-1', 'FREE')).remaining).toBe(7);
});

describe('the users of docs/redis.md', () => {
  const page = readFileSync(join(ROOT, 'docs/redis.md'), 'utf8');
  const rules = Array.from(page.matchAll(/^ACL SETUSER \S+ (.+)$/gm), ([, words = '']) => words.split(' '));
  const [base, cluster, analytics] = rules as [string[], string[], string[]];
  const login = { username: 'teller', password: 'secret' };
  const started = async (words: string[]) => {
    const server = await own(RedisServer.start());
    await server.command('ACL', 'SETUSER', 'teller', ...words);
    return server;
  };
  const work = async (server: RedisServer, more: object = {}) => {
    const fleet = await fleetOf({ url: server.url, ...login }, { analytics: true, ...more });
    await fleet.shared.setOverride('org-1', '9/h').catch(() => undefined);
    await fleet.limiter.fleet().catch(() => undefined);
    await fleet.limiter.close();
    return fleet;
  };
  const denials = async (server: RedisServer) =>
    ((await server.command('ACL', 'LOG')) as string[][]).map((entry) => entry[entry.indexOf('object') + 1]);

  test('the first rule is enough for shared rules, and the third for analytics', async () => {
    expect(cluster).toContain('+asking');
    const server = await started([...base, ...analytics]);
    await work(server);
    await until('told', async () => ((await server.command('KEYS', '*:hour:*')) as string[]).length === 1);
    expect(await denials(server)).toEqual([]);
    expect(await server.command('GET', TEXT)).toContain('org-1');
  });

  test.each(analytics.filter((word) => word !== '+hdel'))(
    '%s is needed, and who lacks it is told',
    async (word) => {
      const server = await started([...base, ...analytics.filter((one) => one !== word)]);
      const { said } = await work(server);
      const read = await fleetOf({ url: server.url, ...login }, { analytics: true });
      const error = word === '+hgetall' ? (await refused(read.limiter.fleet()))?.message : undefined;
      const told = () => error ?? said.find((text) => text.includes('counts of the fleet'));
      await until('told', () => told() !== undefined);
      expect(told()).toMatch(/docs\/redis\.md/);
      expect(told()).toContain(word.slice(1));
      expect(told()).not.toContain('teller');
      expect(await denials(server)).toContain(word.slice(1));
    },
  );

  test('who may read no key of the fleet is told which pattern is missing', async () => {
    const server = await started(base.filter((word) => !word.startsWith('~{')));
    const { shared } = await fleetOf({ url: server.url, ...login });
    const error = await refused(shared.setOverride('org-1', '9/h'));
    expect(error).toMatchObject({ code: 'ERR_UNAVAILABLE' });
    expect(error!.message).toMatch(/NOPERM.*docs\/redis\.md/);
  });
});

describe('on a cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start({ replicas: 1 });
  }, 60_000);
  afterAll(() => cluster.close());

  test('the slot may move, and its master may be lost', async () => {
    const { shared, limiter } = await fleetOf(cluster.redis);
    const other = await fleetOf(cluster.redis);
    await shared.setOverride('org-0', '9/h');
    const from = await cluster.masterOf(SLOT);
    const to = (await cluster.masters()).find((one) => one !== from)!;
    await cluster.beginMove(SLOT, to);
    // One of the keys is there already: both are asked for in one command.
    await cluster.moveKey(VERSION, from, to);
    const half = await refused(shared.setOverride('org-1', '9/h'));
    if (half !== undefined) expect(half).toMatchObject({ code: 'ERR_UNAVAILABLE' });
    expect(await limitOf(limiter, 'org-0')).toBe(9);
    await cluster.endMove(SLOT, from, to);
    await until('changed', async () => (await refused(shared.setOverride('org-2', '9/h'))) === undefined);
    await until('seen', async () => (await limitOf(other.limiter, 'org-2')) === 9, { withinMs: 2_000 });
    expect(await limitOf(other.limiter, 'org-0')).toBe(9);
    await to.kill();
    expect(await limitOf(limiter, 'org-2')).toBe(9);
    await until(
      'a replica took over',
      async () => (await refused(shared.setOverride('org-3', '9/h'))) === undefined,
      {
        withinMs: 30_000,
        everyMs: 200,
      },
    );
    await until('seen', async () => (await limitOf(other.limiter, 'org-3')) === 9, { withinMs: 3_000 });
    expect(await limitOf(other.limiter, 'org-2')).toBe(9);
  }, 90_000);
});

test('what was read before a change of this process, and comes behind it, is not put in use', async () => {
  const texts = { version: '', text: '' };
  let held: (() => void) | undefined;
  let holds = true;
  const documents = {
    version: () => Promise.resolve(texts.version),
    read: async () => {
      const found = { ...texts };
      if (holds) {
        holds = false;
        await new Promise<void>((resolve) => (held = resolve));
      }
      return found;
    },
    compareAndSet: (_: string, from: string, to: typeof texts) => {
      if (from !== texts.version) return Promise.resolve(false);
      Object.assign(texts, to);
      return Promise.resolve(true);
    },
  };
  const store = customStore(Object.assign(new StateStore(), { documents: () => documents }) as never);
  Object.assign(texts, { version: '1-other', text: '{"plans":{},"overrides":{}}' });
  const shared = await own(sharedRules({ store, logger: false }));
  const limiter = await own(
    createRateLimiter({ store, plans: { FREE: '3/h' }, sharedRules: shared, logger: false }),
  );
  await limiter.check('org-0', 'FREE');
  await until('a poll waits for its text', () => held !== undefined);
  await shared.setOverride('org-1', '9/h');
  expect(await limitOf(limiter)).toBe(9);
  held!();
  await new Promise(setImmediate);
  expect(await limitOf(limiter)).toBe(9);
});
