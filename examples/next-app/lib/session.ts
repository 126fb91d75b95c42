import { createHmac, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import { shared } from './shared';

export const COOKIE = 'spillway-admin';
export const DEVICE_COOKIE = 'spillway-device';
const HOURS = 8;
const DEVICE_HOURS = 90 * 24;

/** The administrator's password; without one nobody can sign in. `npm start` makes one up where none is set. */
const password = () => process.env.ADMIN_PASSWORD ?? '';

export const isConfigured = () => password() !== '';

const kept = shared('session-key', () => ({ made: '', key: Buffer.alloc(0) }));

/**
 * The key that signs sessions comes from the password, so that there is one secret to keep and a new password ends all
 * sessions. Made slowly once: whoever sees a cookie cannot try passwords against it at speed.
 */
function signingKey(): Buffer {
  if (kept.made !== password()) {
    kept.key = scryptSync(password(), 'spillway example: sessions', 32);
    kept.made = password();
  }
  return kept.key;
}

const sign = (text: string) => createHmac('sha256', signingKey()).update(text).digest();

/** Digests have one length, so the comparison takes the same time whatever was sent. */
export function isPassword(given: string): boolean {
  return isConfigured() && timingSafeEqual(sign(`password ${given}`), sign(`password ${password()}`));
}

type Kind = 'session' | 'device';

/** What a cookie holds: until when it is good and whom it names, signed. */
function issue(kind: Kind, hours: number, now: number): { value: string; maxAge: number } {
  const text = `${now + hours * 3_600_000}.${randomBytes(16).toString('base64url')}`;
  const value = `${text}.${sign(`${kind} ${text}`).toString('base64url')}`;
  return { value, maxAge: hours * 3_600 };
}

function read(kind: Kind, value: string | undefined, now: number): Session | null {
  if (value === undefined || !isConfigured()) return null;
  const [ends = '', id = '', signature = ''] = value.split('.');
  const given = Buffer.from(signature, 'base64url');
  const right = sign(`${kind} ${ends}.${id}`);
  const signed = given.length === right.length && timingSafeEqual(given, right);
  return signed && Number(ends) > now ? { id, ends: Number(ends) } : null;
}

export interface Session {
  id: string;
  /** In milliseconds since the epoch. */
  ends: number;
}

export const createSession = (now = Date.now()) => issue('session', HOURS, now);

/** The session that a cookie names, unless it has ended by itself. Whether it was signed out, signed-in.ts knows. */
export const readSession = (value: string | undefined, now = Date.now()) => read('session', value, now);

/** For a browser in which somebody signed in: its later attempts are counted apart from those of strangers. */
export const createDevice = (now = Date.now()) => issue('device', DEVICE_HOURS, now);

export const readDevice = (value: string | undefined, now = Date.now()) => read('device', value, now);
