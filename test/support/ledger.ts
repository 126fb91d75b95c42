/** What came back from many checks, for comparison with what the server charged. */

interface Counted {
  allowed: boolean;
  source: string;
}

export interface Tally {
  allowed: number;
  denied: number;
  /** By the store's own word, not by policy. */
  admittedByStore: number;
  bySource: Record<string, number>;
}

export function tally(decisions: readonly Counted[]): Tally {
  const bySource: Record<string, number> = {};
  for (const { source } of decisions) bySource[source] = (bySource[source] ?? 0) + 1;
  const allowed = decisions.filter((decision) => decision.allowed);
  const admittedByStore = allowed.filter(({ source }) => source !== 'none').length;
  return { allowed: allowed.length, denied: decisions.length - allowed.length, admittedByStore, bySource };
}

/** `n` results of `work(0)`, `work(1)`, ..., all under way at once. */
export function times<T>(n: number, work: (i: number) => T | Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: n }, (_, i) => work(i)));
}

/** `n - 1` down to 0. */
export function countdown(n: number): number[] {
  return Array.from({ length: n }, (_, i) => n - 1 - i);
}

export function descending(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => b - a);
}
