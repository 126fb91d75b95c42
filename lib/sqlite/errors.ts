import { RateLimitError } from '../base/errors';

/** Primary result codes of SQLite, as node:sqlite has them in numbers. */
const NAMES: Readonly<Record<number, string>> = {
  ...{
    1: 'ERROR',
    5: 'BUSY',
    6: 'LOCKED',
    7: 'NOMEM',
    8: 'READONLY',
    10: 'IOERR',
    11: 'CORRUPT',
    13: 'FULL',
  },
  ...{ 14: 'CANTOPEN', 15: 'PROTOCOL', 26: 'NOTADB' },
};

/** What SQLite says, by its primary code. */
const SAID: Readonly<Record<string, string>> = {
  BUSY: 'The SQLite database was locked until the deadline had passed; nothing was charged',
  LOCKED: 'A table of the SQLite database was locked until the deadline had passed; nothing was charged',
  NOMEM: 'SQLite is out of memory',
  READONLY:
    'The SQLite database is read-only: the process needs to write the file, and to make files beside it',
  IOERR: 'The SQLite database could not be read or written (SQLITE_IOERR): look at the disk',
  CORRUPT:
    'The SQLite database is damaged: stop all processes, delete it with its -wal and -shm files, and start anew',
  FULL: 'The disk of the SQLite database is full',
  CANTOPEN: 'The SQLite database cannot be opened: its folder has to be there, and writable for the process',
  PROTOCOL: 'The SQLite database cannot be locked: it has to lie on a disk of this machine',
  NOTADB: 'The file is no SQLite database',
};

/** What the drivers and SQLite say without a code of its own. */
const BY_TEXT: readonly (readonly [RegExp, string])[] = [
  // A transaction, or a loop over rows, of whoever has the connection.
  [/within a transaction|busy executing a query/i, 'BUSY'],
  [/directory does not exist/i, 'CANTOPEN'],
];
const DROPPED = /no such (table|column)|has no column/i;
const CLOSED = /not open/i;
const UNLOADED = /bindings file|NODE_MODULE_VERSION/i;

/** `BUSY`, `FULL` and so on; empty where it is none of SQLite. */
export function codeOf(error: unknown): string {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  const byText = BY_TEXT.find(([pattern]) => pattern.test(messageOf(error)));
  if (byText !== undefined) return byText[1];
  if (typeof errcode === 'number') return NAMES[errcode & 0xff] ?? `${errcode & 0xff}`;
  return /^SQLITE_([A-Z]+)/.exec(typeof code === 'string' ? code : '')?.[1] ?? '';
}

/** Errors of a driver may come from another realm. */
export function messageOf(error: unknown): string {
  const { message } = (error ?? {}) as { message?: unknown };
  return typeof message === 'string' ? message : '';
}

/** Whether somebody else has what it needs: nothing was done, and it may be repeated. */
export const isBusy = (error: unknown): boolean => ['BUSY', 'LOCKED'].includes(codeOf(error));

/** Whether a step says that what stands in a row is no state. */
export const isOfData = (error: unknown): boolean =>
  error instanceof RateLimitError && error.code === 'ERR_INVALID_OPTION';

/** Whether the package is there and its native part is not. */
export const isUnloaded = (error: unknown): boolean =>
  UNLOADED.test(messageOf(error)) || (error as { code?: unknown } | null)?.code === 'ERR_DLOPEN_FAILED';

/** As a limiter may tell it. */
export function asOutage(error: unknown): Error {
  if (isOfData(error)) {
    return unavailable(
      'A row of the counts is no state: it was altered, or another version wrote it. Reset its key',
    );
  }
  if (error instanceof RateLimitError) return error;
  const code = codeOf(error);
  const said = SAID[code];
  if (said !== undefined) return unavailable(said);
  const message = messageOf(error);
  if (DROPPED.test(message)) {
    return unavailable('The table of the counts was dropped or altered; where it is missing it is made anew');
  }
  if (CLOSED.test(message)) return unavailable('The SQLite database was closed: close the limiter before it');
  if (isUnloaded(error)) {
    return unavailable(
      'The native part of better-sqlite3 cannot be loaded: run npm rebuild better-sqlite3, or use Node 22.13 or newer',
    );
  }
  const which = code === '' ? '' : ` (SQLITE_${code})`;
  return unavailable(`SQLite refused the call${which}`);
}

export const unavailable = (text: string): RateLimitError =>
  new RateLimitError('ERR_UNAVAILABLE', `${text}.`);

/** It was asked for too late: nothing was done. */
export const tooLate = (): RateLimitError =>
  unavailable('The SQLite database was too slow for the deadline; nothing was charged');
