import { VERSION } from '../base/version';
import type { SqliteStore } from './store';

/**
 * The store of a file, one for all who mean the same: a module that is evaluated again with every edit would open the file
 * each time, and SQLite closes none of them before the last. On globalThis, so that all copies of this version find it.
 * @param identity the same where the same is meant
 */
export function shared(identity: string, make: () => SqliteStore): SqliteStore {
  const name = Symbol.for(`spillway.sqlite@${VERSION}`);
  const holder = globalThis as { [name]?: Map<string, WeakRef<SqliteStore>> };
  const stores = (holder[name] ??= new Map<string, WeakRef<SqliteStore>>());
  const known = stores.get(identity)?.deref();
  if (known !== undefined) return known;
  const store = make();
  stores.set(identity, new WeakRef(store));
  return store;
}
