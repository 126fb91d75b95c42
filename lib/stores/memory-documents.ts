import { MOST_SUMS, type Addition, type Documents, type Versioned } from './documents';

const NONE: Versioned = { version: '', text: '' };

/** Those of the store in this process. */
export class MemoryDocuments implements Documents {
  private readonly texts = new Map<string, Versioned>();
  private readonly all = new Map<string, { endsMs: number; readonly amounts: Map<string, number> }>();

  version(name: string): Promise<string> {
    return Promise.resolve((this.texts.get(name) ?? NONE).version);
  }

  read(name: string): Promise<Versioned> {
    return Promise.resolve(this.texts.get(name) ?? NONE);
  }

  compareAndSet(name: string, from: string, to: Versioned): Promise<boolean> {
    const isSame = (this.texts.get(name) ?? NONE).version === from;
    if (isSame) this.texts.set(name, to);
    return Promise.resolve(isSame);
  }

  add(additions: readonly Addition[]): Promise<boolean> {
    const nowMs = Date.now();
    for (const [name, { endsMs }] of this.all) if (endsMs <= nowMs) this.all.delete(name);
    for (const { name, expiresInMs, amounts } of additions) {
      const kept = this.all.get(name) ?? { endsMs: 0, amounts: new Map<string, number>() };
      this.all.set(name, kept);
      kept.endsMs = nowMs + expiresInMs;
      for (const [field, amount] of amounts) {
        const before = kept.amounts.get(field);
        if (before !== undefined || kept.amounts.size < MOST_SUMS) {
          kept.amounts.set(field, (before ?? 0) + amount);
        }
      }
    }
    return Promise.resolve(true);
  }

  sums(names: readonly string[]): Promise<ReadonlyMap<string, number>[]> {
    return Promise.resolve(names.map((name) => new Map(this.all.get(name)?.amounts)));
  }
}
