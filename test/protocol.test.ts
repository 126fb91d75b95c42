/** Replies that come in pieces, in heaps, broken off, or with malice. Each check still ends, in time and once. */
import { createRateLimiter } from 'spillway';
import { FakeRedis, type Answer } from './support/fake-redis';
import { tally, times } from './support/ledger';
import { owner } from './support/owned';
import { Script } from './support/process';
import { array, bulk } from './support/resp';
import { SlowReader } from './support/slow-reader';
import { inTime, megabytes, timed, until } from './support/wait';

const own = owner();
const TIMEOUT_MS = 400;

async function open(options = {}) {
  const fake = await own(FakeRedis.start());
  const limiter = await own(
    createRateLimiter({ redis: fake.url, rate: '100/h', timeoutMs: TIMEOUT_MS, ...options }),
  );
  await limiter.check('warm');
  return { fake, limiter };
}

test('replies that come byte by byte', async () => {
  const { fake, limiter } = await open({ timeoutMs: 10_000 });
  fake.byteByByte = true;
  const decisions = await times(30, () => limiter.check('k'));
  expect(decisions.map(({ remaining, source }) => [remaining, source])).toEqual(
    Array.from({ length: 30 }, (_, i) => [99 - i, 'redis']),
  );
  expect(await limiter.peek('k')).toMatchObject({ remaining: 70 });
  expect(fake.accepted).toHaveLength(1);
});

test('a handshake that comes byte by byte', async () => {
  const fake = await own(FakeRedis.start({ password: 'secret' }));
  fake.byteByByte = true;
  const redis = { url: `${fake.url}/2`, password: 'secret' };
  const limiter = await own(createRateLimiter({ redis, rate: '100/h', timeoutMs: 10_000 }));
  expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: 99 });
});

test('a thousand replies in one piece', async () => {
  const { fake, limiter } = await open({ timeoutMs: 10_000 });
  fake.pause();
  const waiting = times(1_000, (i) => limiter.check(`k${i % 250}`));
  await fake.saw('INCRBY', 200);
  fake.resume();
  const decisions = await waiting;
  expect(tally(decisions)).toMatchObject({ admittedByStore: 1_000, bySource: { redis: 1_000 } });
  decisions.forEach(({ remaining }, i) => expect(remaining).toBe(99 - Math.floor(i / 250)));
});

test('a reset after each byte of a reply: answered or not, but never twice and never wrong', async () => {
  const { fake, limiter } = await open();
  const before = fake.log.length;
  await limiter.check('measure');
  const replies = fake.log.slice(before).map(({ command }) => fake.commands.answer(command, fake.peers[0]!));
  const bytes = replies.join('').length;
  expect(bytes).toBeGreaterThan(10);

  await times(bytes + 1, async (n) => {
    const { fake: cutting, limiter: one } = await open();
    cutting.resetAfter = n;
    const { value, ms } = await timed(one.check('k'));
    expect(ms).toBeLessThanOrEqual(inTime(TIMEOUT_MS));
    expect(value).toMatchObject({ allowed: true });
    if (value.source === 'redis') expect(value.remaining).toBe(99);
    else expect(n).toBeLessThan(bytes);
    cutting.resetAfter = undefined;
    await until('counted again', async () => (await one.check('after')).source === 'redis');
    expect(cutting.received('INCR').filter(([, key]) => key === '{ratelimit:k}:@rate-1h')).toHaveLength(1);
  });
});

const hostile: [string, string][] = [
  ['an array of 2^31-1', '*2147483647\r\n'],
  ['a bulk of 2^63-1', '$9223372036854775807\r\n'],
  ['a bulk of 1 GB', '$1073741824\r\n'],
  ['a bulk of -2', '$-2\r\n'],
  ['an array of -2', '*-2\r\n'],
  ['arrays nine deep', `${'*1\r\n'.repeat(9)}:1\r\n`],
  ['a map of RESP3', '%1\r\n+a\r\n:1\r\n'],
  ['a push of RESP3', '>2\r\n+message\r\n+x\r\n'],
  ['a null of RESP3', '_\r\n'],
  ['a boolean of RESP3', '#t\r\n'],
  ['a double of RESP3', ',1.5\r\n'],
  ['a line of 2 MB', `+${'x'.repeat(2 << 20)}`],
  ['an error line of 2 MB', `-ERR ${'x'.repeat(2 << 20)}\r\n`],
  ['an integer beyond 64 bits', ':99999999999999999999\r\n'],
  ['an integer of letters', ':abc\r\n'],
  ['an empty integer', ':\r\n'],
  ['a bulk longer than it says', '$1\r\nabcdef\r\n'],
  ['a bulk of letters', '$abc\r\n'],
  ['another protocol', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'],
  ['zeros', '\0\0\0\0\r\n\r\n'],
  ['a bare newline', '\r\n'],
  ['a negative count', ':-5\r\n'],
  ['a count beyond 2^53', ':9223372036854775807\r\n'],
];
/** Well formed, and neither a count nor what a script says. */
const misplaced: [string, string][] = [
  ['a status for an integer', '+OK\r\n'],
  ['an empty status', '+\r\n'],
  ['an empty error', '-\r\n'],
  ['a bulk for an integer', bulk('1')],
  ['nil for an integer', '$-1\r\n'],
  ['a nil array for an integer', '*-1\r\n'],
  ['an array for an integer', array(':1\r\n', ':2\r\n')],
  ['an empty array for an integer', '*0\r\n'],
];
/** Numbers that a script cannot say, of a check of cost 2 under a limit of 100. */
const impossible: [string, string][] = [
  ['more admitted than asked', array(':2\r\n', ':3\r\n', ':1000\r\n', ':1\r\n')],
  ['less than none admitted', array(':-1\r\n', ':3\r\n', ':1000\r\n', ':1\r\n')],
  ['one admitted beyond the limit', array(':1\r\n', ':101\r\n', ':1000\r\n', ':1\r\n')],
  ['a count of 2^63-1', array(':1\r\n', ':9223372036854775807\r\n', ':1000\r\n', ':1\r\n')],
  ['a count of -2^63', array(':1\r\n', ':-9223372036854775808\r\n', ':1000\r\n', ':1\r\n')],
  ['a wait of -2^63', array(':1\r\n', ':3\r\n', ':-9223372036854775808\r\n', ':1\r\n')],
  ['texts', array(bulk('1'), bulk('3'), bulk('1000'), bulk('1'))],
  ['a number too few', array(':1\r\n', ':3\r\n', ':1000\r\n')],
];
const replies = [
  ...misplaced.map(([name, bytes]) => ['INCR', name, bytes] as const),
  ...[...misplaced, ...impossible].map(([name, bytes]) => ['EVALSHA', name, bytes] as const),
];

test.each(replies)('%s answered by %s is not the word of Redis', async (command, _name, bytes) => {
  const { fake, limiter } = await open({ failureMode: 'closed' });
  fake.hook = ([name]) => (name === command ? bytes : undefined);
  const cost = command === 'INCR' ? 1 : 2;
  expect(await limiter.check('k', { cost })).toMatchObject({ allowed: false, source: 'none' });
  expect(limiter.stats().lastError).toMatch(/^ERR the (server|script)/);
  fake.hook = () => undefined;
  expect(await limiter.check('k')).toMatchObject({ allowed: true, source: 'redis' });
  expect(limiter.stats().reconnects).toBe(0);
});

describe.each([...hostile, ...misplaced])('%s', (_name, bytes) => {
  const answers: [string, (name: string | undefined) => Answer][] = [
    ['as a count', (name) => (name === 'INCR' ? bytes : undefined)],
    ['as the reply of a script', (name) => (name?.startsWith('EVAL') ? bytes : undefined)],
    ['as the value of a look', (name) => (name === 'GET' ? bytes : undefined)],
    ['as the time', (name) => (name === 'TIME' || name === 'PEXPIRETIME' ? bytes : undefined)],
    ['as the server version', (name) => (name === 'INFO' ? bytes : undefined)],
  ];

  test.concurrent.each(answers)('%s', async (_where, answer) => {
    const fake = await FakeRedis.start();
    const limiter = createRateLimiter({
      redis: fake.url,
      rate: '100/h',
      timeoutMs: TIMEOUT_MS,
      failureMode: 'closed',
    });
    try {
      fake.hook = ([name]) => answer(name);
      const calls = [
        limiter.check('k'),
        limiter.check('k', { cost: 3 }),
        limiter.peek('k'),
        limiter.check('other'),
      ];
      const results = await Promise.all(calls.map((call) => timed(call)));
      for (const { value, ms } of results) {
        expect(ms).toBeLessThanOrEqual(inTime(TIMEOUT_MS));
        expect(value.remaining).toBeGreaterThanOrEqual(0);
        expect(value.remaining).toBeLessThanOrEqual(100);
        expect(Number.isSafeInteger(value.resetTime)).toBe(true);
        expect(value.retryAfterMs).toBeLessThanOrEqual(3_600_000);
      }
      fake.hook = ([name]) =>
        name?.startsWith('EVAL') ? array(':1\r\n', ':3\r\n', ':3600000\r\n', ':0\r\n') : undefined;
      await until('counted again', async () => (await limiter.check('after')).source === 'redis');
    } finally {
      await limiter.close();
      await fake.close();
    }
  });
});

test('a reply that nobody asked for is never taken for an answer', async () => {
  const { fake, limiter } = await open();
  for (const said of [':77\r\n', '+OK\r\n', '-ERR idle for too long\r\n', ':1\r\n:1\r\n:1\r\n']) {
    const reconnects = limiter.stats().reconnects;
    fake.say(said);
    await until('given up', () => limiter.stats().reconnects > reconnects);
    await until('connected again', () => limiter.stats().connected);
    const { remaining } = await limiter.peek('k');
    expect(await limiter.check('k')).toMatchObject({ source: 'redis', remaining: remaining - 1 });
  }
});

const FLOOD = `
  const limiter = require('spillway').createRateLimiter({ redis: given, rate: '100/h', timeoutMs: 1000 });
  process.stdin.once('data', async () => {
    process.stdin.destroy();
    const before = process.memoryUsage().rss;
    const work = [];
    let latest = 0;
    let pending = 0;
    let lag = 0;
    let bySource = {};
    // How long this process was kept from running at most, as inTime() knows it of the test's own.
    let kept = 0;
    let [ran, cpu] = [performance.now(), process.cpuUsage()];
    const tick = () => {
      const { user, system } = process.cpuUsage(cpu);
      kept = Math.max(kept, performance.now() - ran - 5 - (user + system) / 1000);
      [ran, cpu] = [performance.now(), process.cpuUsage()];
    };
    const ticking = setInterval(tick, 5);
    for (let round = 0; round < 40; round++) {
      // A deadline counts from the end of the turn that asks.
      let asked = 0;
      for (let i = 0; i < 5000; i++) {
        work.push(limiter.check('key-' + round + '-' + i).then(({ source }) => {
          latest = Math.max(latest, performance.now() - asked);
          bySource[source] = (bySource[source] ?? 0) + 1;
        }));
      }
      asked = performance.now();
      setTimeout(() => { lag = Math.max(lag, performance.now() - asked - 1000); }, 1000);
      await new Promise(setImmediate);
      pending = Math.max(pending, limiter.stats().pending);
    }
    await Promise.all(work);
    tick();
    clearInterval(ticking);
    report({ pending, latest: latest - lag - kept, bySource, grown: process.memoryUsage().rss - before });
    await limiter.close();
  });
  limiter.check('warm').then(() => report('warm'));`;

test('a server that reads nothing more: the queue is bounded and everything ends in time', async () => {
  const fake = await own(FakeRedis.start());
  const client = new Script(FLOOD, { given: fake.url });
  await client.report(0);
  for (const { socket } of fake.peers) socket.pause();
  // Nor is there another connection that it reads, should the flood take longer than it is waited for.
  fake.onAccept = 'silent';
  client.tell('go');
  const { pending, latest, bySource, grown } = (await client.report(1)) as Record<string, number>;
  expect(bySource).toEqual({ none: 200_000 });
  expect(pending).toBeGreaterThan(0);
  expect(pending).toBeLessThanOrEqual(65_536);
  expect(latest).toBeLessThanOrEqual(inTime(1_000));
  // 200,000 promises and results are in there too.
  expect(grown).toBeLessThan(megabytes(200));
  await client.ended;
});

test('a server that reads a little now and then is kept, and every check is counted', async () => {
  const { fake, limiter } = await open({ timeoutMs: 15_000 });
  const slow = new SlowReader(fake.peers[0]!.socket);
  const decisions = await times(1_000, (i) => limiter.check(`${'x'.repeat(900)}${i % 500}`));
  slow.stop();
  expect(slow.pieces).toBeGreaterThan(10);
  expect(decisions.map(({ source, remaining }) => [source, remaining])).toEqual(
    decisions.map((_, i) => ['redis', i < 500 ? 99 : 98]),
  );
  expect(limiter.stats()).toMatchObject({ timeouts: 0, reconnects: 0 });
});
