import { RateLimitError } from '../../lib/base/errors';

/** The error that a call throws; fails the test where it throws none, or another kind. */
export function refusalOf(call: () => unknown): RateLimitError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(RateLimitError);
    return error as RateLimitError;
  }
  throw new Error('expected a refusal');
}
