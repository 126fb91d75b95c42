import { RateLimitError } from '../base/errors';
import { VERSION } from '../base/version';
import { native } from '../binary';
import { StoreState } from '../telemetry/store-state';
import { ALWAYS_CLOSED } from '../telemetry/breaker-state';
import { AdaptedStore } from './custom/store';
import { NAMES, NativeStore } from './native/store';
import type { StoreTarget } from './option';
import type { RedisTarget } from './redis/options';
import { withTrust } from './redis/trust';
import type { Store } from './store';

/** A store, or why there is none. */
type Opened =
  | { readonly store: Store; readonly state: StoreState; readonly failure?: undefined }
  | { readonly store: undefined; readonly state: StoreState; readonly failure: RateLimitError };

/** A share in a store. `release` gives it back, once; the last one closes the store. */
export type StoreReference = Opened & { release(): void };

/** What two shares have to have in common: a text, or an object of the application's. */
type Identity = string | object;

interface Shared {
  /** A closure, because what it compares may hold credentials: a dump of the registry must not show them. */
  readonly serves: (identity: Identity) => boolean;
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
 * The store that is meant: an existing one where it is the same, else a new one. One that cannot be opened is an outage
 * like any other: it is not tried again, and `failureMode` decides what it is asked.
 */
export function acquire(target: StoreTarget, prefix: string): StoreReference {
  switch (target.kind) {
    case 'memory': {
      const { maxKeys } = target;
      const config = { prefix, maxKeys };
      return reference(JSON.stringify(['memory', prefix, maxKeys]), () =>
        opened('memory', () => new NativeStore('memory', (told) => native().openMemory(config, told))),
      );
    }
    case 'redis': {
      const { redis } = target;
      return reference(JSON.stringify(['redis', redis]), () => opened('redis', () => openRedis(redis)));
    }
    case 'custom': {
      const { custom, breaker } = target;
      return reference(custom, () => {
        const store = new AdaptedStore(custom, breaker);
        return { store, state: store.state };
      });
    }
    case 'failed': {
      const { failure } = target;
      return reference(JSON.stringify(['failed', failure.message]), () => failed('redis', failure));
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

function reference(identity: Identity, open: () => Opened): StoreReference {
  const all = registry();
  const shared = [...all].find((one) => one.serves(identity)) ?? {
    serves: (other: Identity) => other === identity,
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
      shared.opened.store?.close();
    },
  };
}

function openRedis(target: RedisTarget): Store {
  const trusted = { tls: withTrust(target.tls), sentinelTls: withTrust(target.sentinelTls) };
  const config = { ...target, ...trusted, clientName: 'spillway' };
  return new NativeStore('redis', (told) => native().openRedis(config, told));
}
