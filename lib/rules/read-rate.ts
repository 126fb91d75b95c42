import { unwrapped } from '../base/environment';
import { invalidOption, shown } from '../base/errors';
import { refuseSurplus } from '../base/surplus';
import { isRateName, variableOf } from './named-rates';
import { readLimit, UNLIMITED, type Rate, type RateObject, type Unlimited } from './rate';

/**
 * Reads a rate that is known at run time only, such as one of the environment: `parseRate(process.env.API_RATE ?? '100/h')`.
 * Blanks, line breaks and one pair of quotes around it are no part of it.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function parseRate(text: string): Rate {
  if (arguments.length > 1) refuseSurplus('parseRate', 1, arguments);
  if (typeof text === 'string') return readRate(unwrapped(text), 'parseRate');
  throw invalidOption(`parseRate takes a text such as '100/h', not ${shown(text)}.`);
}

/** Reads a rate that may be `unlimited`. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readRate(rate: unknown, where: string): RateObject | Unlimited {
  if (rate === UNLIMITED) return UNLIMITED;
  if (!isRateName(rate)) return readLimit(rate, where);
  throw invalidOption(
    `${where}: ${shown(rate)} is the name of a rate. Write namedRate('${rate}'), which reads ${variableOf(rate)}.`,
  );
}
