import { mysqlStore } from 'spillway/mysql';
import { FaultyWire } from '../support/faulty-wire';
import { MysqlServer } from '../support/mysql';
import type { Place } from './play';

const DATABASE = 'faults';

/** A MariaDB behind a wire, asked by a user that is not the test's. */
export class MysqlPlace implements Place {
  readonly store = 'mysql';
  readonly perSecond = 60;

  private constructor(
    readonly server: MysqlServer,
    readonly wire: FaultyWire,
  ) {}

  static async start(): Promise<MysqlPlace> {
    const server = await MysqlServer.start();
    await server.database(DATABASE);
    return new MysqlPlace(server, await FaultyWire.start(server.port));
  }

  get given() {
    return { kind: 'mysql', login: this.loginAt(this.wire.port), database: DATABASE };
  }

  get nowhere() {
    return { kind: 'mysql', login: this.loginAt(1), database: DATABASE };
  }

  direct() {
    return { store: mysqlStore(this.server.pool({ connectionLimit: 2 }), { database: DATABASE }) };
  }

  /** As the superuser; `$` is the table. */
  run(statements: string): Promise<unknown> {
    return this.server.admin.query(statements.replaceAll('$', `${DATABASE}.spillway_counts`));
  }

  /** Ends the connections of the application. */
  async disconnect(): Promise<void> {
    await this.run(`KILL USER app@'127.0.0.1'`);
  }

  async close(): Promise<void> {
    await this.wire.close();
    await this.server.close();
  }

  private loginAt(port: number) {
    return { ...this.server.login, port, connectTimeout: 1_000 };
  }
}
