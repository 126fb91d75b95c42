import { invalidOption, shown } from '../base/errors';
import { refuseUnknown, requireObject } from '../base/validate';
import table from '../../migrations/postgres/0001_table.sql';
import clock from '../../migrations/postgres/0002_clock.sql';
import refund from '../../migrations/postgres/0003_refund.sql';
import calls from '../../migrations/postgres/0004_calls.sql';
import sweep from '../../migrations/postgres/0005_sweep.sql';
import plain from '../../migrations/postgres/0006_plain.sql';
import fleet from '../../migrations/postgres/0007_fleet.sql';
import { readPlace, type NameOf } from './names';
import { requireQueryable } from './options';
import type { MigrateOptions, Queryable } from './types';

/**
 * Makes the table and its functions, or brings them to this version. It may run at every start, in many processes at once.
 * The role that runs it needs CREATE on the schema; see docs/postgres.md for what the application's needs.
 * @throws RateLimitError `ERR_INVALID_OPTION`; rejects with what the database says
 */
export async function migrate(pool: Queryable, options: MigrateOptions = {}): Promise<void> {
  requireQueryable(pool);
  requireObject(options, 'The options of migrate');
  refuseUnknown(options, ['table', 'schema', 'unlogged'], '');
  const { unlogged } = options;
  if (unlogged !== undefined && typeof unlogged !== 'boolean') {
    throw invalidOption(`unlogged must be true or false, not ${shown(unlogged)}.`);
  }
  const nameOf = readPlace(options);
  // One message, so one transaction also behind a pooler; the lock ends with it.
  const statements = [
    "BEGIN; SELECT pg_advisory_xact_lock(hashtext('spillway'), 0)",
    named(unlogged === false ? table.replace('UNLOGGED TABLE', 'TABLE') : table, nameOf),
    // Nothing where it is so already.
    ...(unlogged === undefined ? [] : [`ALTER TABLE ${nameOf('')} SET ${unlogged ? 'UNLOGGED' : 'LOGGED'}`]),
    ...[clock, refund, calls, sweep, plain, fleet].map((text) => named(text, nameOf)),
    'COMMIT',
  ];
  await pool.query(statements.map((text) => text.replace(/;?\s*$/, ';\n')).join(''));
}

/** The files have the names that hold where nothing is said. */
function named(text: string, nameOf: NameOf): string {
  return text.replace(
    /\bspillway_counts(_v1|_plain_v1|_now|_refunded|_sweep|_texts|_sums)?\b/g,
    (_, suffix: string | undefined) => nameOf((suffix ?? '') as Parameters<NameOf>[0]),
  );
}
