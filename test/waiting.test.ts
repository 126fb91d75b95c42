/** How many calls may wait, what becomes of one more, and how those are counted that waited too long. */
import { createRateLimiter } from 'spillway';
import { FakeRedis } from './support/fake-redis';
import { tally, times } from './support/ledger';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
const MOST = 65_536;

/** A server that reads and keeps every answer back. */
async function open(timeoutMs: number) {
  const fake = await own(FakeRedis.start());
  const options = { redis: fake.url, rate: '1000000/h', failureMode: 'closed', timeoutMs } as const;
  const limiter = await own(createRateLimiter(options));
  await limiter.check('warm');
  fake.pause();
  return { fake, limiter };
}

test('65,536 calls wait; one more is answered at once by the policy, and nothing is sent for it', async () => {
  const { fake, limiter } = await open(60_000);
  const waiting = times(MOST - 1, () => limiter.check('k'));
  const last = limiter.check('last');
  expect(limiter.stats().pending).toBe(MOST);
  const beyond = await Promise.all([
    limiter.check('beyond'),
    limiter.peek('beyond'),
    limiter.penalize('beyond'),
  ]);
  for (const decision of beyond) expect(decision).toMatchObject({ allowed: false, source: 'none' });
  for (const act of [limiter.block('beyond', 1_000), limiter.reset('beyond')]) {
    await expect(act).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
  }
  expect(limiter.stats()).toMatchObject({ pending: MOST, timeouts: 0 });
  fake.resume();
  expect(await last).toMatchObject({ allowed: true, source: 'redis' });
  expect(tally(await waiting)).toMatchObject({ admittedByStore: MOST - 1, bySource: { redis: MOST - 1 } });
  expect(limiter.stats().pending).toBe(0);
  // There is room again.
  expect(await limiter.check('after')).toMatchObject({ allowed: true, source: 'redis' });
  expect(fake.log.filter(({ command }) => command.some((word) => word.includes('beyond')))).toEqual([]);
});

test('so many different ones, too', async () => {
  const server = await own(RedisServer.start());
  const options = { redis: server.url, rate: '5/h', failureMode: 'closed', timeoutMs: 60_000 } as const;
  const limiter = await own(createRateLimiter(options));
  await limiter.check('warm');
  server.freeze();
  const waiting = times(MOST, (i) => limiter.check(`k${i}`));
  expect(await limiter.check('beyond')).toMatchObject({ allowed: false, source: 'none' });
  server.thaw();
  expect(tally(await waiting)).toMatchObject({ admittedByStore: MOST });
  expect(await server.command('DBSIZE')).toBe(MOST + 1);
});

test('stats count every call that its deadline ended, and no other', async () => {
  const { fake, limiter } = await open(100);
  const late = [
    ...Array.from({ length: 5 }, () => limiter.check('same')),
    ...Array.from({ length: 4 }, (_, i) => limiter.check(`k${i}`)),
    limiter.check('dear', { cost: 3 }),
    limiter.peek('same'),
  ];
  const rejected = limiter.reset('same').catch((reason: unknown) => reason);
  for (const decision of await Promise.all(late)) expect(decision).toMatchObject({ source: 'none' });
  expect(await rejected).toMatchObject({ code: 'ERR_UNAVAILABLE' });
  expect(limiter.stats()).toMatchObject({ timeouts: 12, pending: 0, reconnects: 0 });
  // Their answers, late, change nothing.
  fake.resume();
  await until('counted', async () => (await limiter.check('after')).source === 'redis');
  const { timeouts } = limiter.stats();
  for (const { socket } of fake.peers) socket.resetAndDestroy();
  await until('noticed', () => limiter.stats().reconnects > 0);
  await until('counted again', async () => (await limiter.check('after')).source === 'redis');
  expect(limiter.stats().timeouts).toBe(timeouts);
});
