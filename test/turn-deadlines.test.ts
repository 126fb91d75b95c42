/** A check's deadline begins when the event loop comes round to it: what else its turn does is not its time. */
import { createRateLimiter, customStore, type Outcome, type StoreOption } from 'spillway';
import { mysqlStore } from 'spillway/mysql';
import { postgresStore } from 'spillway/postgres';
import { casStore } from 'spillway/store';
import { MysqlServer } from './support/mysql';
import { owner } from './support/owned';
import { PostgresServer } from './support/postgres';
import { RacingMap } from './support/racing-map';
import { blockLoop, delay } from './support/wait';

const own = owner();
const FINE: Outcome = {
  ...{ allowed: true, remaining: 4, resetInMs: 900 },
  ...{ retryAfterMs: 0, used: 1, blocked: false },
};
const stores: { readonly [name: string]: () => StoreOption | Promise<StoreOption> } = {
  own: () =>
    customStore({ name: 'own', apply: () => delay(5).then(() => [FINE]), reset: () => Promise.resolve(0) }),
  map: () => casStore(Object.assign(new RacingMap(1), { name: 'map' })),
  async postgres() {
    const server = await own(PostgresServer.start());
    return postgresStore(server.pool(), { schema: await server.schema('turn') });
  },
  async mysql() {
    const server = await own(MysqlServer.start());
    return mysqlStore(server.pool(), { database: await server.database('turn') });
  },
};

test.each(Object.keys(stores))(
  '%s: a turn that goes on for longer than the deadline',
  async (name) => {
    const store = await stores[name]!();
    const limiter = await own(createRateLimiter({ store, rate: '9/h', timeoutMs: 250, logger: false }));
    const first = limiter.check('k');
    blockLoop(400);
    const second = limiter.check('k');
    expect([(await first).source, (await second).source]).toEqual([name, name]);
    // One that waits behind others begins no sooner, and ends by its own time.
    const many = Array.from({ length: 20 }, (_, i) => limiter.check(`k${i}`));
    blockLoop(400);
    expect(new Set((await Promise.all(many)).map(({ source }) => source))).toEqual(new Set([name]));
  },
  60_000,
);
