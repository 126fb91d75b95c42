/** Rules of a whole fleet on a real PostgreSQL: docs/shared-rules.md. */
import { createRateLimiter, sharedRules } from 'spillway';
import { postgresStore } from 'spillway/postgres';
import { owner } from './support/owned';
import { PostgresServer } from './support/postgres';
import { until } from './support/wait';

const own = owner();
let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
}, 60_000);
afterAll(() => server.close());

test('an override is seen by others, changes of two writers are all there, and a broken set is refused', async () => {
  const schema = await server.schema('rules');
  const made = async () => {
    const store = postgresStore(server.pool(), { schema });
    const shared = await own(sharedRules({ store, logger: false }));
    return {
      shared,
      limiter: await own(
        createRateLimiter({
          store,
          sharedRules: shared,
          plans: { FREE: '3/h' },
          logger: false,
          timeoutMs: 5_000,
        }),
      ),
    };
  };
  const [one, other] = [await made(), await made()];
  await other.limiter.check('org-1', 'FREE');
  await one.shared.setOverride('org-1', '9/h', { by: 'admin:7' });
  const seen = async () => (await other.limiter.peek('org-1', 'FREE')).limit === 9;
  expect(await until('the other has it', seen)).toBeLessThan(1_000);
  const many = Array.from({ length: 100 }, (_, i) => i);
  await Promise.all(
    [one, other].flatMap(({ shared }, w) => many.map((i) => shared.setOverride(`w${w}-${i}`, '7/h'))),
  );
  const { version, overrides } = await one.shared.read();
  expect(Object.keys(overrides)).toHaveLength(201);
  expect(version).toMatch(/^201-/);
  await server.one("UPDATE rules.spillway_counts_texts SET version = 'broken', text = '{' RETURNING 1");
  await until('it was read', () => other.limiter.stats().sharedRules?.error !== null);
  expect((await other.limiter.peek('org-1', 'FREE')).limit).toBe(9);
}, 60_000);
