import { RateLimitError } from '../base/errors';

/** What the database says, in words that hold nothing of its own: those may name users, hosts and keys. */
const SAID: Readonly<Record<string, string>> = {
  '22021': 'The database cannot store a key: its encoding has to be UTF8',
  '22P05': 'The database cannot store a key: its encoding has to be UTF8',
  '23505':
    'PostgreSQL said again and again that a row was there already: use READ COMMITTED for this role, and no unique index of your own on the tables',
  '25006': 'PostgreSQL is read-only here: it is a standby, or default_transaction_read_only is on',
  '28000': 'PostgreSQL refused the login',
  '28P01': 'PostgreSQL refused the password',
  '3D000': 'The database does not exist',
  '3F000': 'The schema of the counts does not exist: run migrate(pool) with the same table and schema',
  '40001': 'PostgreSQL found no order for the statement again and again: use READ COMMITTED for this role',
  '40P01': 'PostgreSQL broke a deadlock again and again',
  '42501':
    'The role may not use the table of the counts: grant SELECT, INSERT, UPDATE and DELETE on it, and for shared rules and analytics on those whose names end in _texts and _sums',
  '42704': 'The table of the counts is missing: run migrate(pool) with the same table and schema',
  '42883': 'The functions of the counts are missing: run migrate(pool) with the same table and schema',
  '42P01': 'The table of the counts is missing: run migrate(pool) with the same table and schema',
  '53100': 'The disk of PostgreSQL is full',
  '53200': 'PostgreSQL is out of memory',
  '53300': 'PostgreSQL has too many connections',
  '55P03': 'A key was locked until the deadline had passed; nothing was charged',
  '57014': 'The statement was cancelled, by statement_timeout or by hand; nothing was charged',
  '57P01': 'PostgreSQL is shutting down',
  '57P03': 'PostgreSQL is starting up',
};

/** No connection was made, so nothing was sent. */
const UNREACHED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT'];

const SQLSTATE = /^[0-9A-Z]{5}$/;

export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/**
 * Where transactions see what was when they began, a row that another has just inserted may be a unique violation, ON CONFLICT
 * notwithstanding: https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html
 */
const OF_OTHERS = ['40001', '40P01', '23505'];

/** Whether it says that the statement was undone because of others: it may be repeated. */
export const isRetried = (error: unknown): boolean => OF_OTHERS.includes(codeOf(error));

/** Whether it says that the statement was undone because of what stood in it. */
export const isOfData = (error: unknown): boolean =>
  /^22/.test(codeOf(error)) && SQLSTATE.test(codeOf(error));

/** Of others, or of the disk: the next statement on the same connection may be taken. */
const PASSING = [...OF_OTHERS, '53100', '53200', '55P03'];

/**
 * Whether the connection is as good as before. After others it ends: what they say may hold for it alone, such as a setting
 * that came with its login, or a server that has become a standby.
 */
export const keepsConnection = (error: unknown): boolean =>
  PASSING.includes(codeOf(error)) || isOfData(error);

/** Whether it says that no statement was sent. */
export const isUnsent = (error: unknown): boolean => UNREACHED.includes(codeOf(error));

/** As a limiter may tell it. */
export function asOutage(error: unknown): RateLimitError {
  const code = codeOf(error);
  const said = SAID[code];
  if (said !== undefined) return new RateLimitError('ERR_UNAVAILABLE', `${said}.`);
  if (SQLSTATE.test(code) && /\d/.test(code)) {
    return new RateLimitError('ERR_UNAVAILABLE', `PostgreSQL refused the statement (SQLSTATE ${code}).`);
  }
  if (UNREACHED.includes(code)) {
    return new RateLimitError(
      'ERR_UNAVAILABLE',
      `PostgreSQL cannot be reached (${code}); nothing was charged.`,
    );
  }
  const why = /^E[A-Z_]+$/.test(code) ? ` (${code})` : '';
  return new RateLimitError(
    'ERR_UNAVAILABLE',
    `The connection to PostgreSQL failed${why}; what was sent may have been charged.`,
  );
}

/** It was asked for too late: nothing was done. */
export function tooLate(): RateLimitError {
  return new RateLimitError(
    'ERR_UNAVAILABLE',
    'PostgreSQL was too slow for the deadline; nothing was charged.',
  );
}
