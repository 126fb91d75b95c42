import { RateLimitError } from '../base/errors';
import { VERSION } from '../base/version';
import { native } from '../binary';
import { StoreState } from '../telemetry/store-state';
import { ALWAYS_CLOSED } from '../telemetry/breaker-state';
import { AdaptedStore } from './custom/store';
import { nameOf } from './failover/name';
import { FailoverStore } from './failover/store';
import { NativeStore } from './native/store';
import { NAMES } from './native/stats';
import type { FailoverSettings } from './failover/options';
import { LocalCounts } from './local-counts';
import { MOST_KEYS, type StoreTarget } from './option';
import type { RedisTarget } from './redis/options';
import { withTrust } from './redis/trust';
import type { HeldStore, Opened, Store, SyncStore } from './store';

/** A share in a store. */
export type StoreReference = HeldStore & {
  /** What this process counts while the store does not. */
  readonly localCounts: LocalCounts;
};

/** What two shares have to have in common: texts, and objects of the application's. */
type Identity = readonly (string | object)[];

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
  return reference(identityOf(target, prefix), prefix, () => open(target, prefix));
}

function identityOf(target: StoreTarget, prefix: string): Identity {
  switch (target.kind) {
    case 'memory':
      return [JSON.stringify(['memory', prefix, target.maxKeys])];
    case 'redis':
      return [JSON.stringify(['redis', target.redis])];
    case 'custom':
      return [target.custom];
    case 'failed':
      return [JSON.stringify(['failed', target.failure.message])];
    case 'failover': {
      const { members, settings } = target;
      return [
        JSON.stringify(['failover', prefix, settings]),
        ...members.flatMap((one) => identityOf(one, prefix)),
      ];
    }
  }
}

function open(target: StoreTarget, prefix: string): Opened {
  switch (target.kind) {
    case 'memory':
      return opened('memory', () => openMemory(prefix, target.maxKeys));
    case 'redis':
      return opened('redis', () => openRedis(target.redis));
    case 'custom':
      return working(new AdaptedStore(target.custom, target.breaker));
    case 'failed':
      return failed('redis', target.failure);
    case 'failover':
      return openFailover(target.members, target.settings, prefix);
  }
}

/** A store that is listed twice is one. */
function openFailover(targets: readonly StoreTarget[], settings: FailoverSettings, prefix: string): Opened {
  const identities = targets.map((one) => identityOf(one, prefix));
  const distinct = targets.filter((_, i) => identities.findIndex((one) => equal(one, identities[i]!)) === i);
  const members = distinct.map((one) => ({ name: nameOf(one), reference: acquire(one, prefix) }));
  if (members.some(({ reference }) => reference.store !== undefined)) {
    return working(new FailoverStore(members, settings, prefix));
  }
  for (const { reference } of members) reference.release();
  return failed('failover', members[0]!.reference.failure!);
}

function working(store: Store): Opened {
  return { store, source: store.source, state: store.state };
}

function opened(source: 'redis' | 'memory', open: () => Store): Opened {
  try {
    return working(open());
  } catch (error) {
    if (!(error instanceof RateLimitError)) throw error;
    return failed(source, error);
  }
}

function failed(source: keyof typeof NAMES | 'failover', failure: RateLimitError): Opened {
  const state = new StoreState({
    name: source === 'failover' ? 'The failover' : NAMES[source],
    source,
    trouble: () => failure.message,
    breaker: () => ALWAYS_CLOSED,
  });
  return { store: undefined, source, state, failure };
}

function reference(identity: Identity, prefix: string, open: () => Opened): StoreReference {
  const all = registry();
  const shared = [...all].find((one) => one.serves(identity)) ?? {
    serves: (other: Identity) => equal(other, identity),
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

function equal(one: Identity, other: Identity): boolean {
  return one.length === other.length && one.every((part, i) => part === other[i]);
}

function openRedis(target: RedisTarget): Store {
  const trusted = { tls: withTrust(target.tls), sentinelTls: withTrust(target.sentinelTls) };
  const config = { ...target, ...trusted, clientName: 'spillway' };
  return new NativeStore('redis', (told) => native().openRedis(config, told));
}
