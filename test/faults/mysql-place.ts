import type { RowDataPacket } from 'mysql2/promise';
import { mysqlStore } from 'spillway/mysql';
import { Disk } from '../support/disk';
import { FaultyWire } from '../support/faulty-wire';
import { MysqlServer } from '../support/mysql';
import type { Place } from './play';

const DATABASE = 'faults';
const TABLE = `${DATABASE}.spillway_counts`;

/** A MariaDB behind a wire, asked by a user that is not the test's. */
export class MysqlPlace implements Place {
  readonly store = 'mysql';
  readonly perSecond = 60;

  private constructor(
    readonly server: MysqlServer,
    readonly wire: FaultyWire,
    readonly disk: Disk,
  ) {}

  static async start(): Promise<MysqlPlace> {
    const disk = new Disk();
    const server = await MysqlServer.start(disk.env);
    await server.database(DATABASE);
    return new MysqlPlace(server, await FaultyWire.start(server.port), disk);
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
    return this.server.admin.query(statements.replaceAll('$', TABLE));
  }

  /** Of all counts. */
  async keys(): Promise<string[]> {
    const [rows] = await this.server.admin.query<RowDataPacket[]>(`SELECT \`key\` FROM ${TABLE}`);
    return rows.map((row) => String(row.key));
  }

  /** Ends the connections of the application. */
  async disconnect(): Promise<void> {
    await this.run(`KILL USER app@'127.0.0.1'`);
  }

  async close(): Promise<void> {
    await this.wire.close();
    await this.server.close();
    this.disk.close();
  }

  private loginAt(port: number) {
    return { ...this.server.login, port, connectTimeout: 1_000 };
  }
}
