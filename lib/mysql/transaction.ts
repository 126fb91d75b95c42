import { isUndone, keepsConnection, UnknownEnd } from './errors';
import type { MysqlConnection, MysqlPromisePool, MysqlStatement } from './types';

// Taken at the start: timers and clocks that a test replaces are not ours to wait for.
const { setTimeout: after, clearTimeout: stop, setImmediate: afterReads } = globalThis;
const monotonicMs = performance.now.bind(performance);

/** So long after nobody waits any more a connection that does not answer is given up: it would be held for ever. */
const GRACE_MS = 1_000;

/** Values as the server wrote them, whatever the pool makes of its own. */
type Row = readonly (Buffer | null)[];

/** Sends one statement. */
export type Ask = (sql: string) => Promise<readonly Row[]>;

export interface Done<T> {
  readonly value: T;
  /** Whether there is something to commit. */
  readonly wrote: boolean;
}

/** As a connection takes it. */
export function statement(sql: string): MysqlStatement {
  return { sql, rowsAsArray: true, typeCast: (field) => field.buffer() };
}

/**
 * One transaction on one connection, which is given back without one, or ended. Its isolation holds for it alone.
 * @param waitMs until nobody waits for it any more
 * @throws UnknownEnd it may have been committed; else nothing was done
 */
export async function inTransaction<T>(
  pool: MysqlPromisePool,
  waitMs: number,
  work: (ask: Ask) => Promise<Done<T>>,
): Promise<T> {
  const untilMs = monotonicMs() + waitMs + GRACE_MS;
  const connection = await pool.getConnection();
  const ask: Ask = async (sql) => {
    const [rows] = await within(untilMs - monotonicMs(), connection.query(statement(sql)));
    return rows as readonly Row[];
  };
  try {
    // The gaps that REPEATABLE READ locks as well make deadlocks of inserts.
    await ask('SET TRANSACTION ISOLATION LEVEL READ COMMITTED');
    await ask('START TRANSACTION');
    const { value, wrote } = await work(ask);
    await (wrote ? commit(ask) : ask('ROLLBACK'));
    connection.release();
    return value;
  } catch (error) {
    await giveBack(connection, ask, error);
    throw error;
  }
}

/** The driver's own time limit would hold the process after the connection was lost. */
function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    // An answer that came while the event loop was blocked is read first.
    const timer = after(() => afterReads(late), ms);
    timer.unref();
    answer.then(resolve, reject).finally(() => stop(timer));
  });
}

async function commit(ask: Ask): Promise<void> {
  try {
    await ask('COMMIT');
  } catch (error) {
    throw isUndone(error) ? error : new UnknownEnd();
  }
}

/** An error that ends a statement leaves the transaction open, with its locks. */
async function giveBack(connection: MysqlConnection, ask: Ask, error: unknown): Promise<void> {
  if (!keepsConnection(error)) {
    connection.destroy();
    return;
  }
  try {
    await ask('ROLLBACK');
    connection.release();
  } catch {
    connection.destroy();
  }
}
