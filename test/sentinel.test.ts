/** A master, two replicas and three sentinels, for real. */
import { inspect } from 'node:util';
import { createRateLimiter } from 'spillway';
import { Load } from './support/load';
import { tally, times } from './support/ledger';
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { SentinelSet } from './support/sentinel';
import { delay, inTime, timed, until } from './support/wait';

jest.setTimeout(60_000);
const own = owner();

test('SENTINEL FAILOVER under load: every answer in time, and the new master limits', async () => {
  const set = await own(SentinelSet.start());
  const old = await set.master();
  const limiter = await own(createRateLimiter({ redis: set.redis, rate: '50/h', timeoutMs: 250 }));
  expect((await limiter.check('k')).source).toBe('redis');
  const load = await own(new Load(() => limiter.check('k')));
  await delay(500);
  await set.sentinels[0]?.command('SENTINEL', 'FAILOVER', 'mymaster');
  await set.promoted(old);
  const master = await set.master();
  // The sentinel that leads tells so only when the other replica follows, too.
  await until(
    'connected to the new master',
    async () => /name=spillway/.test(String(await master.command('CLIENT', 'LIST'))),
    { withinMs: 5_000 },
  );
  const results = await load.stop();
  expect(Math.max(...results.map(({ ms }) => ms))).toBeLessThanOrEqual(inTime(250));
  const decisions = results.map(({ value }) => value);
  const { admittedByStore, bySource } = tally(decisions);
  // One for the check before the load; N more at most for what the replica had not heard of.
  expect(admittedByStore + 1).toBeLessThanOrEqual(100);
  expect(bySource.redis).toBeGreaterThan(bySource.none ?? 0);
  expect(await limiter.check('k')).toMatchObject({ allowed: false, reason: 'limit', source: 'redis' });
  expect(limiter.stats()).toMatchObject({ pending: 0, connected: true });
});

test('all sentinels down while the master lives: nothing happens', async () => {
  const set = await own(SentinelSet.start());
  const limiter = await own(createRateLimiter({ redis: set.redis, rate: '1000000/h' }));
  await limiter.check('k');
  const load = await own(new Load(() => limiter.check('k')));
  for (const sentinel of set.sentinels) await sentinel.kill();
  await delay(3_000);
  const decisions = (await load.stop()).map(({ value }) => value);
  expect(tally(decisions).bySource).toEqual({ redis: decisions.length });
  expect(limiter.stats().reconnects).toBe(0);

  // They come back and are heard again.
  await Promise.all(set.sentinels.map((sentinel) => sentinel.start()));
  await until('listened to', async () => {
    const clients = await Promise.all(
      set.sentinels.map((one) => one.command('CLIENT', 'LIST', 'TYPE', 'PUBSUB')),
    );
    return clients.some((text) => /name=spillway/.test(String(text)));
  });
  expect(limiter.stats().reconnects).toBe(0);
});

test('sentinels and Redis have credentials of their own; a wrong one is said, seldom tried, and shown nowhere', async () => {
  const [data, watch] = ['data-hunter2', 'watch-hunter2'];
  const set = await own(
    SentinelSet.start({
      redis: { password: data, args: ['--masterauth', data] },
      lines: [`sentinel auth-pass mymaster ${data}`],
      password: watch,
    }),
  );
  const { sentinels } = set.redis;
  const open = (password?: string, sentinelPassword?: string) =>
    own(
      createRateLimiter({
        redis: { sentinels: { ...sentinels, password: sentinelPassword ?? '' }, password: password ?? '' },
        rate: '100/h',
      }),
    );
  const right = await open(data, watch);
  expect(await right.check('k')).toMatchObject({ source: 'redis', remaining: 99 });

  const swapped = await open(watch, data);
  const none = await open(data);
  const half = await open(watch, watch);
  const start = performance.now();
  const connections = async () =>
    Number(
      /total_connections_received:(\d+)/.exec(String(await set.sentinels[0]?.command('INFO', 'stats')))?.[1],
    );
  const before = await connections();
  while (performance.now() - start < 2_000) {
    await Promise.all(
      [swapped, none, half].map(async (limiter) => {
        const { value, ms } = await timed(limiter.check('k'));
        expect(value.source).toBe('none');
        expect(ms).toBeLessThanOrEqual(inTime(250));
      }),
    );
    await delay(5);
  }
  // This test's own eye is one of them, as are the other sentinels' and the one that is half right.
  expect((await connections()) - before).toBeLessThanOrEqual(16);
  expect(swapped.stats().lastError).toMatch(/^no sentinel told the master: AUTH was refused: WRONGPASS/);
  expect(none.stats().lastError).toMatch(/^no sentinel told the master: NOAUTH/);
  expect(half.stats().lastError).toMatch(/^AUTH was refused: WRONGPASS/);
  for (const limiter of [right, swapped, none, half]) {
    const words = JSON.stringify([await limiter.health(), limiter.stats(), inspect(limiter, { depth: 8 })]);
    expect(words).not.toContain('hunter2');
  }
});

test('"name unknown" of real sentinels', async () => {
  const set = await own(SentinelSet.start());
  const redis = { sentinels: { name: 'another', nodes: set.nodes } };
  const limiter = await own(createRateLimiter({ redis, rate: '100/h' }));
  expect((await limiter.check('k')).source).toBe('none');
  expect(limiter.stats().lastError).toBe('the sentinels know no master named another');
});

test('an idle client lets its process end; a closed one leaves no connection to any of them', async () => {
  const set = await own(SentinelSet.start());
  const idle = `
    const { createRateLimiter } = require('spillway');
    createRateLimiter({ redis: given, rate: '100/h' }).check('k').then(({ source }) => report(source));`;
  expect(await reportsOf(idle, { given: set.redis })).toEqual(['redis']);

  const limiter = createRateLimiter({ redis: set.redis, rate: '100/h' });
  await times(10, () => limiter.check('k'));
  await limiter.close();
  await until('no connection is left', async () => {
    const all = [...set.sentinels, ...set.servers];
    const lists = await Promise.all(all.map((one) => one.command('CLIENT', 'LIST')));
    return !lists.some((text) => /name=spillway/.test(String(text)));
  });
});
