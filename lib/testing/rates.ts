import type { PlanRule } from '../index';

/** All algorithms, as rules name them. */
export const ALGORITHMS = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const;

export type AnyAlgorithm = (typeof ALGORITHMS)[number];

/** A rule in numbers. */
export function rule(
  requests: number,
  windowMs: number,
  algorithm: AnyAlgorithm = 'fixed-window',
  more: Omit<PlanRule, 'rate' | 'algorithm'> = {},
): PlanRule {
  return { rate: { requests, windowMs }, algorithm, ...more };
}

export function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}
