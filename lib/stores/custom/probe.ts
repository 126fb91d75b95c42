import { ResultKind } from '../../decision/result-kind';
import type { RuleSet } from '../../decision/rule-set';
import { statusText } from '../../decision/status';
import { PROBE_KEY, probePrefix, probeSet } from '../probe-set';
import type { Probe, Store } from '../store';
import type { Health } from '../types';

/** What is known is asked again when it is older. */
const FRESH_MS = 500;

interface ProbedStore extends Store {
  register(set: RuleSet, prefix: string, timeoutMs: number, probe?: boolean): void;
  reach(set: RuleSet): Promise<number>;
  known(): { trouble: string; ageMs: number };
}

/** A limiter's question whether a custom store counts: by a check of a key of its own, or by its `ping`. */
export class CustomProbe implements Probe {
  private readonly set = probeSet();
  private asking = false;

  constructor(
    private readonly store: ProbedStore,
    prefix: string,
    private readonly timeoutMs: number,
  ) {
    store.register(this.set, probePrefix(prefix), timeoutMs, true);
  }

  isHealthy(): boolean {
    const { trouble, ageMs } = this.store.known();
    if ((trouble !== '' || ageMs > FRESH_MS) && !this.asking) {
      this.asking = true;
      // Only a charge tells that charges are counted again.
      const asked = trouble === '' ? this.store.reach(this.set) : this.charge();
      void asked.finally(() => (this.asking = false));
    }
    return trouble === '' && ageMs < Infinity;
  }

  async run(): Promise<Omit<Health, 'enabled' | 'awaySince'>> {
    const started = performance.now();
    const outcome = await this.charge();
    const latencyMs = Math.round((performance.now() - started) * 1_000) / 1_000;
    const stats = this.store.stats();
    const healthy = outcome >= 0;
    return {
      ...stats,
      healthy,
      latencyMs: healthy ? latencyMs : null,
      lastError: stats.lastError ?? (healthy ? null : statusText(-outcome, this.timeoutMs)),
      connectedSince: null,
    };
  }

  private charge(): Promise<number> {
    return this.store.check(this.set, PROBE_KEY, 1, ResultKind.Outcome);
  }
}
