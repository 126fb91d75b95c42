import { RateLimitError } from '../base/errors';

const MISSING = 'The table of the counts is missing: run migrate(pool) with the same table and database';
const GRANTS = 'The user may not use the table of the counts: grant SELECT, INSERT, UPDATE and DELETE on it';
const READ_ONLY = 'MySQL is read-only here: it is a replica, or read_only is on';
const FULL = 'The disk or the table of MySQL is full';
const LOGIN = 'MySQL refused the login';
const LOCKED = 'MySQL refused the login: the account is locked';
const EXPIRED = 'MySQL refused the login: the password has expired';
const CONNECTIONS = 'MySQL has too many connections';

/** What the database says, by its numbers, in words that hold nothing of its own: those may name users, hosts and keys. */
const SAID: ReadonlyMap<number, string> = new Map([
  [1020, 'MySQL found a row changed again and again'],
  [1021, FULL],
  [1036, READ_ONLY],
  [1040, CONNECTIONS],
  [1044, 'The user may not use the database: grant SELECT, INSERT, UPDATE and DELETE on the table'],
  [1045, LOGIN],
  [1046, 'No database is chosen: name one in the pool, or as the option database'],
  [1049, 'The database does not exist'],
  [1053, 'MySQL is shutting down'],
  [1114, FULL],
  [1129, 'MySQL blocks this host after errors of its connections: FLUSH HOSTS lets it in again'],
  [1130, 'MySQL refused the login: the user may not come from this host'],
  [1142, GRANTS],
  [1143, GRANTS],
  [1146, MISSING],
  [1153, 'A statement is larger than max_allowed_packet of MySQL; nothing was charged'],
  [1203, CONNECTIONS],
  [1205, 'A key was locked for longer than innodb_lock_wait_timeout; nothing was charged'],
  [1213, 'MySQL broke a deadlock again and again; nothing was charged'],
  [1226, 'The user has used up what MySQL allows it in an hour, or its connections'],
  [1290, READ_ONLY],
  [1317, 'The statement was cancelled; nothing was charged'],
  [1568, 'A connection of the pool came with a transaction that somebody had left open'],
  [1665, 'MySQL cannot log this: set binlog_format to ROW or MIXED'],
  [1698, LOGIN],
  [1792, READ_ONLY],
  [1820, EXPIRED],
  [1836, READ_ONLY],
  [1862, EXPIRED],
  [1927, 'The connection to MySQL was ended by hand; nothing was charged'],
  [1969, 'A key was locked until the deadline had passed; nothing was charged'],
  // Of MySQL, and of MariaDB.
  [3118, LOCKED],
  [4151, LOCKED],
]);

/** Deadlock, lock wait timeout, a row that changed (innodb_snapshot_isolation): others were in the way. */
const OF_OTHERS = new Set([1020, 1205, 1213]);

/** It was being committed when the answer was lost: it may be done. */
export class UnknownEnd extends Error {}

interface DriverError {
  readonly errno?: unknown;
  readonly code?: unknown;
  readonly sqlState?: unknown;
}

const read = (error: unknown): DriverError => error ?? {};

/** Whether the database itself said it; else it comes from the connection. */
const isSaid = (error: unknown): boolean =>
  typeof read(error).sqlState === 'string' && typeof read(error).errno === 'number';

/** Whether it says, even of a commit, that all was undone: by a deadlock, or a cluster that did not agree. */
export const isUndone = (error: unknown): boolean => isSaid(error) && read(error).errno === 1213;

/** Whether all was undone because of others: it may be repeated. */
export const isRetried = (error: unknown): boolean =>
  isSaid(error) && OF_OTHERS.has(read(error).errno as number);

/** Whether all was undone because of what stood in a call, or under its keys. */
export const isOfData = (error: unknown): boolean =>
  error instanceof RateLimitError || (isSaid(error) && /^22/.test(String(read(error).sqlState)));

/** Of others, of the disk, or of this statement: behind a rollback the connection takes the next one. */
const PASSING = new Set([...OF_OTHERS, 1021, 1114, 1317, 1568, 1969]);

/**
 * Whether the connection is as good as before. After others it ends: what they say may hold for it alone, such as grants that
 * are read at the login, or a server that has become a replica.
 */
export const keepsConnection = (error: unknown): boolean =>
  isOfData(error) || (isSaid(error) && PASSING.has(read(error).errno as number));

/** As a limiter may tell it. */
export function asOutage(error: unknown): Error {
  if (error instanceof RateLimitError) return error;
  return new RateLimitError('ERR_UNAVAILABLE', `${wordsOf(error)}.`);
}

function wordsOf(error: unknown): string {
  if (error instanceof UnknownEnd) {
    return 'The connection to MySQL was lost while it committed; what was sent may have been charged';
  }
  const { errno, code } = read(error);
  if (isSaid(error)) {
    return SAID.get(errno as number) ?? `MySQL refused the statement (error ${String(errno)})`;
  }
  const why = typeof code === 'string' && /^(E|PROTOCOL_)[A-Z_]+$/.test(code) ? ` (${code})` : '';
  return `The connection to MySQL failed${why}; nothing was charged`;
}

/** It was asked for too late: nothing was done. */
export function tooLate(): RateLimitError {
  return new RateLimitError('ERR_UNAVAILABLE', 'MySQL was too slow for the deadline; nothing was charged.');
}
