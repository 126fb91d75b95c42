/** `spillway/mongodb` through the driver, over a server that is scripted: what every store has to keep, and what it asks. */
import { MongoClient, type Collection, type Document } from 'mongodb';
import { createRateLimiter, type RateLimiterOptions } from 'spillway';
import { migrate, mongoStore, type MongoStoreOptions } from 'spillway/mongodb';
import { storeConformance } from 'spillway/testing';
import { FakeMongo } from './support/fake-mongo';
import { owner } from './support/owned';

const own = owner();
const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
const seed = Number(process.env.SPILLWAY_SEED ?? Date.now() % 100_000);
const withSeed = `SPILLWAY_SEED=${seed}`;
const limiterOf = (options: RateLimiterOptions) =>
  own(createRateLimiter({ logger: false, timeoutMs: 10_000, ...options }));

/** As a schema that says what `_id` is, and one that says nothing. */
interface Counts {
  _id: string;
  state: string;
  expiresAt: Date;
}
const untyped = (client: MongoClient): Collection => client.db().collection('limits');
const typed = (client: MongoClient): Collection<Counts> => client.db().collection<Counts>('limits');

async function opened(query = '') {
  const server = await own(FakeMongo.start(seed));
  const client = await own(new MongoClient(server.url + query));
  return { server, client, collection: typed(client) };
}

describe('every promise of a store', () => {
  let server: FakeMongo;
  let client: MongoClient;
  beforeAll(async () => {
    server = await FakeMongo.start(seed);
    client = new MongoClient(server.url);
  });
  afterAll(async () => {
    await client.close();
    await server.close();
  });
  storeConformance({
    name: `on MongoDB's wire (${withSeed})`,
    open() {
      let nowMs = Date.now();
      const spy = jest.spyOn(Date, 'now').mockImplementation(() => nowMs);
      const advance = (ms: number) => void (nowMs += ms);
      return { store: mongoStore(untyped(client)), advance, close: () => spy.mockRestore() };
    },
  });
});

test.each(['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const)(
  `200 at once of five processes admit exactly the limit: %s (${withSeed})`,
  async (algorithm) => {
    const { server } = await opened();
    // A client for each, as processes have it.
    const limiters = await Promise.all(
      times(5, async () => {
        const client = await own(new MongoClient(server.url));
        return limiterOf({ store: mongoStore(typed(client)), rate: '61/h', algorithm });
      }),
    );
    const decisions = await Promise.all(times(200, (i) => limiters[i % 5]!.check('k')));
    const left = decisions.filter(({ allowed }) => allowed).map(({ remaining }) => remaining);
    expect(left.sort((a, b) => a - b)).toEqual(times(61, (i) => i));
    expect(decisions.every(({ source }) => source === 'mongodb')).toBe(true);
    expect(server.lost).toBeGreaterThan(0);
  },
);

test("reads ask the primary for what was written last, and writes a majority, whatever the client's settings are", async () => {
  const { server, collection } = await opened(
    '&readPreference=secondaryPreferred&readConcernLevel=majority&w=0',
  );
  const limiter = await limiterOf({ store: mongoStore(collection), rate: '5/h' });
  for (let i = 0; i < 2; i++) expect((await limiter.check('k')).source).toBe('mongodb');
  await limiter.reset('k');
  for await (const { key } of limiter.list()) expect(key).toBe('not there');
  const reads = server.asked.filter((command) => 'find' in command);
  const writes = server.asked.filter((command) => !('find' in command));
  expect(writes.map((command) => Object.keys(command)[0])).toEqual(['insert', 'update', 'delete']);
  for (const command of writes) {
    expect(command).toMatchObject({ writeConcern: { w: 'majority', wtimeout: 5_000 }, maxTimeMS: 5_000 });
  }
  expect(reads).toHaveLength(4);
  for (const command of reads) {
    expect(command).toMatchObject({ readConcern: { level: 'local' }, maxTimeMS: 5_000 });
    expect((command.$readPreference as Document | undefined)?.mode ?? 'primary').toBe('primary');
  }
});

test('writeConcern: 1 asks the primary alone', async () => {
  const { server, collection } = await opened();
  const limiter = await limiterOf({ store: mongoStore(collection, { writeConcern: 1 }), rate: '5/h' });
  await limiter.check('k');
  expect(server.asked.at(-1)).toMatchObject({ writeConcern: { w: 1 } });
});

test('an ended document that is still there is replaced, and one that left meanwhile is no outage', async () => {
  const { server, collection } = await opened();
  let nowMs = 1_716_000_000_123;
  const spy = jest.spyOn(Date, 'now').mockImplementation(() => nowMs);
  const limiter = await limiterOf({ store: mongoStore(collection), rate: '2/m' });
  const allowed = async () => (await limiter.check('k')).allowed;
  expect([await allowed(), await allowed(), await allowed()]).toEqual([true, true, false]);
  nowMs += 60_000;
  expect(await allowed()).toBe(true);
  expect(server.documents.size).toBe(1);
  expect(server.count('insert')).toBe(1);
  nowMs += 60_000;
  // The index removes it between the read and the write.
  server.fault = (command) => ('update' in command && server.documents.clear(), undefined);
  expect(await limiter.check('k')).toMatchObject({ source: 'mongodb', remaining: 1 });
  expect(server.count('insert')).toBe(2);
  spy.mockRestore();
});

test('a deletion takes no charge along that came between', async () => {
  const { server, collection } = await opened();
  const limiter = await limiterOf({ store: mongoStore(collection), rate: '5/h' });
  await limiter.check('k');
  const [one] = [...server.documents.values()];
  const was = one!.state as string;
  await limiter.check('k');
  const charged = one!.state as string;
  one!.state = was;
  let due = true;
  server.fault = (command) => {
    if ('delete' in command && due) [due, one!.state] = [false, charged];
    return undefined;
  };
  expect(await limiter.reset('k')).toBe(true);
  // The first one met what it had not read.
  expect([server.count('delete'), server.lost, server.documents.size]).toEqual([2, 1, 0]);
});

test('a document leaves one to two minutes behind its end, and charges of a minute do not move it', async () => {
  const { server, collection } = await opened();
  let nowMs = 1_716_000_000_123;
  const spy = jest.spyOn(Date, 'now').mockImplementation(() => nowMs);
  const limiter = await limiterOf({ store: mongoStore(collection), rate: '9/h', algorithm: 'sliding-log' });
  const leaves = new Set<number>();
  for (let i = 0; i < 5; i++, nowMs += 10) {
    await limiter.check('k');
    const [document] = [...server.documents.values()];
    leaves.add((document!.expiresAt as Date).getTime());
    const endMs = Number.parseInt((document!.state as string).split(' ')[0]!, 36);
    expect((document!.expiresAt as Date).getTime() - endMs).toBeGreaterThanOrEqual(60_000);
    expect((document!.expiresAt as Date).getTime() - endMs).toBeLessThan(121_000);
  }
  spy.mockRestore();
  expect([...leaves].every((ms) => ms % 60_000 === 0)).toBe(true);
  expect(leaves.size).toBe(1);
});

test('the pages of a listing go on behind the last key, and end with the prefix', async () => {
  const { server, collection } = await opened();
  const limiter = await limiterOf({ store: mongoStore(collection), rate: '9/h', prefix: 'mine' });
  await Promise.all(times(7, (i) => limiter.check(`id-${i}`)));
  for (const _id of ['~1', '~2', '~3', '~4']) server.documents.set(_id, { _id, state: 'x' });
  const listed: string[] = [];
  for await (const { key } of limiter.list({ pageSize: 3 })) listed.push(key);
  expect(listed).toHaveLength(7);
  const pages = server.asked.filter((command) => 'find' in command && 'sort' in command);
  expect(pages.map(({ filter }) => Object.keys((filter as Counts)._id)[0])).toEqual(['$gte', '$gt', '$gt']);
});

describe('migrate', () => {
  test('makes the index that removes ended documents, as often as it is asked', async () => {
    const { server, collection } = await opened();
    await Promise.all([migrate(collection), migrate(collection)]);
    await migrate(collection);
    for (const index of server.indexes) {
      expect(index).toEqual({ key: { expiresAt: 1 }, name: 'spillway_expires_at', expireAfterSeconds: 0 });
    }
    expect(server.indexes).toHaveLength(3);
  });

  test.each([
    [{ capped: true, size: 4096 }, 'The collection is capped'],
    [{ collation: { locale: 'en', strength: 2 } }, 'The collection has a collation'],
  ])('refuses %j', async (options, said) => {
    const { server, collection } = await opened();
    server.collectionOptions = options;
    const failed = migrate(collection);
    await expect(failed).rejects.toThrow(said);
    await expect(failed).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
  });

  test('rejects with what the database says', async () => {
    const { server, collection } = await opened();
    server.fault = () => ({ refuses: { code: 85, errmsg: 'an index of other options' } });
    await expect(migrate(collection)).rejects.toThrow('an index of other options');
  });
});

test.each<[unknown, string]>([
  [undefined, 'The first argument must be a Collection of mongodb'],
  [{ findOne() {} }, 'The first argument must be a Collection of mongodb'],
])('%j is no collection', async (given, said) => {
  expect(() => mongoStore(given as never)).toThrow(said);
  await expect(migrate(given as never)).rejects.toThrow(said);
});

test.each<[MongoStoreOptions, string]>([
  [{ writeConcern: 0 as never }, "writeConcern must be 'majority' or 1, not 0"],
  [{ writeConcerns: 1 } as never, 'Did you mean writeConcern?'],
  [{ name: 'Mongo' }, 'name of a custom'],
  [5 as never, 'The options of mongoStore'],
])('options are checked: %j', async (options, said) => {
  const { collection } = await opened();
  expect(() => mongoStore(collection, options)).toThrow(said);
});
