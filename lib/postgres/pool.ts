import { keepsConnection } from './errors';

// Taken at the start: timers that a test replaces are not ours to wait for.
const { setTimeout: later, clearTimeout: never, setImmediate: afterReads } = globalThis;

/** A Pool of pg, whose connections can be ended. */
export interface PgPool {
  connect(callback: (error: Error | undefined, client: PgClient | undefined) => void): void;
}

interface PgClient {
  query(text: string, values: string[]): Promise<{ rows: readonly unknown[] }>;
  /** With an error it ends the connection. */
  release(error?: Error): void;
  once(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

export function isPg(pool: object): pool is PgPool {
  const { totalCount, connect } = pool as { totalCount?: unknown; connect?: unknown };
  return typeof totalCount === 'number' && typeof connect === 'function';
}

/**
 * As the pool's `query`, but a connection outlives what is no fault of its own: logging in anew costs a database more than
 * the checks that waited for a lock in vain. One that stays silent for so long ends, too; the driver's own `query_timeout`
 * would end, after the event loop was blocked, a connection whose answer has come.
 */
export function queryWithin(
  pool: PgPool,
  ms: number,
  text: string,
  values: string[],
): Promise<readonly unknown[]> {
  return new Promise((resolve, reject) => {
    // In the callback itself: what the server said in the same breath may be an error, which must find a listener.
    pool.connect((error, client) => {
      if (client === undefined) reject(error ?? new Error('no connection'));
      else queryOn(client, ms, [text, values], resolve, reject);
    });
  });
}

function queryOn(
  client: PgClient,
  ms: number,
  [text, values]: [string, string[]],
  resolve: (rows: readonly unknown[]) => void,
  reject: (reason: Error) => void,
): void {
  let isOver = false;
  const end = (finish: () => void, error?: Error) => {
    if (isOver) return;
    isOver = true;
    never(timer);
    client.removeListener('error', fail);
    client.release(error);
    finish();
  };
  const fail = (error: Error) => end(() => reject(error), error);
  const timer = later(() => afterReads(() => fail(new Error('no answer'))), ms);
  timer.unref();
  client.once('error', fail);
  client.query(text, values).then(
    ({ rows }) => end(() => resolve(rows)),
    (error: Error) => end(() => reject(error), keepsConnection(error) ? undefined : error),
  );
}
