import { native } from '../binary';
import { RateLimitError } from '../base/errors';
import type { NativeCallbacks } from './native/native';
import type { RedisTarget } from './redis/options';
import { NAMES, Store } from './native/store';
import { StoreState } from '../telemetry/store-state';
import { withTrust } from './redis/trust';
import { VERSION } from '../base/version';

/** A store, or why there is none. */
type Opened =
  | { readonly store: Store; readonly state: StoreState; readonly failure?: undefined }
  | { readonly store: undefined; readonly state: StoreState; readonly failure: RateLimitError };

/** A share in a store. `release` gives it back, once; the last one closes the store. */
export type StoreReference = Opened & { release(): void };

/** Which store is meant, as far as options say it. */
export interface StoreSettings {
  /** Undefined: the in-process store. */
  readonly redis: RedisTarget | undefined;
  /** Why the Redis that was meant cannot be used. */
  readonly failure?: RateLimitError;
  readonly prefix: string;
  readonly connectTimeoutMs: number;
  readonly maxKeys: number;
}

interface Shared {
  /** A closure, because what it compares holds credentials: a dump of the registry must not show them. */
  readonly serves: (connection: string) => boolean;
  readonly opened: Opened;
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
 * The store for these settings: an existing one when connection options are equal, else a new one. One that cannot be
 * opened is an outage like any other: it is not tried again, and `failureMode` decides what it is asked.
 */
export function acquire(settings: StoreSettings): StoreReference {
  const { redis, failure, prefix, connectTimeoutMs, maxKeys } = settings;
  if (failure !== undefined) {
    return reference(JSON.stringify(['none', failure.message]), () => opened('redis', () => refuse(failure)));
  }
  return redis === undefined
    ? reference(JSON.stringify(['memory', prefix, maxKeys]), () =>
        opened('memory', () => openMemory(prefix, maxKeys)),
      )
    : reference(JSON.stringify(['redis', redis, connectTimeoutMs]), () =>
        opened('redis', () => openRedis(redis, connectTimeoutMs)),
      );
}

function opened(source: Store['source'], open: () => Store): Opened {
  try {
    const store = open();
    return { store, state: store.state };
  } catch (error) {
    if (!(error instanceof RateLimitError)) throw error;
    const state = new StoreState({
      name: NAMES[source],
      source,
      trouble: () => error.message,
    });
    return { store: undefined, state, failure: error };
  }
}

function refuse(failure: RateLimitError): never {
  throw failure;
}

function reference(connection: string, open: () => Opened): StoreReference {
  const all = registry();
  const shared = [...all].find((one) => one.serves(connection)) ?? {
    serves: (other: string) => other === connection,
    opened: open(),
    references: 0,
  };
  all.add(shared);
  shared.references++;
  let held = true;
  return {
    ...shared.opened,
    release() {
      if (!held) return;
      held = false;
      if (--shared.references > 0) return;
      all.delete(shared);
      shared.opened.store?.native.close();
    },
  };
}

function openMemory(prefix: string, maxKeys: number): Store {
  return new Store('memory', (callbacks) => native().openMemory({ prefix, maxKeys }, callbacks));
}

function openRedis(target: RedisTarget, connectTimeoutMs: number): Store {
  const trusted = { tls: withTrust(target.tls), sentinelTls: withTrust(target.sentinelTls) };
  const config = { ...target, ...trusted, clientName: 'spillway', connectTimeoutMs };
  return new Store('redis', (callbacks: NativeCallbacks) => native().openRedis(config, callbacks));
}
