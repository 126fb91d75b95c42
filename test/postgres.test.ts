/** `spillway/postgres` on a real PostgreSQL: what every store has to keep, and every number of the steps. */
import type { Pool } from 'pg';
import { postgresStore } from 'spillway/postgres';
import { storeConformance } from 'spillway/testing';
import { PostgresServer, setClock } from './support/postgres';

let server: PostgresServer;
let pool: Pool;
beforeAll(async () => {
  server = await PostgresServer.start();
  pool = server.pool();
  await server.schema('own');
}, 60_000);
afterAll(() => server.close());

let schemas = 0;
storeConformance({
  name: 'on PostgreSQL, on a clock that is set',
  async open() {
    const schema = await server.schema(`clocked_${schemas++}`);
    const { advance } = await setClock(server, schema);
    return { store: postgresStore(pool, { schema }), advance };
  },
});
storeConformance({
  name: 'on PostgreSQL, on its own clock',
  open: () => postgresStore(pool, { schema: 'own' }),
});
