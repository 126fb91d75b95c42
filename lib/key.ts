import { Submit } from './native';
import { RateLimitError, invalidOption } from './errors';

/** The longest key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 1_024;

/** The error for a call that the core refused at once. The key itself is not quoted: it may be large or personal. */
export function refusal(code: number, key: unknown): Error {
  switch (code) {
    case Submit.NotAString:
      return invalidKey(
        `must be a string, not ${key === null ? 'null' : typeof key}; convert it, or look for the missing id`,
      );
    case Submit.Empty:
      return invalidKey('is empty; look for the missing id, or all such requests would share one count');
    case Submit.TooLong:
      return invalidKey(
        `is longer than ${MAX_KEY_BYTES.toLocaleString('en')} bytes of UTF-8; use an id or a hash of it`,
      );
    case Submit.LoneSurrogate:
      return invalidKey(
        'holds half of a surrogate pair and is no valid text; do not cut strings inside a character',
      );
    case Submit.BadNumber:
      return invalidOption('cost must be an integer from 1 to 2^53-1.');
    case Submit.Closed:
      return new RateLimitError('ERR_CLOSED', 'The store was closed. Create a new limiter after close().');
    default:
      return new RateLimitError('ERR_UNAVAILABLE', `The store refused the call (${code}).`);
  }
}

function invalidKey(why: string): RateLimitError {
  return new RateLimitError('ERR_INVALID_KEY', `The key of a rate limit ${why}.`);
}

/** What the core checks of a key, for a limiter that is switched off and asks no core. */
export function validateKey(key: unknown): void {
  const code = problemOf(key);
  if (code !== Submit.Pending) throw refusal(code, key);
}

function problemOf(key: unknown): number {
  if (typeof key !== 'string') return Submit.NotAString;
  if (key === '') return Submit.Empty;
  if (key.length > MAX_KEY_BYTES || Buffer.byteLength(key) > MAX_KEY_BYTES) return Submit.TooLong;
  return /\p{Surrogate}/u.test(key) ? Submit.LoneSurrogate : Submit.Pending;
}
