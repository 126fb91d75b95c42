/**
 * What went wrong, for programs. The codes are part of the API and never change their meaning.
 *
 * - `ERR_UNKNOWN_PLAN`: the plan is not one of the limiter's plans.
 * - `ERR_INVALID_KEY`: the key is not a string of 1 to 1,024 bytes of well-formed UTF-8.
 * - `ERR_INVALID_OPTION`: an option, a rate, a cost or a URL that cannot be used.
 * - `ERR_CLOSED`: the limiter was closed before.
 * - `ERR_UNAVAILABLE`: the store gave no answer, and no policy can stand in for it (reset, list).
 * - `ERR_UNSUPPORTED`: the store cannot do what the call needs, such as a listing in a custom store without `scan`.
 * - `ERR_NO_BINARY`: the native part cannot be loaded on this machine.
 */
export type RateLimitErrorCode =
  | 'ERR_UNKNOWN_PLAN'
  | 'ERR_INVALID_KEY'
  | 'ERR_INVALID_OPTION'
  | 'ERR_CLOSED'
  | 'ERR_UNAVAILABLE'
  | 'ERR_UNSUPPORTED'
  | 'ERR_NO_BINARY';

/** Every error that spillway throws or rejects with. Its message says what to do and holds no secret. */
export class RateLimitError extends Error {
  override readonly name = 'RateLimitError';
  /** Stable, for `switch`; the message is for people and may change. */
  readonly code: RateLimitErrorCode;

  constructor(code: RateLimitErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A value as a message shows it: short, quoted where it is text. Not for values that may hold a secret. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (value === null || typeof value !== 'object') return String(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}

/** What somebody else says, as a sentence: some end theirs with a full stop, others do not. */
export function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}

export function invalidOption(message: string): RateLimitError {
  return new RateLimitError('ERR_INVALID_OPTION', message);
}

export function closedError(): RateLimitError {
  return new RateLimitError(
    'ERR_CLOSED',
    'This rate limiter is closed. Close it after the last request, or create a new one.',
  );
}
