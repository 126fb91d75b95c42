import { invalidOption, shown } from '../base/errors';
import type { MysqlPlace } from './types';

/** Names that mean the same on servers that know upper case from lower and on those that do not. */
const NAME = /^[a-z_][a-z0-9_]{0,47}$/;

/** The table as statements call it. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readPlace({ table = 'spillway_counts', database }: MysqlPlace): string {
  for (const [option, value] of Object.entries({ table, database })) {
    if (option === 'database' && value === undefined) continue;
    if (typeof value === 'string' && NAME.test(value)) continue;
    throw invalidOption(
      `${option} must be 1 to 48 of the characters a-z 0-9 and _, beginning with no digit, not ${shown(value)}.`,
    );
  }
  return database === undefined ? `\`${table}\`` : `\`${database}\`.\`${table}\``;
}
