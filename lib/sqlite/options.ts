import { invalidOption, shown } from '../base/errors';
import { readInteger, refuseUnknown, requireObject } from '../base/validate';
import { FileSource, lent, type Source } from './file';
import type { SqliteDatabase, SqliteStoreOptions } from './types';

export interface Settings {
  /** Statements that set what is ours to set. */
  readonly pragmas: readonly string[];
  readonly sweep: { readonly everyWrites: number; readonly rows: number } | undefined;
}

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function readSource(database: unknown): Source {
  if (typeof database === 'string' && database.trim() !== '') return new FileSource(database);
  const { prepare, exec, close } = (database ?? {}) as Partial<SqliteDatabase>;
  if ([prepare, exec, close].every((method) => typeof method === 'function')) {
    return lent(database as SqliteDatabase);
  }
  throw invalidOption(
    `sqliteStore takes the path of a file, a Database of better-sqlite3 or a DatabaseSync of node:sqlite, not ${shown(database)}.`,
  );
}

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function readSettings({ synchronous, sweep }: SqliteStoreOptions, isOurs: boolean): Settings {
  if (synchronous !== undefined && synchronous !== 'normal' && synchronous !== 'off') {
    throw invalidOption(`synchronous must be 'normal' or 'off', not ${shown(synchronous)}.`);
  }
  if (synchronous !== undefined && !isOurs) {
    throw invalidOption(
      `synchronous is for a path. Of a database that you opened, say PRAGMA synchronous = ${synchronous} yourself.`,
    );
  }
  const pragmas = isOurs
    ? ['PRAGMA journal_mode = WAL', `PRAGMA synchronous = ${synchronous ?? 'normal'}`]
    : [];
  return { pragmas, sweep: sweep === false ? undefined : readSweep(sweep ?? {}) };
}

function readSweep(given: unknown): NonNullable<Settings['sweep']> {
  requireObject(given, 'sweep');
  refuseUnknown(given, ['everyWrites', 'rows'], 'sweep.');
  const { everyWrites, rows } = given as { everyWrites?: unknown; rows?: unknown };
  return {
    everyWrites: readInteger(everyWrites, 'sweep.everyWrites', 100, 1, 1_000_000),
    rows: readInteger(rows, 'sweep.rows', 300, 1, 10_000),
  };
}
