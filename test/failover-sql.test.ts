/** PostgreSQL, MariaDB and this process stand in for each other, through a server that is killed and one that is paused. */
import { memoryStore } from 'spillway';
import { mysqlStore } from 'spillway/mysql';
import { postgresStore } from 'spillway/postgres';
import { failoverLimiter } from './support/failover';
import { times } from './support/ledger';
import { MysqlServer } from './support/mysql';
import { owner } from './support/owned';
import { PostgresServer } from './support/postgres';
import { timed, until } from './support/wait';

const own = owner();
const LIMIT = 100;

test('each of them counts exactly while it is in use, and the first again once it is well', async () => {
  const [first, second] = [await own(PostgresServer.start()), await own(MysqlServer.start())];
  const stores = [
    postgresStore(first.pool(), { schema: await first.schema('failover') }),
    mysqlStore(second.pool(), { database: await second.database('failover') }),
    memoryStore(),
  ];
  const limiter = await own(
    failoverLimiter(stores, { timeoutMs: 1_000, probe: { intervalMs: 200, timeoutMs: 1_000 } }),
  );
  const counted = async (source: string) => {
    const inUse = async () => (await limiter.check('probing')).source === source;
    await until(`${source} counts`, inUse, { withinMs: 15_000 });
    const { value, ms } = await timed(times(150, () => limiter.check(`k-${source}`)));
    expect(new Set(value.map((one) => one.source))).toEqual(new Set([source]));
    expect(value.filter(({ allowed }) => allowed)).toHaveLength(LIMIT);
    return ms;
  };
  await counted('postgres');
  await first.kill();
  await counted('mysql');
  second.freeze();
  // What hangs is noticed by its deadline; nobody waits for longer.
  expect(await counted('memory')).toBeLessThan(1_000);
  second.thaw();
  await first.start();
  await until('the first is in use', async () => (await limiter.check('probing')).source === 'postgres', {
    withinMs: 15_000,
  });
  const [left, right] = [await limiter.peek('k-postgres'), await limiter.health()];
  expect(left).toMatchObject({ source: 'postgres' });
  expect(right).toMatchObject({
    healthy: true,
    stores: [
      { store: 'postgres', inUse: true, healthy: true },
      { store: 'mysql', inUse: false, healthy: true },
      { store: 'memory', inUse: false, healthy: true },
    ],
  });
}, 120_000);

test('without migration it is away, and says what to run', async () => {
  const server = await own(PostgresServer.start());
  await server.admin.query('CREATE SCHEMA bare');
  const limiter = await own(
    failoverLimiter([postgresStore(server.pool(), { schema: 'bare' }), memoryStore()]),
  );
  for (let i = 0; i < 10; i++) expect((await limiter.check('k')).source).toBe('memory');
  expect((await limiter.health()).stores![0]).toMatchObject({
    ...{ store: 'postgres', healthy: false, inUse: false },
    lastError: expect.stringContaining('migrate'),
  });
}, 60_000);
