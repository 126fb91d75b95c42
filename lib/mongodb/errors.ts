import { RateLimitError } from '../base/errors';

const NO_PRIMARY = 'MongoDB has no primary at the moment';
const UNCONFIRMED = 'Too few members of the replica set confirmed a write in time';
const SHUTDOWN = 'MongoDB is shutting down';
const TOO_SLOW = 'MongoDB was too slow, and gave up';
const DUPLICATE = 11000;

/** What the server says, by its codes, in words that hold nothing of its own: those may name users, hosts and keys. */
const SAID: ReadonlyMap<number, string> = new Map([
  [13, 'The user may not use the collection of the counts: it needs find, insert, update and remove on it'],
  [18, 'MongoDB refused the login'],
  [50, TOO_SLOW],
  [64, UNCONFIRMED],
  [79, 'The replica set does not know the write concern'],
  [91, SHUTDOWN],
  [100, 'The replica set has too few members for the write concern'],
  [121, 'A validator of the collection refuses the documents of the counts'],
  [166, 'The collection is a view or a time series: count in an ordinary one'],
  [189, NO_PRIMARY],
  [262, TOO_SLOW],
  [8000, 'MongoDB Atlas refused the call: look at the login, and at the limits of the cluster'],
  [10107, NO_PRIMARY],
  [11600, SHUTDOWN],
  [11602, NO_PRIMARY],
  [13435, NO_PRIMARY],
  [13436, NO_PRIMARY],
  [14031, 'The disk of MongoDB is full'],
]);

const CLOSED = 'The MongoClient was closed: close the limiter before it';
const UNREACHED = 'No primary of MongoDB could be reached';
const BROKEN = 'The connection to MongoDB failed';

/** What the driver says, by the names of its errors. */
const BY_NAME: Readonly<Record<string, string>> = {
  MongoClientClosedError: CLOSED,
  MongoNotConnectedError: CLOSED,
  MongoTopologyClosedError: CLOSED,
  MongoServerSelectionError: UNREACHED,
  MongoWaitQueueTimeoutError: 'No connection of the pool of the MongoClient became free in time',
  MongoOperationTimeoutError: 'MongoDB was too slow for the timeoutMS of the MongoClient',
  MongoNetworkTimeoutError: BROKEN,
  MongoNetworkError: BROKEN,
};

function wordsOf(error: unknown): string {
  // Errors of a driver may come from another realm.
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  if (typeof code === 'number') return SAID.get(code) ?? `MongoDB refused the call (error ${code})`;
  return BY_NAME[String(name)] ?? 'The driver of MongoDB refused or lost the call';
}

/** Whether it says that a document of this `_id` is there already: somebody was quicker. */
export const isDuplicate = (error: unknown): boolean =>
  (error as { code?: unknown } | null)?.code === DUPLICATE;

export const unavailable = (text: string): RateLimitError =>
  new RateLimitError('ERR_UNAVAILABLE', `${text}.`);

/** As a limiter may tell it. */
export function readFailed(error: unknown): never {
  throw unavailable(wordsOf(error));
}

/** The same of a write, whose end is known only by an answer. */
export function writeFailed(error: unknown): never {
  if (error instanceof RateLimitError) throw error;
  throw unavailable(`${wordsOf(error)}; what was sent may have been charged`);
}
