/** What every store has to keep: the package's own, and that the suite sees a store that breaks a promise. */
import { failoverStore, memoryStore, redisStore } from 'spillway';
import { customStore, type CustomStore } from 'spillway/store';
import { conformanceCases, storeConformance, type OpenedStore } from 'spillway/testing';
import { BROKEN } from './support/broken-stores';
import { RedisServer } from './support/redis';
import { StateStore } from './support/state-store';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.close());

const opened = (store: CustomStore & { advance(ms: number): void }): OpenedStore => ({
  store: customStore(store),
  advance: (ms) => store.advance(ms),
});

storeConformance({ name: 'in process', open: () => memoryStore() });
storeConformance({ name: 'on Redis', open: () => redisStore(server.url) });
storeConformance({
  name: 'a failover, with a clock',
  open() {
    const store = new StateStore();
    return { store: failoverStore([customStore(store)]), advance: (ms) => store.advance(ms) };
  },
});
storeConformance({ name: 'a custom store with a clock', open: () => opened(new StateStore()) });

class Least extends StateStore {
  override refund = undefined as never;
  override block = undefined as never;
  override scan = undefined as never;
}

storeConformance({
  name: 'a custom store with the least that is needed',
  open: () => opened(new Least()),
  without: ['refund', 'block', 'scan'],
});

/** The cases that a store fails, with what they say. */
async function failuresOf(open: () => OpenedStore): Promise<Map<string, string>> {
  const failures = new Map<string, string>();
  for (const one of conformanceCases) {
    if (one.lacks !== undefined) continue;
    await one.run(open).catch((error: Error) => failures.set(one.name, error.message));
  }
  return failures;
}

test.each(BROKEN)('a store that is not one is seen: %s', async (_, make, name) => {
  const failures = await failuresOf(() => opened(make()));
  expect([...failures.keys()].join('\n')).toContain(name);
});

test('what is missing and was not said is a failure that says what to do', async () => {
  const failures = await failuresOf(() => opened(new Least()));
  const needing = conformanceCases.filter(({ needs }) => needs.length > 0).map(({ name }) => name);
  expect([...failures.keys()]).toEqual(needing);
  for (const message of failures.values()) {
    expect(message).toMatch(/has no method (refund|block|scan).*name the method in `without`/);
  }
});

test('what is there and was said to be missing is a failure', async () => {
  const absent = conformanceCases.filter(({ lacks }) => lacks !== undefined);
  expect(absent.map(({ lacks }) => lacks)).toEqual(['refund', 'block', 'scan']);
  for (const one of absent)
    await expect(one.run(() => opened(new StateStore()))).rejects.toThrow('Missing expected rejection');
});

test('an outage is told with its reason', async () => {
  const [, make] = BROKEN.find(([what]) => what === 'rejects')!;
  const failures = await failuresOf(() => opened(make()));
  expect(
    [...failures.values()].filter((message) => message.includes('the disk is full')).length,
  ).toBeGreaterThan(100);
});

test('names of cases are unique', () => {
  expect(new Set(conformanceCases.map(({ name }) => name)).size).toBe(conformanceCases.length);
});

test('options are checked', () => {
  const open = () => memoryStore();
  const refused = (options: object) => {
    expect(() => storeConformance(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION' }),
    );
  };
  refused({ name: '', open });
  refused({ name: 'x', open: memoryStore() });
  refused({ name: 'x', open, without: ['ping'] });
  refused({ name: 'x', open, without: 'refund' });
  refused({ name: 'x', open, surplus: true });
});
