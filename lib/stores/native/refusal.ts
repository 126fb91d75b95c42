import { invalidOption, RateLimitError } from '../../base/errors';
import { keyError } from '../../rules/key';
import { Submit } from './native';

/** The error for a call that the core refused at once. */
export function refusal(code: number, key: unknown): RateLimitError {
  switch (code) {
    case Submit.NotAString:
      return keyError('not-a-string', key);
    case Submit.Empty:
      return keyError('empty', key);
    case Submit.TooLong:
      return keyError('too-long', key);
    case Submit.LoneSurrogate:
      return keyError('lone-surrogate', key);
    case Submit.BadNumber:
      return invalidOption('cost must be an integer from 1 to 2^53-1.');
    case Submit.Closed:
      return new RateLimitError('ERR_CLOSED', 'The store was closed. Create a new limiter after close().');
    default:
      return new RateLimitError('ERR_UNAVAILABLE', `The store refused the call (${code}).`);
  }
}
