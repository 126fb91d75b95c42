import { RateLimitError } from 'spillway';
import { signedOut } from './limits';
import { readSession } from './session';
import { shared } from './shared';

/** What was signed out here, by id, until it would have ended: this process knows it also while Redis is away. */
const signedOutHere = shared('signed-out', () => new Map<string, number>());

/** Whether a cookie's session is good. While Redis is away, a session that another server signed out still is. */
export async function isSignedIn(cookie: string | undefined): Promise<boolean> {
  const session = readSession(cookie);
  if (session === null || signedOutHere.has(session.id)) return false;
  return (await signedOut.peek(session.id)).reason !== 'blocked';
}

/** Ends a session for whoever holds its cookie. False: here only, because Redis could not be told. */
export async function signOut(cookie: string | undefined): Promise<boolean> {
  const session = readSession(cookie);
  if (session === null) return true;
  const now = Date.now();
  for (const [id, ends] of signedOutHere) if (ends <= now) signedOutHere.delete(id);
  signedOutHere.set(session.id, session.ends);
  try {
    await signedOut.block(session.id, session.ends - now);
    return true;
  } catch (error) {
    if (!(error instanceof RateLimitError)) throw error;
    return false;
  }
}
