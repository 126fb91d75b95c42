import type { RedisServer } from './redis';

export type StoreName = 'redis' | 'memory';
export interface StoreOptions {
  redis?: string;
  prefix: string;
}

let tests = 0;

/** For `describe.each`: each store with options under which every test has keys of its own. */
export function bothStores(server: () => RedisServer): [StoreName, () => StoreOptions][] {
  return [
    ['redis', () => ({ redis: server().url, prefix: `b${tests++}:` })],
    ['memory', () => ({ prefix: `b${tests++}:` })],
  ];
}
