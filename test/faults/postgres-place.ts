import { postgresStore } from 'spillway/postgres';
import { Disk } from '../support/disk';
import { FaultyWire } from '../support/faulty-wire';
import { PASSWORD, PostgresServer } from '../support/postgres';
import type { Place } from './play';

const SCHEMA = 'faults';

/** A PostgreSQL behind a wire, asked by a role that is not the test's. */
export class PostgresPlace implements Place {
  readonly store = 'postgres';
  readonly perSecond = 60;
  readonly nowhere = { kind: 'postgres', login: this.loginAt(1), schema: SCHEMA };

  private constructor(
    readonly server: PostgresServer,
    readonly wire: FaultyWire,
    readonly disk: Disk,
    /** Of the store: how far it is ahead of the server's. */
    readonly skew: (ms: number) => Promise<unknown>,
  ) {}

  static async start(): Promise<PostgresPlace> {
    const disk = new Disk();
    const server = await PostgresServer.start(disk.env);
    await server.schema(SCHEMA, { unlogged: false });
    await server.admin
      .query(`CREATE ROLE app LOGIN PASSWORD '${PASSWORD}'; GRANT USAGE ON SCHEMA ${SCHEMA} TO app;
      CREATE TABLE ${SCHEMA}.skew AS SELECT 0::bigint AS ms; GRANT SELECT ON ${SCHEMA}.skew TO app;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ${SCHEMA}.spillway_counts TO app;
      ALTER FUNCTION ${SCHEMA}.spillway_counts_now() RENAME TO true_now;
      CREATE FUNCTION ${SCHEMA}.spillway_counts_now() RETURNS bigint LANGUAGE sql VOLATILE
        AS $$ SELECT ${SCHEMA}.true_now() + ms FROM ${SCHEMA}.skew $$`);
    const skew = (ms: number) => server.admin.query(`UPDATE ${SCHEMA}.skew SET ms = $1`, [ms]);
    return new PostgresPlace(server, await FaultyWire.start(server.port), disk, skew);
  }

  get given() {
    return { kind: 'postgres', login: this.loginAt(this.wire.port), schema: SCHEMA };
  }

  direct() {
    return { store: postgresStore(this.server.pool({ max: 2 }), { schema: SCHEMA }) };
  }

  /** As the superuser; `$` is the schema. */
  run(statement: string): Promise<unknown> {
    return this.server.admin.query(statement.replaceAll('$', SCHEMA));
  }

  async close(): Promise<void> {
    await this.wire.close();
    await this.server.close();
    this.disk.close();
  }

  private loginAt(port: number) {
    return { host: '127.0.0.1', port, user: 'app', password: PASSWORD, database: 'postgres' };
  }
}
