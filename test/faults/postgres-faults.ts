import { delay } from '../support/wait';
import { blockedLoops } from './loop-faults';
import type { Fault } from './play';
import type { PostgresPlace } from './postgres-place';
import { refused } from './refused';
import { networkFaults, repeated, wireFault } from './wire-faults';

type PostgresFault = Fault<PostgresPlace>;

const HOUR = 3_600_000;

/** What the superuser does, and what ends it; `$` is the schema. */
const statement = (
  name: string,
  given: string,
  usual: string,
  more: Partial<PostgresFault> = {},
): PostgresFault => ({
  name,
  async begin(place) {
    await place.run(given);
    return () => place.run(usual);
  },
  ...more,
});

const END_OF_APP = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'`;
/** Of the role: it holds for connections that begin later. */
const role = (
  name: string,
  given: string,
  usual: string,
  more: Partial<PostgresFault> = {},
): PostgresFault => {
  const become = async (place: PostgresPlace, change: string) => {
    // Not in one transaction: who logs in meanwhile would have what was before.
    await place.run(`ALTER ROLE app ${change}`);
    await place.run(END_OF_APP);
    // Those that were about to log in.
    await delay(100);
    await place.run(END_OF_APP);
  };
  return {
    name,
    async begin(place) {
      await become(place, given);
      return () => become(place, usual);
    },
    ...more,
  };
};

const restarted =
  (signal: NodeJS.Signals): PostgresFault['begin'] =>
  async ({ server }) => {
    await server.kill(signal);
    return () => server.start();
  };

/** What a PostgreSQL and its network do to those who ask it. */
export const POSTGRES_FAULTS: readonly PostgresFault[] = [
  {
    name: 'SIGSTOP',
    away: true,
    begin({ server }) {
      server.freeze();
      return () => server.thaw();
    },
  },
  { name: 'kill -9, and started again', away: true, begin: restarted('SIGKILL') },
  {
    name: 'shut down in order, and started again',
    away: true,
    begin: restarted('SIGINT'),
  },
  ...networkFaults<PostgresPlace>(15_000),
  wireFault('replies with something else in front', { kind: 'insert', bytes: 'HTTP/1.1 400' }),
  role('a role that may only read', 'SET default_transaction_read_only = on', 'RESET ALL', {
    away: true,
    says: /read-only/,
  }),
  role('a role without connections', 'CONNECTION LIMIT 0', 'CONNECTION LIMIT -1', {
    away: true,
    says: /too many connections/,
  }),
  role('a role that may not log in', 'NOLOGIN', 'LOGIN', { away: true, says: /refused the login/ }),
  role('a role of SERIALIZABLE', `SET default_transaction_isolation = 'serializable'`, 'RESET ALL'),
  role('a role with a statement_timeout of 5 ms', 'SET statement_timeout = 5', 'RESET ALL', {
    says: /statement_timeout/,
  }),
  statement(
    'without grants',
    'REVOKE ALL ON $.spillway_counts FROM app',
    'GRANT ALL ON $.spillway_counts TO app',
    { away: true, says: /grant SELECT, INSERT, UPDATE and DELETE/ },
  ),
  {
    name: 'functions that are missing, and migrated again',
    ...{ away: true, says: /run migrate/ },
    async begin({ server }) {
      // What an application meets that is newer than what was migrated.
      const names = await server.one<string[]>(
        `SELECT array_agg(proname::text) FROM pg_proc WHERE pronamespace = 'faults'::regnamespace AND proname ~ '_v1$'`,
      );
      const rename = (from: string, to: string) =>
        server.admin.query(
          names.map((name) => `ALTER FUNCTION faults.${name}${from} RENAME TO ${name}${to}`).join(';'),
        );
      await rename('', '_gone');
      return () => rename('_gone', '');
    },
  },
  {
    name: 'a table that is locked',
    away: true,
    async begin({ server }) {
      const holder = await server.pool({ max: 1 }).connect();
      await holder.query('BEGIN; LOCK TABLE faults.spillway_counts');
      return async () => {
        await holder.query('ROLLBACK');
        holder.release();
      };
    },
  },
  {
    // What still fits into its page is counted.
    name: 'a disk that is full: 53100',
    ...{ says: /disk of PostgreSQL is full/ },
    async begin(place) {
      // No page has room, and a report that somebody reads keeps what charges leave behind.
      await place.run('ALTER TABLE $.spillway_counts SET (fillfactor = 100)');
      await place.run('VACUUM FULL $.spillway_counts');
      const reader = await place.server.pool({ max: 1 }).connect();
      await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
      place.disk.fill(`${place.server.data}/base`);
      await refused(/No space left/, (turn) =>
        place.run(`INSERT INTO $.spillway_counts VALUES ('filler-${turn}', 'f', 9000000000000000, '{1}')`),
      );
      return async () => {
        place.disk.free();
        await reader.query('ROLLBACK');
        reader.release();
        await place.run(`DELETE FROM $.spillway_counts WHERE key LIKE 'filler-%'`);
        await place.run('ALTER TABLE $.spillway_counts SET (fillfactor = 70)');
      };
    },
  },
  {
    name: 'a disk that is full, for the log too: it ends, and is started again',
    away: true,
    async begin(place) {
      place.disk.fill(place.server.data);
      await refused(/terminat|ECONN|shutting|recovery/, () =>
        place.run('SELECT pg_switch_wal(); UPDATE $.skew SET ms = ms'),
      );
      return async () => {
        place.disk.free();
        await place.server.start();
      };
    },
  },
  statement('TRUNCATE', 'TRUNCATE $.spillway_counts', 'SELECT 1', { forgets: 'begins' }),
  repeated('connections killed every 50 ms', 50, (place) => place.run(END_OF_APP)),
  ...blockedLoops<PostgresPlace>(),
  ...[2 * HOUR, -2 * HOUR].map((ms): PostgresFault => ({
    name: `a clock that jumps by ${ms / HOUR} hours, and back`,
    forgets: 'begins and ends',
    async begin({ skew }) {
      await skew(ms);
      return () => skew(0);
    },
  })),
];
