import { refuseUnknown, requireObject } from '../base/validate';
import table from '../../migrations/mysql/0001_table.sql';
import { readPlace } from './names';
import { readPool } from './options';
import { statement } from './transaction';
import type { MigrateOptions, MysqlPool } from './types';

/**
 * Makes the table where it is not there. It may run at every start, in many processes at once. The user that runs it needs
 * CREATE on the database; see docs/mysql.md for what the application's needs.
 * @throws RateLimitError `ERR_INVALID_OPTION`; rejects with what the database says
 */
export async function migrate(pool: MysqlPool, options: MigrateOptions = {}): Promise<void> {
  const asked = readPool(pool);
  requireObject(options, 'The options of migrate');
  refuseUnknown(options, ['table', 'database'], '');
  const name = readPlace(options);
  // The file has the name that holds where nothing is said.
  const text = table.replace(/\bspillway_counts\b/, () => name).replace(/;\s*$/, '');
  const connection = await asked.getConnection();
  try {
    await connection.query(statement(text));
  } finally {
    connection.release();
  }
}
