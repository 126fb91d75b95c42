export const STRATEGIES = ['first-healthy', 'round-robin'] as const;

/** Which of several stores counts a key. */
export type Strategy = (typeof STRATEGIES)[number];

/** A store as far as it is chosen by. */
export interface Candidate {
  readonly index: number;
  readonly up: boolean;
}

/**
 * The store that counts a subject, of those that are up and were not asked yet. By key it is the one with the highest
 * score, which no other store has a part in: when one leaves, its keys move and all others stay. All processes that list
 * the stores in one order choose alike.
 * @param asked a bit for each store, by its index
 */
export function pick<C extends Candidate>(
  strategy: Strategy,
  candidates: readonly C[],
  subject: string,
  asked = 0,
): C | undefined {
  const isFree = ({ index, up }: C) => up && (asked & (1 << index)) === 0;
  if (strategy === 'first-healthy') return candidates.find(isFree);
  const hash = hashOf(subject);
  let chosen: C | undefined;
  let most = -1;
  for (const one of candidates) {
    if (!isFree(one)) continue;
    const score = mixed(hash ^ Math.imul(one.index + 1, 0x9e3779b1));
    if (score <= most) continue;
    most = score;
    chosen = one;
  }
  return chosen;
}

/** FNV-1a over the units of a text. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** The last step of MurmurHash3: each bit of its answer hangs on all of what was given. 0 to 2^32-1. */
function mixed(given: number): number {
  let hash = given ^ (given >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
