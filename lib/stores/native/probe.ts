import { ResultKind } from '../../decision/result-kind';
import type { RuleSet } from '../../decision/rule-set';
import { Status, statusText } from '../../decision/status';
import { PROBE_KEY } from '../probe-set';
import type { Probe, SyncStore } from '../store';
import type { Health } from '../types';
import type { NativeHandle } from './native';

/** A limiter's key to learn by whether its store counts. */
export class NativeProbe implements Probe {
  /** @param set of `probeSet`, registered: in Redis under the prefix of a probe */
  constructor(
    private readonly store: SyncStore,
    private readonly native: Pick<NativeHandle, 'healthy' | 'stats'>,
    private readonly set: RuleSet,
    private readonly timeoutMs: number,
  ) {}

  /** What the last real outcomes say, and the charge that this starts where they are bad or old. */
  isHealthy(): boolean {
    return this.native.healthy(this.set.number, PROBE_KEY);
  }

  async run(): Promise<Omit<Health, 'enabled' | 'awaySince'>> {
    const { store, timeoutMs } = this;
    const isRedis = store.source === 'redis';
    // First: of a cluster this asks the other servers as well.
    if (isRedis) this.isHealthy();
    const started = performance.now();
    const outcome = isRedis
      ? await store.check(this.set, PROBE_KEY, 1, ResultKind.Outcome)
      : this.checkMemory();
    const latencyMs = Math.round((performance.now() - started) * 1_000) / 1_000;
    const { connectedForMs, trouble } = this.native.stats();
    const stats = store.stats();
    // A user may be denied this key alone, or somebody else's value stand under it.
    const ofKeyAlone = outcome === -Status.Refused || outcome === -Status.Foreign;
    const healthy = trouble === '' && (outcome >= 0 || ofKeyAlone);
    return {
      ...stats,
      healthy,
      latencyMs: healthy && outcome >= 0 ? latencyMs : null,
      lastError: trouble || stats.lastError || (outcome >= 0 ? null : statusText(-outcome, timeoutMs)),
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
