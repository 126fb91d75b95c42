/** Where a fleet's counts and rules lie in PostgreSQL: by which way they are found, how old ones leave, and what is missing. */
import { createRateLimiter, sharedRules, type StoreOption } from 'spillway';
import { Pool } from 'pg';
import { postgresStore } from 'spillway/postgres';
import { owner } from './support/owned';
import { explained, PostgresServer } from './support/postgres';
import { until } from './support/wait';

const own = owner();
let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
}, 60_000);
afterAll(() => server.close());

const HOUR = Math.floor(Date.now() / 3_600_000);

async function fleetOf(store: StoreOption, more: object = {}) {
  const said: string[] = [];
  const logger = { warn: (text: string) => said.push(text), error: (text: string) => said.push(text) };
  const shared = await own(sharedRules({ store, logger }));
  const limiter = await own(
    createRateLimiter({
      ...{ store, logger, sharedRules: shared, analytics: true, timeoutMs: 5_000 },
      plans: { FREE: [{ id: 'rules', rate: '3/h' }, '9/d'] },
      ...more,
    }),
  );
  return { shared, limiter, said };
}

/** A limiter that counts one check for its fleet, and has told it when the sums say so. */
async function tellOne(store: StoreOption, schema: string): Promise<void> {
  const sum = `SELECT coalesce(sum(amount), 0)::int FROM ${schema}.spillway_counts_sums WHERE field = 'ta:' AND name LIKE '%:hour:%'`;
  const before = await server.one(sum);
  const { limiter } = await fleetOf(store);
  await limiter.check('org-1', 'FREE');
  await limiter.close();
  await until('told', async () => (await server.one(sum)) === before + 1);
}

test('counts are added and read by an index among many, and what has ended leaves by another, so much at a time', async () => {
  const schema = await server.schema('big');
  const pool = server.pool({ max: 1 });
  const said = await explained(pool, 'SET auto_explain.log_analyze = on');
  const store = postgresStore(pool, { schema });
  // A week of three prefixes, and an outage's worth of what has ended.
  await server.admin.query(`INSERT INTO big.spillway_counts_sums
    SELECT 'p' || (i % 3) || ':hour:' || (${HOUR} - i % 168), 'ea:' || i, 1, 9e15 FROM generate_series(1, 300000) i`);
  await server.admin.query(`INSERT INTO big.spillway_counts_sums
    SELECT 'ratelimit:hour:' || (${HOUR} - 500 - i % 10), 'ea:' || i, 1, i FROM generate_series(1, 2500) i`);
  const ended = () => server.one('SELECT count(*)::int FROM big.spillway_counts_sums WHERE ends_at < 1e12');
  for (const analyze of [false, true]) {
    if (analyze) await server.admin.query('ANALYZE big.spillway_counts_sums');
    said.length = 0;
    await tellOne(store, schema);
    const { limiter } = await fleetOf(store);
    expect((await limiter.fleet()).admitted).toBeGreaterThan(0);
    const plans = said.filter((text) => text.includes('spillway_counts_sums')).join('\n');
    expect(plans).toContain('Insert on spillway_counts_sums');
    expect(plans).toMatch(/Index (Only )?Scan using spillway_counts_sums_pkey/);
    expect(plans).toMatch(/Index (Only )?Scan using spillway_counts_sums_ends_at/);
    expect(plans).not.toContain('Seq Scan');
  }
  expect(await ended()).toBe(500);
  await tellOne(store, schema);
  expect(await ended()).toBe(0);
  expect(
    await server.one('SELECT count(*)::int FROM big.spillway_counts_sums WHERE name LIKE $1', ['p%']),
  ).toBe(300_000);
}, 60_000);

test.each(['40001', '23505'])('counts that others were in the way of are added again: %s', async (code) => {
  const schema = await server.schema(`added_${code}`);
  const real = server.pool();
  let refused = 0;
  const query = (text: string, values?: string[]) =>
    text.includes('jsonb_to_recordset') && refused++ < 3
      ? Promise.reject(Object.assign(new Error('refused'), { code }))
      : real.query(text, values);
  await tellOne(postgresStore({ query }, { schema }), schema);
  expect(refused).toBe(4);
});

test('who closes a limiter, and then its pool, loses no count', async () => {
  const schema = await server.schema('ended');
  const pool = new Pool(server.login);
  const { limiter, shared, said } = await fleetOf(postgresStore(pool, { schema }));
  await limiter.check('org-1', 'FREE');
  await limiter.close();
  await shared.close();
  await pool.end();
  expect(
    await server.one(
      `SELECT sum(amount)::int FROM ended.spillway_counts_sums WHERE field = 'ta:' AND name LIKE '%:hour:%'`,
    ),
  ).toBe(1);
  expect(said).toEqual([]);
});

test.each(['read committed', 'repeatable read', 'serializable'])(
  'processes that tell and write at once lose nothing where transactions are %s',
  async (isolation) => {
    const schema = await server.schema(`at_${isolation.replace(' ', '_')}`);
    const options = `-c default_transaction_isolation=${isolation.replace(' ', '\\ ')}`;
    await server.admin.query(`INSERT INTO ${schema}.spillway_counts_sums
      SELECT 'ratelimit:hour:1', 'ea:' || i, 1, 1 FROM generate_series(1, 3000) i`);
    const fleet = await Promise.all(
      Array.from({ length: 4 }, () => fleetOf(postgresStore(server.pool({ options }), { schema }))),
    );
    const subjects = Array.from({ length: 50 }, (_, i) => `org-${i}`);
    await Promise.all(fleet.flatMap(({ limiter }) => subjects.map((one) => limiter.check(one, 'FREE'))));
    await Promise.all(
      fleet.flatMap(({ shared }, w) => [0, 1, 2, 3, 4].map((i) => shared.setOverride(`w${w}-${i}`, '7/h'))),
    );
    expect(Object.keys((await fleet[0]!.shared.read()).overrides)).toHaveLength(20);
    const counted = fleet.map(({ limiter }) => limiter.stats().decisions);
    const all = counted.reduce((sum, { ok, limit }) => sum + ok + limit, 0);
    await Promise.all(fleet.map(({ limiter }) => limiter.close()));
    const reader = await fleetOf(postgresStore(server.pool(), { schema }));
    const failures = () =>
      fleet.flatMap(({ said }) => said.filter((text) => /cannot be (written|read)/.test(text)));
    let told = 0;
    await until('all of it told, or why not', async () => {
      const { admitted, denied } = await reader.limiter.fleet();
      told = admitted + denied;
      return told === all || failures().length > 0;
    }).catch((error: Error) => {
      throw new Error(`${error.message}: ${told} of ${all}`);
    });
    expect(failures()).toEqual([]);
  },
  60_000,
);

test('a database that was not brought to this version counts on, and what is missing is said', async () => {
  const schema = await server.schema('old');
  await server.admin.query('DROP TABLE old.spillway_counts_texts, old.spillway_counts_sums');
  const { shared, limiter, said } = await fleetOf(postgresStore(server.pool(), { schema }));
  expect(await limiter.check('org-1', 'FREE')).toMatchObject({ allowed: true, source: 'postgres' });
  await until('said', () =>
    said.some((text) => /Shared rules cannot be read.*run migrate\(pool\)/.test(text)),
  );
  const missing = { code: 'ERR_UNAVAILABLE', message: expect.stringContaining('run migrate(pool)') };
  await expect(shared.setOverride('org-1', '9/h')).rejects.toMatchObject(missing);
  await expect(limiter.fleet()).rejects.toMatchObject(missing);
  await limiter.close();
  await until('said', () => said.some((text) => /counts of the fleet.*run migrate\(pool\)/.test(text)));
}, 30_000);

test('a role without the grants of docs/postgres.md is told which tables', async () => {
  const schema = await server.schema('bare');
  await server.admin.query(`CREATE ROLE app LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA bare TO app;
    GRANT SELECT, INSERT, UPDATE, DELETE ON bare.spillway_counts TO app`);
  const store = postgresStore(server.pool({ user: 'app', password: 'secret' }), { schema });
  const { shared, limiter } = await fleetOf(store);
  expect((await limiter.check('org-1', 'FREE')).source).toBe('postgres');
  const denied = { code: 'ERR_UNAVAILABLE', message: expect.stringMatching(/_texts.*_sums/) };
  await expect(shared.setOverride('org-1', '9/h')).rejects.toMatchObject(denied);
  await server.admin.query(
    'GRANT SELECT, INSERT, UPDATE, DELETE ON bare.spillway_counts_texts, bare.spillway_counts_sums TO app',
  );
  await shared.setOverride('org-1', '9/h');
  await tellOne(store, schema);
}, 30_000);

test('no listing shows it, in any form that a listing asks for', async () => {
  const schema = await server.schema('listed');
  const store = postgresStore(server.pool(), { schema });
  await tellOne(store, schema);
  const { shared, limiter } = await fleetOf(store);
  await shared.setOverride('org-2', '9/h');
  const keys: string[] = [];
  for await (const { key } of limiter.list()) keys.push(key);
  expect(new Set(keys)).toEqual(new Set(['org-1']));
  const kept = await server.one<string>('SELECT string_agg(key, $1) FROM listed.spillway_counts', [' ']);
  expect(kept).toContain('org-1');
  expect(kept).not.toMatch(/%fleet|hour:|org-2/);
}, 30_000);
