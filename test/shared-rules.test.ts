/** Rules of a whole fleet on a real Redis: docs/shared-rules.md. */
import { createRateLimiter, customStore, failoverStore, memoryStore, sharedRules } from 'spillway';
import type { Change, CustomStore, SharedRules } from 'spillway';
import { RedisCluster } from './support/cluster';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { follower, writer } from './support/shared-rules';
import { delay, until } from './support/wait';

const own = owner();
const VERSION = '{ratelimit:%fleet}:rules:version';
const TEXT = '{ratelimit:%fleet}:rules';

async function place() {
  const server = await own(RedisServer.start());
  const said: string[] = [];
  const logger = { warn: (text: string) => said.push(text), error: (text: string) => said.push(text) };
  const changes: Change[] = [];
  const made = async () => {
    const shared = await own(
      sharedRules({ redis: server.url, logger, onChange: (change) => changes.push(change) }),
    );
    const limiter = await own(
      createRateLimiter({
        redis: server.url,
        logger,
        plans: { FREE: '3/h', PRO: '30/h' },
        sharedRules: shared,
      }),
    );
    return { shared, limiter };
  };
  return { server, said, changes, made, ...(await made()) };
}

const refused = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

test('an override and a plan hold in this process at once, and in another within a second', async () => {
  const { shared, limiter, made, changes } = await place();
  const other = await made();
  expect((await other.limiter.check('org-1', 'FREE')).limit).toBe(3);
  await shared.setOverride('org-1', '9/h', { by: 'admin:7', from: '192.0.2.1' });
  expect((await limiter.peek('org-1', 'FREE')).limit).toBe(9);
  const seen = async () => (await other.limiter.peek('org-1', 'FREE')).limit === 9;
  expect(await until('the other has it', seen)).toBeLessThan(1_000);
  // What was counted goes on.
  expect((await other.limiter.peek('org-1', 'FREE')).remaining).toBe(8);
  await shared.setPlans({ PRO: '50/h' }, { by: 'admin:7' });
  await until('the plan', async () => (await other.limiter.peek('org-2', 'PRO')).limit === 50);
  expect((await other.limiter.peek('org-2', 'FREE')).limit).toBe(3);
  expect(await shared.removeOverride('org-1')).toBe(true);
  expect(await shared.removeOverride('org-1')).toBe(false);
  expect(await shared.removePlan('PRO')).toBe(true);
  await until('none any more', async () => (await other.limiter.peek('org-1', 'FREE')).limit === 3);
  expect((await limiter.peek('org-2', 'PRO')).limit).toBe(30);
  await until('told', () => changes.length === 4);
  expect(changes[0]).toMatchObject({
    ...{ kind: 'override', subject: 'org-1', value: '9/h', by: 'admin:7', from: '192.0.2.1', shared: true },
  });
  expect(limiter.stats().sharedRules).toMatchObject({ current: true, error: null });
});

test('four processes see a change within a second', async () => {
  const { server, shared } = await place();
  const processes = Array.from({ length: 4 }, () => follower({ redis: server.url }));
  await Promise.all(processes.map((one) => one.report(0)));
  await shared.setOverride('org-1', '9/h');
  const atMs = Date.now();
  const seen = await Promise.all(processes.map((one) => one.report(1)));
  for (const ms of seen as number[]) expect(ms - atMs).toBeLessThan(1_000);
}, 30_000);

test('changes of two writers at once are all there', async () => {
  const { server, shared } = await place();
  const writers = ['a', 'b'].map((name) => writer({ redis: server.url }, name, 100));
  await Promise.all(writers.map(async (one) => expect(await one.report(0)).toBe('done')));
  const { overrides, version } = await shared.read();
  expect(Object.keys(overrides)).toHaveLength(200);
  expect(version).toMatch(/^200-/);
}, 60_000);

test('checks cost no command more, and polls two a second', async () => {
  const { server, shared, limiter } = await place();
  const plain = await own(createRateLimiter({ redis: server.url, plans: { FREE: '900/h' } }));
  await limiter.check('warm', 'FREE');
  await shared.setOverride('org-1', '900/h');
  const callsOf = async (check: () => Promise<unknown>) => {
    await server.command('CONFIG', 'RESETSTAT');
    const startMs = performance.now();
    await check();
    for (let i = 0; i < 500; i++) await check();
    const { get = 0, ...calls } = await server.calls();
    // The last one may have been sent before.
    expect(get).toBeLessThanOrEqual((performance.now() - startMs) / 500 + 1);
    return calls;
  };
  const without = await callsOf(() => plain.check('org-0', 'FREE'));
  expect(await callsOf(() => limiter.check('org-1', 'FREE'))).toEqual(without);
});

test('the last good rules hold through an outage, which is said once, and what was set meanwhile comes afterwards', async () => {
  const { server, shared, limiter, said, made } = await place();
  await limiter.check('org-1', 'FREE');
  await shared.setOverride('org-1', '9/h');
  await server.kill();
  await until('seen to be away', () => limiter.stats().sharedRules?.current === false);
  await delay(1_200);
  expect(said.filter((text) => text.includes('Shared rules cannot be read'))).toHaveLength(1);
  expect(await refused(shared.setPlans({ FREE: '5/h' }))).toMatchObject({ code: 'ERR_UNAVAILABLE' });
  await server.start();
  await until('well again', () => limiter.stats().sharedRules?.current === true);
  expect((await limiter.peek('org-1', 'FREE')).limit).toBe(9);
  // The server came back empty: the next change writes what this process knows.
  await until('a change', async () => (await refused(shared.setPlans({ FREE: '5/h' }))) === undefined);
  const other = await made();
  await other.shared.read();
  expect((await other.limiter.peek('org-1', 'FREE')).limit).toBe(9);
  expect((await other.limiter.peek('org-2', 'FREE')).limit).toBe(5);
}, 20_000);

test.each([
  ['no JSON', '{"overrides":'],
  ['an unknown part', '{"limits":{}}'],
  ['a rate that is none', '{"overrides":{"org-1":{"override":"9/fortnight","setAt":1}}}'],
  ['a plan that there is not', '{"plans":{"GOLD":{"plan":"9/h","setAt":1}}}'],
  ['an expiry that is no time', '{"overrides":{"org-1":{"override":"9/h","setAt":1,"expiresAt":"soon"}}}'],
])('%s is refused as a whole, and the last good rules stay', async (_, text) => {
  const { server, shared, limiter, said } = await place();
  await limiter.check('org-1', 'FREE');
  await shared.setOverride('org-1', '9/h');
  await server.command('MSET', VERSION, 'broken', TEXT, text);
  await until('it was read', () => limiter.stats().sharedRules?.error !== null);
  expect((await limiter.peek('org-1', 'FREE')).limit).toBe(9);
  await delay(600);
  const told = said.filter((one) => one.includes('broken'));
  expect(told).toHaveLength(1);
  expect(told[0]).not.toContain('org-1');
});

test('overrides end when their time has come, without anybody asking the store', async () => {
  const { shared, limiter } = await place();
  await limiter.check('org-1', 'FREE');
  await shared.setOverride('org-1', '9/h', { expiresAt: Date.now() + 700 });
  expect((await limiter.peek('org-1', 'FREE')).limit).toBe(9);
  await until('ended', async () => (await limiter.peek('org-1', 'FREE')).limit === 3, { withinMs: 2_000 });
  await shared.setOverride('org-2', '9/h');
  expect(Object.keys((await shared.read()).overrides)).toEqual(['org-2']);
});

test('the documented user may do all of it, no listing shows it, and nothing asks when the limiter is closed', async () => {
  const { server } = await place();
  const rule =
    '~ratelimit:* ~{ratelimit:* ~%health:* resetchannels -@all +eval +evalsha +get +mget +set +incr +incrby +decrby +pexpire +pexpiretime +pttl +time +scan +info +client|setname';
  await server.command('ACL', 'SETUSER', 'app', 'on', '>secret', ...rule.split(' '));
  const redis = { url: server.url, username: 'app', password: 'secret' };
  const shared = await own(sharedRules({ redis }));
  const limiter = await own(
    createRateLimiter({ redis, sharedRules: shared, plans: { FREE: ['3/h', { id: 'rules', rate: '9/d' }] } }),
  );
  await limiter.check('org-1', 'FREE');
  await shared.setOverride('org-1', '9/h');
  const keys: string[] = [];
  for await (const { key } of limiter.list()) keys.push(key);
  expect(new Set(keys)).toEqual(new Set(['org-1']));
  await limiter.close();
  const connections = async () =>
    String(await server.command('CLIENT', 'LIST')).match(/name=spillway/g)?.length ?? 0;
  await until('its connection is given back', async () => (await connections()) === 0);
});

test('on a cluster all of it lies in one slot', async () => {
  const cluster = await own(RedisCluster.start({ replicas: 0 }));
  const shared = await own(sharedRules({ redis: cluster.redis }));
  const limiter = await own(
    createRateLimiter({ redis: cluster.redis, sharedRules: shared, plans: { FREE: '3/h' } }),
  );
  await limiter.check('org-1', 'FREE');
  await shared.setOverride('org-1', '9/h');
  await shared.setOverride('org-2', '9/h');
  expect((await limiter.peek('org-1', 'FREE')).limit).toBe(9);
  const found = await Promise.all(cluster.nodes.map((node) => node.command('KEYS', '*%fleet*')));
  expect(found.filter((keys) => (keys as string[]).length > 0)).toHaveLength(1);
}, 60_000);

test('values are checked before anything is written', async () => {
  const { shared, limiter } = await place();
  await limiter.check('org-1', 'FREE');
  const invalid = async (work: Promise<unknown>, message: RegExp) => {
    expect(await refused(work)).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringMatching(message),
    });
  };
  await invalid(shared.setOverride('org-1', '9/x' as never), /not a rate/);
  await invalid(shared.setOverride('org-1', '9/h', { expiresAt: 5 }), /has passed/);
  await invalid(shared.setOverride('org-1', '9/h', { by: '' }), /by must be/);
  await invalid(shared.setOverride('org-1', { rules: { nowhere: '9/h' } }), /no rule "nowhere"/);
  await invalid(shared.setPlans({ GOLD: '9/h' }), /no plan "GOLD"/);
  await invalid(shared.setPlans({}), /empty/);
  expect((await shared.read()).version).toBe('');
});

test('what keeps counts only is refused with a sentence', () => {
  const bare: CustomStore = { name: 'bare', apply: () => [], reset: () => Promise.resolve(0) };
  for (const store of [customStore(bare), failoverStore([memoryStore(), memoryStore()])]) {
    expect(() => sharedRules({ store })).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }));
  }
  expect(() => createRateLimiter({ rate: '3/h', sharedRules: {} as SharedRules })).toThrow(
    /sharedRules must be/,
  );
});
