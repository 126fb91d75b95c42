import { invalidOption, shown } from '../base/errors';
import type { RateLimitRequest } from './identity';
import { matchesExactly, parsePattern, type Pattern, type Reading } from './pattern';

/** Answers true for a request that is left out. An error that it throws is the check's. */
export type BypassFunction = (request: RateLimitRequest) => boolean;

/** Requests that are left out: patterns, of which all below a path is `/path/*`, functions, or a list of both. */
export type Bypass = string | BypassFunction | readonly (string | BypassFunction)[];

/** Validated and complete. */
export interface CompiledBypass {
  readonly patterns: readonly Pattern[];
  readonly functions: readonly BypassFunction[];
}

/** Reads what is left out. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readBypass(value: unknown, where: string): CompiledBypass {
  const patterns: Pattern[] = [];
  const functions: BypassFunction[] = [];
  const read = (one: unknown, at: string) => {
    if (typeof one === 'function') functions.push(one as BypassFunction);
    else patterns.push(readPattern(one, at));
  };
  if (Array.isArray(value)) value.forEach((one: unknown, i) => read(one, `${where}[${i}]`));
  else if (value !== undefined) read(value, where);
  return { patterns, functions };
}

/** Whether a request is left out; patterns are asked first, and only `true` of a function counts. */
export function isBypassed(
  { patterns, functions }: CompiledBypass,
  request: RateLimitRequest,
  method: string,
  readings: readonly Reading[],
): boolean {
  return (
    patterns.some((pattern) => matchesExactly(pattern, method, readings)) ||
    functions.some((bypasses) => bypasses(request) === true)
  );
}

function readPattern(text: unknown, where: string): Pattern {
  if (typeof text !== 'string') {
    throw invalidOption(
      `${where} must be a pattern such as '/api/health', a function of the request, or a list of them, not ${shown(text)}.`,
    );
  }
  const pattern = parsePattern(text, where);
  if (pattern.segments.length === 0 || !pattern.text.endsWith('/')) return pattern;
  // Elsewhere a slash at the end makes no difference; here a prefix may be meant, and guessing would open a door.
  throw invalidOption(
    `${where}: ${shown(text)} ends in a slash. Write '${pattern.text}*' for the path and all below, or leave the slash out for the path alone.`,
  );
}
