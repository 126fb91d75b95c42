import type { Outcome } from './types';

/** What is wrong with what a store answered; empty where it can be used. */
export function outcomesProblem(outcomes: unknown, items: number): string {
  if (!Array.isArray(outcomes)) return 'apply answered no list of outcomes';
  if (outcomes.length !== items) return `apply answered ${outcomes.length} outcomes for ${items} items`;
  for (const outcome of outcomes as readonly Partial<Outcome>[]) {
    const { allowed, remaining, resetInMs, retryAfterMs, used, mark = 0 } = outcome;
    // Numbers that are not, and those that make a window without end, would be told to clients.
    if (
      typeof allowed !== 'boolean' ||
      !(remaining! >= 0 && remaining! < Infinity) ||
      !(resetInMs! >= 0 && resetInMs! < Infinity) ||
      !(retryAfterMs! >= -1 && retryAfterMs! < Infinity) ||
      !(used! >= 0 && used! < Infinity) ||
      !Number.isFinite(mark)
    ) {
      return 'apply answered an outcome without allowed, remaining, resetInMs, retryAfterMs or used, or one that cannot be';
    }
  }
  return '';
}

/** Why a store failed, as people may read it: one line, and nothing that stands where a URL has its password. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  const line = text.split('\n', 1)[0]!.replace(/\/\/[^\s/@]*@/g, '//…@');
  return line.length > 200 ? `${line.slice(0, 200)}…` : line || 'it failed without a reason';
}
