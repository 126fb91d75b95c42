/** `spillway/mysql` on a real MariaDB: what every store has to keep, and every number of the steps. */
import { mysqlStore } from 'spillway/mysql';
import { storeConformance } from 'spillway/testing';
import { clocked, MysqlServer } from './support/mysql';

let server: MysqlServer;
beforeAll(async () => {
  server = await MysqlServer.start();
}, 60_000);
afterAll(() => server.close());

let databases = 0;
storeConformance({
  name: 'on MariaDB, on a clock that is set',
  async open() {
    const database = await server.database(`clocked_${databases++}`);
    const { asked, advance } = clocked(server.pool({ connectionLimit: 4 }));
    return { store: mysqlStore(asked, { database }), advance };
  },
});
