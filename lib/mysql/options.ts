import { invalidOption, shown } from '../base/errors';
import { readInteger, refuseUnknown, requireObject } from '../base/validate';
import type { MysqlPool, MysqlPromisePool, SweepOptions } from './types';

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function readPool(pool: MysqlPool): MysqlPromisePool {
  const given = (pool ?? {}) as Partial<MysqlPromisePool> & { promise?: () => MysqlPromisePool };
  // A pool with callbacks has getConnection as well.
  if (typeof given.promise === 'function') return given.promise();
  if (typeof given.getConnection === 'function') return given as MysqlPromisePool;
  throw invalidOption(`The first argument must be a Pool of mysql2, not ${shown(pool)}.`);
}

export interface SweepSettings {
  readonly everyCharges: number;
  readonly rows: number;
}

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function readSweep(sweep: SweepOptions | false | undefined): SweepSettings | undefined {
  if (sweep === false) return undefined;
  const given = sweep ?? {};
  requireObject(given, 'sweep');
  refuseUnknown(given, ['everyCharges', 'rows'], 'sweep.');
  return {
    everyCharges: readInteger(given.everyCharges, 'sweep.everyCharges', 1_000, 1, 1_000_000),
    rows: readInteger(given.rows, 'sweep.rows', 3_000, 1, 100_000),
  };
}
