import { createHmac, scryptSync, timingSafeEqual } from 'node:crypto';
import { shared } from './shared';

export const COOKIE = 'spillway-admin';
const HOURS = 8;

/** The administrator's password; without one nobody can sign in. `npm start` makes one up where none is set. */
const password = () => process.env.ADMIN_PASSWORD ?? '';

export const isConfigured = () => password() !== '';

/**
 * The key that signs sessions comes from the password, so that there is one secret to keep and a new password ends all
 * sessions. Made slowly once: whoever sees a cookie cannot try passwords against it at speed.
 */
const signingKey = () =>
  shared(`session-key.${password()}`, () => scryptSync(password(), 'spillway example: sessions', 32));

const sign = (text: string) => createHmac('sha256', signingKey()).update(text).digest();

/** Digests have one length, so the comparison takes the same time whatever was sent. */
export function isPassword(given: string): boolean {
  return isConfigured() && timingSafeEqual(sign(`password ${given}`), sign(`password ${password()}`));
}

/** The value of the cookie: when the session ends, signed. */
export function createSession(now = Date.now()): { value: string; maxAge: number } {
  const ends = String(now + HOURS * 3_600_000);
  return { value: `${ends}.${sign(ends).toString('base64url')}`, maxAge: HOURS * 3_600 };
}

export function isSession(value: string | undefined, now = Date.now()): boolean {
  if (value === undefined || !isConfigured()) return false;
  const [ends = '', signature = ''] = value.split('.');
  const given = Buffer.from(signature, 'base64url');
  const right = sign(ends);
  return given.length === right.length && timingSafeEqual(given, right) && Number(ends) > now;
}
