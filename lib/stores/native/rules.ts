import { keyPart, type RuleSet } from '../../decision/rule-set';
import type { NativeRule } from './native';

/** A set as the core is told of it. */
export function nativeRules(set: RuleSet, prefix: string, timeoutMs: number, probe: boolean): NativeRule[] {
  return set.rules.map((rule) => {
    const { algorithm, limit, burst, windowMs } = rule.quota;
    const { shadow } = rule;
    return { prefix, part: keyPart(rule), algorithm, limit, burst, shadow, probe, windowMs, timeoutMs };
  });
}
