import { Groups } from './group';
import { matches, matchesExactly, type Reading } from './pattern';
import type { CompiledRequestRule, Entry } from './request-rule';

/** An entry that applies to a request. */
export interface Match extends Entry {
  /** The first of the path's readings that it matches. */
  readonly reading: number;
}

/**
 * The entries that apply to a request, in their order: the most specific one of each rule, and of each group those that
 * `Groups` admits.
 */
export function applying(
  entries: readonly Entry[],
  method: string,
  readings: readonly Reading[],
  isSkipped: (match: Match) => boolean = () => false,
): Match[] {
  const skips = new Map<CompiledRequestRule, boolean>();
  const applied = new Set<CompiledRequestRule>();
  const groups = new Groups();
  const found: Match[] = [];
  for (const { pattern, of } of entries) {
    if (of.group === undefined && skips.has(of)) continue;
    const reading = readings.findIndex(({ folded }) => matches(pattern, method, folded));
    if (reading === -1) continue;
    const match = { pattern, of, reading };
    const isOut = skips.get(of) ?? isSkipped(match);
    skips.set(of, isOut);
    if (isOut) continue;
    if (of.group !== undefined && !groups.admits(of.group, of, matchesExactly(pattern, method, readings)))
      continue;
    if (applied.has(of)) continue;
    applied.add(of);
    found.push(match);
  }
  return found;
}
