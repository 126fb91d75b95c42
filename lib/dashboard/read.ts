/** What requests of the page bring. @throws RateLimitError `ERR_INVALID_OPTION` */
import { invalidOption, shown } from '../base/errors';

const MOST = 200;

export interface LimitedQuery {
  readonly kind: string | undefined;
  readonly rule: string | undefined;
  readonly offset: number;
  readonly limit: number;
}

export function readLimited(query: URLSearchParams): LimitedQuery {
  return {
    kind: query.get('kind') ?? undefined,
    rule: query.get('rule') ?? undefined,
    offset: readCount(query.get('offset') ?? '0', 'offset', 0, 100_000),
    limit: readCount(query.get('limit') ?? '50', 'limit', 1, MOST),
  };
}

function readCount(text: string, name: string, least: number, most: number): number {
  if (/^\d{1,6}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
  throw invalidOption(`${name} must be a whole number from ${least} to ${most}, not ${shown(text)}.`);
}
