import { invalidOption, shown } from '../../base/errors';
import { requireObject } from '../../base/validate';
import type { CustomStore } from './types';

const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
/** Sources of decisions that are no custom store's. */
const TAKEN = ['redis', 'memory', 'failover', 'cache', 'lease', 'none'];
const NEEDED = ['apply', 'reset'] as const;
const OPTIONAL = ['refund', 'block', 'scan', 'ping', 'migrate', 'close'] as const;

/** Refuses what is no store. @throws RateLimitError `ERR_INVALID_OPTION` */
export function requireCustomStore(store: unknown): asserts store is CustomStore {
  requireObject(store, 'A custom store');
  const { name, ...methods } = {
    name: (store as { name?: unknown }).name,
    ...Object.fromEntries([...NEEDED, ...OPTIONAL].map((method) => [method, (store as never)[method]])),
  } as { name?: unknown; [method: string]: unknown };
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw invalidOption(
      `The name of a custom store must be 1 to 32 of the characters a-z 0-9 and -, such as 'dynamo', not ${shown(name)}.`,
    );
  }
  if (TAKEN.includes(name)) {
    throw invalidOption(`A custom store cannot be named '${name}': decisions of other kinds are.`);
  }
  for (const method of NEEDED) {
    if (typeof methods[method] === 'function') continue;
    throw invalidOption(`The custom store '${name}' needs a method ${method}; see CustomStore.`);
  }
  for (const method of OPTIONAL) {
    if (methods[method] === undefined || typeof methods[method] === 'function') continue;
    throw invalidOption(`${method} of the custom store '${name}' must be a method, or left out.`);
  }
}
