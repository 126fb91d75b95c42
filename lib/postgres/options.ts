import { invalidOption, shown } from '../base/errors';
import { readInteger, refuseUnknown, requireObject } from '../base/validate';
import type { Queryable, SweepOptions } from './types';

/** Refuses what cannot be asked. @throws RateLimitError `ERR_INVALID_OPTION` */
export function requireQueryable(pool: unknown): asserts pool is Queryable {
  if (typeof (pool as Partial<Queryable> | null | undefined)?.query === 'function') return;
  throw invalidOption(
    `The first argument must be a Pool of pg, or an object with query(text, values), not ${shown(pool)}.`,
  );
}

export interface SweepSettings {
  readonly everyCharges: number;
  readonly blocks: number;
}

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function readSweep(sweep: SweepOptions | false | undefined): SweepSettings | undefined {
  if (sweep === false) return undefined;
  const given = sweep ?? {};
  requireObject(given, 'sweep');
  refuseUnknown(given, ['everyCharges', 'blocks'], 'sweep.');
  return {
    everyCharges: readInteger(given.everyCharges, 'sweep.everyCharges', 1_000, 1, 1_000_000),
    blocks: readInteger(given.blocks, 'sweep.blocks', 64, 1, 10_000),
  };
}
