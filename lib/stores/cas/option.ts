import { invalidOption, shown } from '../../base/errors';
import { refuseUnknown, requireObject } from '../../base/validate';
import { customStore, type StoreOption } from '../option';
import { CasStore } from './store';
import type { CasSource, CasStoreOptions } from './types';

/**
 * Counts in a store that can only compare and set: a key-value store, a document with a version, an item with a condition.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function casStore(source: CasSource, options: CasStoreOptions = {}): StoreOption {
  requireObject(source, 'The first argument of casStore');
  const given = source as unknown as Readonly<Record<string, unknown>>;
  requireObject(options, 'The options of casStore');
  refuseUnknown(options, ['breaker'], '');
  for (const method of ['read', 'compareAndSet'] as const) {
    if (typeof given[method] === 'function') continue;
    throw invalidOption(`casStore needs a method ${method}, not ${shown(given[method])}; see CasSource.`);
  }
  for (const method of ['now', 'scan', 'ping', 'migrate', 'close'] as const) {
    if (given[method] === undefined || typeof given[method] === 'function') continue;
    throw invalidOption(`${method} of casStore must be a method, or left out, not ${shown(given[method])}.`);
  }
  return customStore(new CasStore(source), { breaker: options.breaker });
}
