import { invalidOption, shown } from '../base/errors';
import type { PostgresPlace } from './types';

/** Names that mean the same with quotes and without, and leave room for what functions have behind them. */
const NAME = /^[a-z_][a-z0-9_]{0,47}$/;

/** What a statement calls a thing of the store. */
export type NameOf = (
  suffix: '' | '_v1' | '_plain_v1' | '_now' | '_refunded' | '_sweep' | '_texts' | '_sums',
) => string;

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function readPlace({ table = 'spillway_counts', schema }: PostgresPlace): NameOf {
  for (const [option, value] of Object.entries({ table, schema })) {
    if (option === 'schema' && value === undefined) continue;
    if (typeof value === 'string' && NAME.test(value)) continue;
    throw invalidOption(
      `${option} must be 1 to 48 of the characters a-z 0-9 and _, beginning with no digit, not ${shown(value)}.`,
    );
  }
  const front = schema === undefined ? '' : `"${schema}".`;
  return (suffix) => `${front}"${table}${suffix}"`;
}
