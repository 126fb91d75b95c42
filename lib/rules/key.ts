import { RateLimitError } from '../base/errors';

/** The longest key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 1_024;

/** What can be wrong with a key. */
export type KeyFault = 'not-a-string' | 'empty' | 'too-long' | 'lone-surrogate';

/** The error for a key that cannot be counted. The key itself is not quoted: it may be large or personal. */
export function keyError(fault: KeyFault, key: unknown): RateLimitError {
  return new RateLimitError('ERR_INVALID_KEY', `The key of a rate limit ${whatIsWrong(fault, key)}.`);
}

function whatIsWrong(fault: KeyFault, key: unknown): string {
  switch (fault) {
    case 'not-a-string':
      return `must be a string, not ${key === null ? 'null' : typeof key}; convert it, or look for the missing id`;
    case 'empty':
      return 'is empty; look for the missing id, or all such requests would share one count';
    case 'too-long':
      return `is longer than ${MAX_KEY_BYTES.toLocaleString('en')} bytes of UTF-8; use an id or a hash of it`;
    case 'lone-surrogate':
      return 'holds half of a surrogate pair and is no valid text; do not cut strings inside a character';
  }
}

/** What the core checks of a key, for calls that ask no core. @throws RateLimitError `ERR_INVALID_KEY` */
export function validateKey(key: unknown): void {
  const fault = faultOf(key);
  if (fault !== undefined) throw keyError(fault, key);
}

function faultOf(key: unknown): KeyFault | undefined {
  if (typeof key !== 'string') return 'not-a-string';
  if (key === '') return 'empty';
  if (key.length > MAX_KEY_BYTES || Buffer.byteLength(key) > MAX_KEY_BYTES) return 'too-long';
  return /\p{Surrogate}/u.test(key) ? 'lone-surrogate' : undefined;
}
