import type { Fault } from './play';
import type { SqlitePlace } from './sqlite-place';

type SqliteFault = Fault<SqlitePlace>;

/** A breaker that is open looks again each second. */
const RECOVERS_MS = 2_500;

/** What another program does to the file, and what ends it. */
const statement = (
  name: string,
  given: string,
  usual: string,
  more: Partial<SqliteFault> = {},
): SqliteFault => ({
  name,
  recoversMs: RECOVERS_MS,
  begin(place) {
    const other = place.connect();
    other.exec(given);
    return () => {
      other.exec(usual);
      other.close();
    };
  },
  ...more,
});

/** What others do to a file of SQLite while it is counted in. */
export const SQLITE_FAULTS: readonly SqliteFault[] = [
  statement('locked', 'BEGIN IMMEDIATE', 'ROLLBACK', { away: true, says: /locked/ }),
  statement('a table that is dropped', 'DROP TABLE spillway_counts', 'SELECT 1', { forgets: 'begins' }),
];
