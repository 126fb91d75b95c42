import { RateLimitError } from '../base/errors';
import { VERSION } from '../base/version';
import { native } from '../binary';
import { StoreState } from '../telemetry/store-state';
import { ALWAYS_CLOSED } from '../telemetry/breaker-state';
import { AdaptedStore } from './custom/store';
import { NAMES, NativeStore } from './native/store';
import { LocalCounts } from './local-counts';
import { MOST_KEYS, type StoreTarget } from './option';
import type { RedisTarget } from './redis/options';
import { withTrust } from './redis/trust';
import type { Store, SyncStore } from './store';

/** A store, or why there is none. */
type Opened =
  | { readonly store: Store; readonly state: StoreState; readonly failure?: undefined }
  | { readonly store: undefined; readonly state: StoreState; readonly failure: RateLimitError };

/** A share in a store. */
export type StoreReference = Opened & {
  /** What this process counts while the store does not. */
  readonly localCounts: LocalCounts;
  /** Gives the share back, once; the last one closes the store. */
  release(): void;
};

/** What two shares have to have in common: a text, or an object of the application's. */
type Identity = string | object;

interface Shared {
  /** A closure, because what it compares may hold credentials: a dump of the registry must not show them. */
  readonly serves: (identity: Identity) => boolean;
  readonly opened: Opened;
  /** By the prefix of the limiters that have the store. */
  readonly localCounts: Map<string, LocalCounts>;
  references: number;
}

/**
 * The stores of this process. A bundler evaluates modules several times, and again with every edit: the registry
 * hangs on globalThis, so that all copies of one version find the same connections and the same counts.
 */
function registry(): Set<Shared> {
  const name = Symbol.for(`spillway@${VERSION}`);
  const holder = globalThis as { [name]?: Set<Shared> };
  return (holder[name] ??= new Set());
}

/**
 * Gives back what was held by those whom nobody closed and nobody can reach any more. On globalThis, too: a module that is
 * reloaded goes together with its limiters, and nobody would be told.
 */
export function forgotten(): FinalizationRegistry<() => void> {
  const name = Symbol.for(`spillway.forgotten@${VERSION}`);
  const holder = globalThis as { [name]?: FinalizationRegistry<() => void> };
  return (holder[name] ??= new FinalizationRegistry((letGo) => letGo()));
}

/**
 * The store that is meant: an existing one where it is the same, else a new one. One that cannot be opened is an outage
 * like any other: it is not tried again, and `failureMode` decides what it is asked.
 */
export function acquire(target: StoreTarget, prefix: string): StoreReference {
  switch (target.kind) {
    case 'memory': {
      const { maxKeys } = target;
      return reference(JSON.stringify(['memory', prefix, maxKeys]), prefix, () =>
        opened('memory', () => openMemory(prefix, maxKeys)),
      );
    }
    case 'redis': {
      const { redis } = target;
      return reference(JSON.stringify(['redis', redis]), prefix, () =>
        opened('redis', () => openRedis(redis)),
      );
    }
    case 'custom': {
      const { custom, breaker } = target;
      return reference(custom, prefix, () => {
        const store = new AdaptedStore(custom, breaker);
        return { store, state: store.state };
      });
    }
    case 'failed': {
      const { failure } = target;
      return reference(JSON.stringify(['failed', failure.message]), prefix, () => failed('redis', failure));
    }
  }
}

function opened(source: 'redis' | 'memory', open: () => Store): Opened {
  try {
    const store = open();
    return { store, state: store.state };
  } catch (error) {
    if (!(error instanceof RateLimitError)) throw error;
    return failed(source, error);
  }
}

function failed(source: 'redis' | 'memory', failure: RateLimitError): Opened {
  const state = new StoreState({
    name: NAMES[source],
    source,
    trouble: () => failure.message,
    breaker: () => ALWAYS_CLOSED,
  });
  return { store: undefined, state, failure };
}

function reference(identity: Identity, prefix: string, open: () => Opened): StoreReference {
  const all = registry();
  const shared = [...all].find((one) => one.serves(identity)) ?? {
    serves: (other: Identity) => other === identity,
    opened: open(),
    localCounts: new Map<string, LocalCounts>(),
    references: 0,
  };
  all.add(shared);
  shared.references++;
  const localCounts =
    shared.localCounts.get(prefix) ?? new LocalCounts(prefix, () => openMemory(prefix, MOST_KEYS));
  shared.localCounts.set(prefix, localCounts);
  let held = true;
  return {
    ...shared.opened,
    localCounts,
    release() {
      if (!held) return;
      held = false;
      if (--shared.references > 0) return;
      all.delete(shared);
      shared.opened.store?.close();
      for (const counts of shared.localCounts.values()) counts.close();
    },
  };
}

function openMemory(prefix: string, maxKeys: number): SyncStore {
  return new NativeStore('memory', (told) => native().openMemory({ prefix, maxKeys }, told));
}

function openRedis(target: RedisTarget): Store {
  const trusted = { tls: withTrust(target.tls), sentinelTls: withTrust(target.sentinelTls) };
  const config = { ...target, ...trusted, clientName: 'spillway' };
  return new NativeStore('redis', (told) => native().openRedis(config, told));
}
