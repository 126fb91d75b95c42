/** When a silent server is given up: in a process that lives in the test's time, so that every bound is exact. */
import { SetClock } from './support/clock';
import { FakeRedis, STALL } from './support/fake-redis';
import { owner } from './support/owned';
import { Script } from './support/process';
import { until } from './support/wait';

const own = owner();
const START = 1_900_000_000_000;

/** A line is an id to check, or the milliseconds to which the clock is set; then it reports its connection. */
const CLIENT = `
const limiter = require('spillway').createRateLimiter({ redis: given, rate: '100/h', timeoutMs: 60_000 });
const turn = () => new Promise(setImmediate);
const say = async () => {
  for (let i = 0; i < 3; i++) await turn();
  const { reconnects, pending } = limiter.stats();
  report({ reconnects, pending });
};
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'end') process.exit();
  if (line.startsWith('check ')) limiter.check(line.slice(6));
  say();
});
limiter.check('warm').then(say);
`;

async function open() {
  const fake = await own(FakeRedis.start());
  const clock = await own(new SetClock({ monotonic: true }));
  clock.set(START);
  const client = new Script(CLIENT, { given: fake.url, env: clock.env, abrupt: true });
  let reports = 0;
  const next = () => client.report(reports++) as Promise<{ reconnects: number; pending: number }>;
  await next();
  const say = (line: string) => {
    client.tell(line);
    return next();
  };
  return {
    fake,
    /** Asks, and the server has got it. */
    check: async (id: string) => {
      const before = fake.received('INCR').length;
      await say(`check ${id}`);
      await fake.saw('INCR', before + 1);
    },
    /** What the client knows after so many ms since the start. */
    at: (ms: number) => {
      clock.set(START + ms);
      return say('look');
    },
    look: () => say('look'),
    end: async () => {
      client.tell('end');
      await client.ended;
    },
  };
}

test('two seconds from the first reply that is due, however long nothing was due before', async () => {
  const { fake, check, at, end } = await open();
  expect(await at(10_000)).toEqual({ reconnects: 0, pending: 0 });
  fake.hook = () => STALL;
  await check('k');
  expect(await at(11_000)).toEqual({ reconnects: 0, pending: 1 });
  // Another that waits since then gives the first no more time.
  await check('k');
  expect(await at(11_999)).toEqual({ reconnects: 0, pending: 2 });
  expect(await at(12_000)).toEqual({ reconnects: 1, pending: 0 });
  await end();
});

test('a whole reply starts them anew for the others; a part of one does not', async () => {
  const { fake, check, at, look, end } = await open();
  fake.hook = () => STALL;
  await check('k');
  expect(await at(1_500)).toEqual({ reconnects: 0, pending: 1 });
  // To TIME.
  fake.say('*2\r\n$1\r\n1\r\n$1\r\n0\r\n');
  // What is heard has come when what was said behind it has.
  await until(
    'heard',
    async () => (await look()).pending === 1 && fake.peers[0]?.socket.writableLength === 0,
  );
  await look();
  expect(await at(3_499)).toEqual({ reconnects: 0, pending: 1 });
  fake.say(':-');
  await until('sent', () => fake.peers[0]?.socket.writableLength === 0);
  await look();
  expect(await at(3_500)).toEqual({ reconnects: 1, pending: 0 });
  await end();
});
