/**
 * How requests are counted.
 *
 * - `fixed-window`: the window starts at the first request and ends `windowMs` later. Cheapest; two windows side by
 *   side may admit twice the limit within one window's length.
 * - `sliding-window`: never more than the limit in any window's length, from a few counters; room comes back up to
 *   one sub-window late.
 * - `sliding-log`: the same exactly, from one entry for each admitted request.
 * - `token-bucket`: up to `burst` at once, then as fast as the rate refills it.
 */
export type Algorithm = (typeof ALGORITHMS)[number];

/** All algorithms. */
export const ALGORITHMS = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const;
