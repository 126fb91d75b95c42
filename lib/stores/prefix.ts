import { invalidOption, shown } from '../base/errors';

/** Reads the option `prefix`. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readPrefix(value: unknown): string {
  if (value === undefined) return 'ratelimit:';
  const problem =
    typeof value !== 'string'
      ? `must be a string, not ${shown(value)}`
      : value === ''
        ? 'is empty; without one the keys would mix with everything else in the database'
        : value.length > 256
          ? 'is longer than 256 characters'
          : /[\p{Cc}\p{Surrogate}]/u.test(value)
            ? 'holds a control character or broken text'
            : /[{}]/.test(value)
              ? 'holds a brace; in a cluster every key would lie in one slot'
              : undefined;
  if (problem !== undefined) throw invalidOption(`prefix ${problem}.`);
  return value as string;
}
