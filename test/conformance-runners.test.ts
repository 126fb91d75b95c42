/**
 * The conformance suite under other test runners, and with every number of the package's own stores: in processes that
 * live in the test's time. Vitest itself is not installed: its way, globals by the names of Jest's, is played.
 */
import { conformanceCases } from 'spillway/testing';
import { SetClock } from './support/clock';
import { owner } from './support/owned';
import { reportsOf, runScript } from './support/process';
import { RedisServer } from './support/redis';

const own = owner();

/** What says to a process that it belongs to a runner's worker is not for those that are started here. */
const UNMARKED = { JEST_WORKER_ID: undefined, NODE_TEST_CONTEXT: undefined, VITEST: undefined };

/** What `node:test` says at the end. */
function countsIn(stdout: string): Record<string, number> {
  const counts = stdout.matchAll(/^(?:#|ℹ) (tests|suites|pass|fail|skipped|todo) (\d+)$/gm);
  return Object.fromEntries(Array.from(counts, ([, name, count]) => [name, Number(count)]));
}

/** The cases that failed, with why. */
const failedIn = (stdout: string) => stdout.match(/^ +not ok [^]*?^ +stack:/gm) ?? [];

const START = 1_899_999_996_000;

/** Registers the suite for the store in process, or on `given.redis`, with a clock that it moves. */
const SUITE = `
const { openSync, writeSync } = require('node:fs');
const { createRateLimiter, memoryStore, redisStore } = require('spillway');
const { conformanceCases, storeConformance } = require('spillway/testing');
const clocks = given.clocks.map((file) => openSync(file, 'r+'));
let nowMs = given.start;
function setClocks() {
  const ns = BigInt(nowMs) * 1000000n;
  clocks.forEach((fd, i) => writeSync(fd, Buffer.from(new BigInt64Array([ns, i === 0 ? ns : 0n]).buffer), 0, 16, 0));
}
const store = given.redis ? redisStore(given.redis) : memoryStore();
const barrier = createRateLimiter({ store, rate: '1/h', prefix: 'barrier:', timeoutMs: 10_000 });
async function advance(ms) {
  // What follows the last answer reaches the server in the same instant.
  await barrier.peek('k');
  nowMs += ms;
  setClocks();
  await new Promise(setImmediate); // The loop's own idea of the time is renewed once per turn.
}
const node = require('node:test');
node.after(() => barrier.close());
// The connection of a listing on Redis does not come about while time stands still.
const played = conformanceCases.filter(({ lacks, needs }) => !lacks && !(given.redis && needs.includes('scan')));
const names = new Set(played.map(({ name }) => name));
const test = (name, run) => names.has(name) && node.test(name, run);
storeConformance({ name: 'in set time', open: () => ({ store, advance }), runner: { describe: node.describe, test } });
report(names.size);
`;

describe('node:test, and every number', () => {
  test.each(['in process', 'on Redis'])(
    '%s',
    async (where) => {
      const client = await own(new SetClock({ monotonic: true }));
      const clocks = { client, server: await own(new SetClock()) };
      clocks.client.set(START);
      clocks.server.set(START);
      const server =
        where === 'on Redis' ? await own(RedisServer.start({ env: clocks.server.env })) : undefined;
      const given = { start: START, clocks: [clocks.client.file, clocks.server.file], redis: server?.url };
      const env = { ...UNMARKED, ...client.env };
      const { code, reports, stdout } = await runScript(SUITE, { env, given, withinMs: 60_000 });
      const counts = countsIn(stdout);
      expect({ code, counts, failed: failedIn(stdout) }).toMatchObject({
        code: 0,
        counts: { tests: reports[0], pass: reports[0], fail: 0, skipped: 0, todo: 0 },
        failed: [],
      });
    },
    70_000,
  );
});

test('node:test: a store that fails fails the run', async () => {
  const script = `
    const { customStore } = require('spillway/store');
    const outcome = { allowed: true, remaining: 1, resetInMs: 1000, retryAfterMs: 0, used: 0, blocked: false };
    const store = { name: 'yes', apply: async ({ items }) => items.map(() => outcome), reset: async () => 0 };
    require('spillway/testing').storeConformance({
      name: 'says yes',
      open: () => ({ store: customStore(store), advance: () => {} }),
      without: ['refund', 'block', 'scan'],
    });`;
  const { code, stdout } = await runScript(script, { env: UNMARKED });
  expect(code).toBe(1);
  expect(stdout).toMatch(/not ok \d+ - fixed-window: a denied request is charged nothing/);
  expect(stdout).toMatch(/^ +ok \d+ - without refund: what needs it is refused with ERR_UNSUPPORTED/m);
});

const REGISTER = `
  const suites = [];
  const describe = (name, define) => { suites.push({ name, tests: [] }); define(); };
  const test = (name, run, timeoutMs) => suites.at(-1).tests.push({ name, run, timeoutMs });
  const { memoryStore } = require('spillway');
  const open = () => memoryStore();
  const register = (options) => require('spillway/testing').storeConformance({ name: 'globals', open, ...options });
  const first = async () => {
    const [{ name, tests }] = suites;
    await tests[0].run();
    report([name, tests.length, tests.every(({ timeoutMs }) => timeoutMs >= 30_000)]);
  };`;
const WHOLE = conformanceCases.filter(({ lacks }) => lacks === undefined).length;

test.each([
  ['Vitest and Jest', 'Object.assign(globalThis, { describe, test }); register(); first();'],
  ['Mocha', 'Object.assign(globalThis, { describe, it: test }); register(); first();'],
  ['what is given', 'register({ runner: { describe, test } }); first();'],
])('functions of %s', async (_, use) => {
  expect(await reportsOf(REGISTER + use, { env: UNMARKED })).toEqual([['globals', WHOLE, true]]);
});

test.each(['VITEST', 'JEST_WORKER_ID'])(
  'a runner that keeps its functions to itself is asked for them: %s',
  async (name) => {
    const script = `${REGISTER} try { register(); } catch ({ code, message }) { report([code, message]); }`;
    const [said] = await reportsOf(script, { env: { ...UNMARKED, [name]: '1' } });
    expect(said).toEqual(['ERR_INVALID_OPTION', expect.stringContaining('runner: { describe, test }')]);
  },
);
