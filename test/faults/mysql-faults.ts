import type { Fault } from './play';
import type { MysqlPlace } from './mysql-place';
import { refused } from './refused';
import { networkFaults, repeated } from './wire-faults';

type MysqlFault = Fault<MysqlPlace>;

/** What the superuser does, and what ends it. */
const statement = (name: string, given: string, usual: string, says: RegExp): MysqlFault => ({
  name,
  ...{ away: true, says },
  async begin(place) {
    await place.run(given);
    return () => place.run(usual);
  },
});

/** Of the user: it holds for connections that begin later. */
const user = (name: string, given: string, usual: string, says: RegExp): MysqlFault => ({
  name,
  ...{ away: true, says },
  async begin(place) {
    await place.run(given);
    await place.disconnect();
    return () => place.run(usual);
  },
});

/** What a MariaDB and its network do to those who ask it. */
export const MYSQL_FAULTS: readonly MysqlFault[] = [
  {
    name: 'SIGSTOP',
    away: true,
    begin({ server }) {
      server.freeze();
      return () => server.thaw();
    },
  },
  ...(['SIGKILL', 'SIGTERM'] as const).map((signal): MysqlFault => ({
    name: `${signal}, and started again`,
    away: true,
    // The test's servers write their log each second: a crash forgets the last.
    ...(signal === 'SIGKILL' && { forgets: 'begins' }),
    async begin({ server }) {
      await server.kill(signal);
      return () => server.start();
    },
  })),
  ...networkFaults<MysqlPlace>(6_000),
  statement('read-only', 'SET GLOBAL read_only = 1', 'SET GLOBAL read_only = 0', /read-only/),
  statement(
    'a table that is missing',
    'RENAME TABLE $ TO faults.gone',
    'RENAME TABLE faults.gone TO $',
    /run migrate/,
  ),
  statement(
    'without the right to write',
    `REVOKE INSERT, UPDATE ON $ FROM app@'127.0.0.1'`,
    `GRANT INSERT, UPDATE ON $ TO app@'127.0.0.1'`,
    /grant SELECT, INSERT, UPDATE and DELETE/,
  ),
  user(
    'a user that is locked',
    `ALTER USER app@'127.0.0.1' ACCOUNT LOCK`,
    `ALTER USER app@'127.0.0.1' ACCOUNT UNLOCK`,
    /account is locked/,
  ),
  user(
    'no connection left for the user',
    `ALTER USER app@'127.0.0.1' WITH MAX_USER_CONNECTIONS -1`,
    `ALTER USER app@'127.0.0.1' WITH MAX_USER_CONNECTIONS 0`,
    /has used up what MySQL allows it/,
  ),
  {
    name: 'a table that is locked',
    away: true,
    async begin({ server }) {
      const holder = await server.admin.getConnection();
      await holder.query('LOCK TABLES faults.spillway_counts WRITE');
      return async () => {
        await holder.query('UNLOCK TABLES');
        holder.release();
      };
    },
  },
  {
    // What still fits into its page is counted.
    name: 'a disk that is full: 1114',
    ...{ forgets: 'begins', says: /disk or the table of MySQL is full/ },
    async begin(place) {
      // What others have counted before makes pages that would all have to be filled.
      await place.run('TRUNCATE $');
      place.disk.fill(place.server.data);
      const fill = (key: string, bytes: number) =>
        refused(/is full/, (turn) =>
          place.run(
            `INSERT INTO $ VALUES ('${key}-filler-${turn}', 9000000000000, REPEAT('x', ${bytes}), NULL)`,
          ),
        );
      const keys = await place.keys();
      await fill('play', 4_000);
      // What is left of the pages that hold counts.
      for (const key of keys) await fill(key, 60);
      return async () => {
        place.disk.free();
        await place.run(`DELETE FROM $ WHERE \`key\` LIKE '%-filler-%'`);
      };
    },
  },
  {
    name: 'TRUNCATE',
    forgets: 'begins',
    async begin(place) {
      await place.run('TRUNCATE $');
      return () => {};
    },
  },
  repeated('connections killed every 50 ms', 50, (place) => place.disconnect()),
];
