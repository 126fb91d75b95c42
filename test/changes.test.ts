/** `limiter.changes()`: who changed what by hand, in the store. */
import { createRateLimiter, memoryStore, type Change } from 'spillway';
import { migrate, postgresStore } from 'spillway/postgres';
import { mounted } from './support/dashboard';
import { owner } from './support/owned';
import { PostgresServer } from './support/postgres';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();

test('who changed what is kept in the store, newest first, for all processes', async () => {
  const { redis, limiter, ask, post } = await mounted(own);
  await post('/do/block', { subject: 'org-1', ms: 60_000 });
  await post('/do/reset', { subject: 'org-1' });
  const other = await own(createRateLimiter({ redis: redis.url, rate: '5/m', logger: false }));
  await other.reset('org-9', { by: 'jane' });
  // Nobody put a name to it.
  await other.reset('org-8');
  await until('it is written', async () => (await limiter.changes()).length === 3);
  const { text } = await ask('/data/changes');
  expect((JSON.parse(text) as Change[]).map(({ kind, subject, by }) => [kind, subject, by])).toEqual([
    ['reset', 'org-9', 'jane'],
    ['reset', 'org-1', 'admin:7'],
    ['block', 'org-1', 'admin:7'],
  ]);
  expect(await limiter.page({ match: '*' })).toMatchObject({ items: [] });
});

test('who changed what is written before a limiter is closed, and by many at once loses nothing', async () => {
  const redis = await own(RedisServer.start());
  const limiters = Array.from({ length: 5 }, () =>
    createRateLimiter({ redis: redis.url, rate: '5/m', logger: false }),
  );
  await Promise.all(
    limiters.flatMap((one, i) =>
      Array.from({ length: 6 }, (_, n) => one.reset(`org-${i}-${n}`, { by: `p${i}` })),
    ),
  );
  await Promise.all(limiters.map((one) => one.close()));
  const reader = await own(createRateLimiter({ redis: redis.url, rate: '5/m', logger: false }));
  const changes = await reader.changes();
  expect(new Set(changes.map(({ subject }) => subject)).size).toBe(30);
  expect(changes).toHaveLength(30);
});

test('who changed what keeps the last hundred, without values that are long', async () => {
  const redis = await own(RedisServer.start());
  const limiter = await own(createRateLimiter({ redis: redis.url, rate: '9/h', logger: false }));
  for (let i = 0; i < 130; i++) await limiter.reset(`org-${i}`, { by: 'jane' });
  const many = Array.from({ length: 20 }, (_, i) => ({
    ...{ id: `${i}`.padEnd(60, 'x'), match: `/${i}`, by: 'ip' as const, rate: '1/h' as const },
  }));
  limiter.setRules(many, { by: 'jane' });
  await until('it is written', async () => (await limiter.changes())[0]?.kind === 'rules');
  const changes = await limiter.changes();
  expect(changes).toHaveLength(100);
  expect(changes[0]).not.toHaveProperty('value');
  expect(changes[1]!.subject).toBe('org-129');
});

test('who changed what while the store is away is not told, and is written once it is back', async () => {
  const { redis, limiter } = await mounted(own);
  await limiter.check('org-1', 'FREE');
  await redis.kill();
  await until('it is seen', async () => !(await limiter.health()).healthy);
  limiter.access.deny('org-1', { by: 'jane' });
  await expect(limiter.changes()).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
  await redis.start();
  await until('it is back', async () => (await limiter.health()).healthy);
  await limiter.changes();
  const other = await own(createRateLimiter({ redis: redis.url, rate: '5/m', logger: false }));
  expect(await other.changes()).toMatchObject([{ kind: 'access', subject: 'org-1', by: 'jane' }]);
});

test('who changed what begins anew where something else is in its place', async () => {
  const { redis, limiter } = await mounted(own);
  await limiter.reset('a', { by: 'jane' });
  await limiter.changes();
  for (const key of (await redis.command('KEYS', '*changes*')) as string[]) {
    const text = String(await redis.command('GET', key));
    if (text.startsWith('[')) await redis.command('SET', key, 'no JSON');
  }
  await limiter.reset('b', { by: 'jane' });
  expect(await limiter.changes()).toMatchObject([{ subject: 'b' }]);
});

test('who changed what on PostgreSQL as on Redis, and of stores that keep counts only in this process', async () => {
  const postgres = await own(PostgresServer.start());
  await migrate(postgres.admin);
  const made = () => createRateLimiter({ store: postgresStore(postgres.pool()), rate: '5/m', logger: false });
  const [one, other] = [await own(made()), await own(made())];
  await one.reset('org-1', { by: 'jane' });
  await until('it is written', async () => (await other.changes()).length === 1);
  const limiter = await own(createRateLimiter({ store: memoryStore(), rate: '5/m', logger: false }));
  await limiter.block('org-2', 1_000, { by: 'jane' });
  expect(await limiter.changes()).toMatchObject([{ subject: 'org-2' }]);
});
