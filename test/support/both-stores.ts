import { RedisServer } from './redis';

export type StoreName = 'redis' | 'memory';
export interface StoreOptions {
  redis?: string;
  prefix: string;
}

let tests = 0;

/**
 * For `describe.each`: each store with options under which every test has keys of its own. The server that it takes is
 * there while the tests of the file run.
 */
export function bothStores(): [StoreName, () => StoreOptions][] {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.close());
  return [
    ['redis', () => ({ redis: server.url, prefix: `b${tests++}:` })],
    ['memory', () => ({ prefix: `b${tests++}:` })],
  ];
}
