import { unwrapped } from '../base/environment';
import { invalidOption, shown } from '../base/errors';
import { requireObject } from '../base/validate';
import { readLimit, UNLIMITED, type RateObject, type Unlimited } from './rate';

const DEFAULTS = {
  default: '100/h',
  strict: '10/m',
  lenient: '500/h',
  write: '50/h',
  login: '5/m',
  tenant: '1000/h',
  user: '100/h',
} as const;

/** Rates that have a name, and that operators set without touching the code. */
export type RateName = keyof typeof DEFAULTS;

export const RATE_NAMES = Object.freeze(Object.keys(DEFAULTS) as RateName[]);

export function isRateName(value: unknown): value is RateName {
  return typeof value === 'string' && Object.hasOwn(DEFAULTS, value);
}

/** The variable that sets it. */
export function variableOf(name: RateName): string {
  return `RATELIMIT_${name.toUpperCase()}_RATE`;
}

/**
 * The rate of a name: what `RATELIMIT_<NAME>_RATE` says, such as `RATELIMIT_STRICT_RATE=10/m`, or its default. An
 * empty variable is one that is not set.
 * @throws RateLimitError `ERR_INVALID_OPTION` where the variable holds no rate
 */
export function namedRate(
  name: RateName,
  env: Readonly<Record<string, string | undefined>> = process.env,
): RateObject | Unlimited {
  requireObject(env, 'The environment');
  if (!isRateName(name)) {
    throw invalidOption(`${shown(name)} is not the name of a rate. Known are: ${RATE_NAMES.join(', ')}.`);
  }
  const variable = variableOf(name);
  const text = unwrapped(env[variable] ?? '') || DEFAULTS[name];
  return text === UNLIMITED ? UNLIMITED : readLimit(text, variable);
}

/** All named rates as the environment has them now. Same errors as `namedRate`. */
export function namedRates(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<RateName, RateObject | Unlimited> {
  const rates = RATE_NAMES.map((name) => [name, namedRate(name, env)] as const);
  return Object.fromEntries(rates) as Record<RateName, RateObject | Unlimited>;
}
