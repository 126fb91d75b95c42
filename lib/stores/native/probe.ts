import { statusText } from '../../decision/status';
import { ResultKind } from '../../decision/result-kind';
import { Status } from '../../decision/status';
import { RuleSet } from '../../decision/rule-set';
import { makeRule } from '../../rules/rule';
import type { Store } from './store';
import type { Health, Stats } from '../types';

const QUOTA = { algorithm: 'fixed-window', limit: 1_000_000, windowMs: 1_000, burst: 1_000_000 } as const;
const TRAITS = { failureMode: 'closed', nearLimit: 1 } as const;
const KEY = 'probe';

/** A limiter's key to learn by whether its store counts. */
export class Probe {
  /** In Redis it has a prefix of its own: no key can meet it and no listing shows it. It expires after a second. */
  private readonly set = new RuleSet([makeRule('health', '', QUOTA, {}, TRAITS, '')]);

  constructor(
    private readonly store: Store,
    prefix: string,
    private readonly timeoutMs: number,
  ) {
    if (store.source === 'redis') store.register(this.set, `%health:${prefix}`, timeoutMs, true);
    else store.register(this.set, prefix, 1);
  }

  /** What the last real outcomes say, and the charge that this starts where they are bad or old. */
  isHealthy(): boolean {
    return this.store.native.healthy(this.set.number, KEY);
  }

  /** Runs one real check and reports how it went. */
  async run(stats: () => Stats): Promise<Health> {
    const { store, timeoutMs } = this;
    // First: of a cluster this asks the other servers as well.
    if (store.source === 'redis') this.isHealthy();
    const started = performance.now();
    const outcome =
      store.source === 'redis' ? await store.check(this.set, KEY, 1, ResultKind.Outcome) : this.checkMemory();
    const latencyMs = Math.round((performance.now() - started) * 1_000) / 1_000;
    const { connectedForMs, trouble } = store.native.stats();
    const now = stats();
    // A user may be denied this key alone, or somebody else's value stand under it.
    const ofKeyAlone = outcome === -Status.Refused || outcome === -Status.Foreign;
    const healthy = trouble === '' && (outcome >= 0 || ofKeyAlone);
    return {
      ...now,
      healthy,
      enabled: true,
      latencyMs: healthy && outcome >= 0 ? latencyMs : null,
      lastError: trouble || now.lastError || (outcome >= 0 ? null : statusText(-outcome, timeoutMs)),
      connectedSince: connectedForMs < 0 ? null : Date.now() - connectedForMs,
    };
  }

  /** The in-process table has one prefix, so the probe leaves again before anybody else can look. */
  private checkMemory(): number {
    const key = `health-${Math.random()}-${Math.random()}`;
    const outcome = this.store.checkNow(this.set, key, 1, ResultKind.Outcome);
    this.store.resetNow(this.set, key);
    return outcome;
  }
}
