import { endingText } from './ending';
import { Kind } from './kind';
import { RuleSet } from './rule';
import { makeRule } from './rules/rule';
import type { Store } from './store';
import type { Health, Stats } from './types';

const QUOTA = { algorithm: 'fixed-window', limit: 1_000_000, windowMs: 1_000, burst: 1_000_000 } as const;
const TRAITS = { onError: 'closed', nearLimit: 1 } as const;

/** Runs one real check on a probe key and reports how it went. */
export async function probe(
  store: Store,
  prefix: string,
  timeoutMs: number,
  stats: () => Stats,
): Promise<Health> {
  const started = performance.now();
  const outcome =
    store.source === 'redis' ? await probeRedis(store, prefix, timeoutMs) : probeMemory(store, prefix);
  const latencyMs = Math.round((performance.now() - started) * 1_000) / 1_000;
  const { connectedForMs } = store.native.stats();
  const now = stats();
  // The probe has reached one server; of a cluster, all are needed.
  const healthy = outcome >= 0 && (store.source === 'memory' || store.native.healthy());
  return {
    ...now,
    healthy,
    enabled: true,
    latencyMs: healthy ? latencyMs : null,
    lastError: now.lastError ?? (outcome >= 0 ? null : endingText(-outcome, timeoutMs)),
    connectedSince: connectedForMs < 0 ? null : Date.now() - connectedForMs,
  };
}

/** The probe has a prefix of its own: no key can meet it and no listing shows it. It expires after a second. */
function probeRedis(store: Store, prefix: string, timeoutMs: number): Promise<number> {
  return store.check(probeSet(store, `%health:${prefix}`, timeoutMs), 'probe', 1, Kind.Outcome);
}

/** The in-process table has one prefix, so the probe leaves again before anybody else can look. */
function probeMemory(store: Store, prefix: string): number {
  const set = probeSet(store, prefix, 1);
  const key = `health-${Math.random()}-${Math.random()}`;
  const outcome = store.checkNow(set, key, 1, Kind.Outcome);
  store.resetNow(set, key);
  return outcome;
}

function probeSet(store: Store, prefix: string, timeoutMs: number): RuleSet {
  const set = new RuleSet([makeRule('health', '', QUOTA, {}, TRAITS, '')]);
  store.register(set, prefix, timeoutMs);
  return set;
}
