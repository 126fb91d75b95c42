/** `spillway/mongodb` where the database refuses, is slow or goes: nothing is charged twice, and the reason is told in plain words. */
import { MongoClient, type Document } from 'mongodb';
import { createRateLimiter } from 'spillway';
import { mongoStore, type MongoCollection } from 'spillway/mongodb';
import { FakeMongo, type Fault } from './support/fake-mongo';
import { owner } from './support/owned';
import { until } from './support/wait';

const own = owner();
const MAY_BE = /; what was sent may have been charged\.$/;
/** In all that a server or a driver says here. */
const SECRET = 'of alice at db.internal';

async function opened(query = '', options: { timeoutMs?: number } = {}) {
  const server = await own(FakeMongo.start(1));
  const client = await own(new MongoClient(server.url + query));
  const collection = client.db().collection('limits');
  const limiter = await limiterOf(collection, options);
  return { server, client, collection, limiter };
}
const limiterOf = (collection: MongoCollection, options: { timeoutMs?: number } = {}) => {
  const store = mongoStore(collection, { breaker: { failures: 1_000 } });
  return own(
    createRateLimiter({
      ...{ store, rate: '5/h', failureMode: 'closed', logger: false, timeoutMs: 5_000 },
      ...options,
    }),
  );
};

const isWrite = (command: Document) => !('find' in command);
/** The fault happens once, to the first such command. */
function once(fault: Fault, isMeant: (command: Document) => boolean) {
  let due = true;
  return (command: Document) => (due && isMeant(command) ? ((due = false), fault) : undefined);
}

describe.each(['first', 'second'])('the %s charge of a key', (which) => {
  const charged = async (query: string, fault: Fault) => {
    const { server, limiter } = await opened(query);
    if (which === 'second') await limiter.check('k');
    const before = which === 'second' ? 1 : 0;
    server.fault = once(fault, isWrite);
    const decision = await limiter.check('k');
    const said = limiter.stats().lastError;
    const units = 5 - (await limiter.peek('k')).remaining - before;
    return { source: decision.source, said, units, writes: server.asked.filter(isWrite).length - before };
  };

  test.each(['before', 'after'] as const)(
    'is repeated by the driver where the connection ends %s it is done, and counts once',
    async (ends) => {
      expect(await charged('', { ends })).toEqual({ source: 'mongodb', said: null, units: 1, writes: 2 });
    },
  );

  test.each(['before', 'after'] as const)(
    'is not repeated with retryWrites=false where the connection ends %s it is done',
    async (ends) => {
      const { said, ...rest } = await charged('&retryWrites=false', { ends });
      expect(rest).toEqual({ source: 'none', units: ends === 'after' ? 1 : 0, writes: 1 });
      expect(said).toMatch(/^The connection to MongoDB failed/);
      expect(said).toMatch(MAY_BE);
    },
  );

  test('is not repeated where too few confirm it', async () => {
    const { said, ...rest } = await charged('', { unconfirmed: { code: 64, errmsg: SECRET } });
    expect(rest).toEqual({ source: 'none', units: 1, writes: 1 });
    expect(said).toMatch(/^Too few members of the replica set confirmed a write in time/);
    expect(said).toMatch(MAY_BE);
  });
});

test.each([
  [13, 'The user may not use the collection'],
  [18, 'MongoDB refused the login'],
  [50, 'MongoDB was too slow'],
  [79, 'The replica set does not know the write concern'],
  [100, 'The replica set has too few members'],
  [121, 'A validator of the collection'],
  [166, 'The collection is a view'],
  [8000, 'MongoDB Atlas refused the call'],
  [10107, 'MongoDB has no primary'],
  [11600, 'MongoDB is shutting down'],
  [14031, 'The disk of MongoDB is full'],
  [4711, 'MongoDB refused the call (error 4711)'],
])('error %d of a write is told in words of ours, and is not repeated here', async (code, said) => {
  const { server, limiter } = await opened('&retryWrites=false');
  server.fault = once({ refuses: { code, errmsg: SECRET } }, isWrite);
  expect(await limiter.check('k')).toMatchObject({ allowed: false, reason: 'unavailable' });
  expect(limiter.stats().lastError).toContain(said);
  expect(limiter.stats().lastError).toMatch(MAY_BE);
  expect(limiter.stats().lastError).not.toContain(SECRET);
  expect(server.asked.filter(isWrite)).toHaveLength(1);
  expect((await limiter.check('k')).remaining).toBe(4);
});

test('a read that is refused charges nothing, and does not say that it may have', async () => {
  const { server, limiter } = await opened('&retryReads=false');
  server.fault = () => ({ refuses: { code: 13435, errmsg: SECRET } });
  expect(await limiter.check('k')).toMatchObject({ allowed: false, reason: 'unavailable' });
  expect(limiter.stats().lastError).toBe('MongoDB has no primary at the moment.');
  expect(server.asked.filter(isWrite)).toHaveLength(0);
  const listing = (async () => {
    for await (const one of limiter.list()) expect(one).toBe('not there');
  })();
  await expect(listing).rejects.toThrow('MongoDB has no primary at the moment.');
});

test('a server that cannot be reached is told without its address, and does not concern another', async () => {
  const { client } = await opened();
  // Nobody listens there.
  const lost = await own(new MongoClient('mongodb://127.0.0.1:1/app?serverSelectionTimeoutMS=50'));
  const limiter = await limiterOf(lost.db().collection('limits'));
  expect(await limiter.check('k')).toMatchObject({ allowed: false, reason: 'unavailable' });
  expect(limiter.stats().lastError).toBe('No primary of MongoDB could be reached.');
  const other = await limiterOf(client.db().collection('limits'));
  expect((await other.check('k')).remaining).toBe(4);
});

test('a client that was closed says what to do', async () => {
  const { client, limiter } = await opened();
  await limiter.check('k');
  await client.close();
  expect((await limiter.check('k')).source).toBe('none');
  expect(limiter.stats().lastError).toBe('The MongoClient was closed: close the limiter before it.');
});

test('a document of somebody else fails its key only', async () => {
  const { server, limiter } = await opened();
  await limiter.check('bad');
  const [document] = [...server.documents.values()];
  delete document!.state;
  const decisions = await Promise.all(['bad', 'good'].map((id) => limiter.check(id)));
  expect(decisions.map(({ source }) => source)).toEqual(['none', 'mongodb']);
  expect(limiter.stats().lastError).toMatch(/^A document of the collection holds no state/);
  document!.state = 'nonsense';
  expect((await limiter.check('bad')).source).toBe('none');
  await limiter.reset('bad');
  expect((await limiter.check('bad')).remaining).toBe(4);
});

test('an answer that confirms nothing is an outage, and no lost race', async () => {
  const { collection } = await opened();
  let writes = 0;
  const silent: MongoCollection = {
    findOne: () => Promise.resolve(null),
    find: () => ({ toArray: () => Promise.resolve([]) }),
    insertOne: () => (writes++, Promise.resolve({ acknowledged: false })),
    updateOne: () => Promise.resolve({ acknowledged: false, matchedCount: 0 }),
    deleteOne: () => Promise.resolve({ acknowledged: false, deletedCount: 0 }),
    createIndex: (...given) => collection.createIndex(...given),
    options: () => collection.options(),
  };
  const limiter = await limiterOf(silent);
  expect((await limiter.check('k')).source).toBe('none');
  expect(limiter.stats().lastError).toBe(
    'The collection does not wait for answers to writes; what was sent may have been charged.',
  );
  expect(writes).toBe(1);
});

test('an answer that does not come is an outage at the deadline', async () => {
  const { server, limiter } = await opened('', { timeoutMs: 100 });
  await limiter.check('k');
  let free: () => void = () => {};
  server.holds = new Promise<void>((resolve) => (free = resolve));
  expect((await limiter.check('k')).source).toBe('none');
  free();
  await until('it counts', async () => (await limiter.check('k')).source === 'mongodb');
});
