import type { NativeHandle, NativeRule } from './native';
import type { RuleSet } from '../../decision/rule-set';

/**
 * The numbers of rule sets in one store. Equal sets share one, and the core keeps its rules until the last of them was
 * released or collected: plans and overrides that were replaced, limits that calls brought along, and limiters that are
 * gone leave nothing behind.
 */
export class SetNumbers {
  private readonly known = new Map<string, { readonly number: number; users: number }>();
  private readonly collected = new FinalizationRegistry<string>((name) => this.release(name));

  constructor(private readonly native: Pick<NativeHandle, 'addRules' | 'releaseRules'>) {}

  /** Gives a set its number. Throws as `addRules` does. */
  register(set: RuleSet, rules: NativeRule[]): void {
    const name = JSON.stringify(rules);
    const shared = this.known.get(name) ?? { number: this.native.addRules(rules), users: 0 };
    this.known.set(name, shared);
    shared.users++;
    this.collected.register(set, name, set);
    set.take(shared.number, () => {
      this.collected.unregister(set);
      this.release(name);
    });
  }

  private release(name: string): void {
    const shared = this.known.get(name)!;
    if (--shared.users > 0) return;
    this.known.delete(name);
    this.native.releaseRules(shared.number);
  }
}
