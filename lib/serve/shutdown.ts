import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setImmediate } from 'node:timers/promises';

/**
 * How long a connection that is kept may stay idle after the end was announced. Closed at once, it could meet a request that is on
 * its way, which would be lost; its next answer says `Connection: close` instead.
 */
const IDLE_MS = 2_000;

/** The turn in which a signal comes may have looked for connections before. */
const QUIET_TURNS = 2;

/**
 * Accepts those that the kernel has connected already, and that may have sent something: they would be reset. A turn of the event
 * loop accepts one, and whoever is left is accepted in the next; so in a turn without one nobody is left.
 * @param mostMs for where connections come without a pause
 */
export async function acceptWaiting(server: Server, mostMs: number): Promise<void> {
  const endMs = performance.now() + mostMs;
  let left: number = QUIET_TURNS;
  const accepted = () => (left = QUIET_TURNS + 1);
  server.on('connection', accepted);
  for (; left > 0 && performance.now() < endMs; left--) await setImmediate();
  server.off('connection', accepted);
}

/**
 * Ends a server so that what was sent to it is answered: nothing new is accepted, and each connection ends with its next
 * answer.
 * @param stopMs after which those that are still busy are cut
 * @returns how many were cut
 */
export async function shutDown(server: Server, stopMs: number): Promise<number> {
  // That of http would close idle connections at once.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  const idle = setInterval(() => server.closeIdleConnections(), Math.min(IDLE_MS, stopMs / 2));
  let cut = 0;
  const late = setTimeout(() => {
    server.getConnections((_error, count) => {
      cut = count;
      server.closeAllConnections();
    });
  }, stopMs);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
  return cut;
}
