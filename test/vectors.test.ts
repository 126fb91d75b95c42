/**
 * The same sequences on every store and wire form, through the public API, with a clock that the test sets: the
 * client's process and the server both live in the vectors' time, so every number is exact.
 */
import { SetClock } from './support/clock';
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { RedisServer } from './support/redis';
import vectors from './vectors/fixed-window.json';

interface Step {
  op: string;
  cost?: number;
  limit: number;
  windowMs: number;
  at: number;
  expect: Record<string, unknown>;
}
interface Vector {
  name: string;
  /** `moves back`: not for a store that reads a monotonic clock. */
  clock?: string;
  steps: Step[];
}

const all = vectors as Vector[];
const START = 1_900_000_000_000;

/** Runs in the child: every step of every vector, in order; reports one list of results per vector. */
const PLAYER = `
const { openSync, writeSync } = require('node:fs');
const { createRateLimiter } = require('spillway');
const clocks = given.clocks.map((file) => openSync(file, 'r+'));
function setClocks(at) {
  const ns = BigInt(given.start + at) * 1000000n;
  clocks.forEach((fd, i) => {
    writeSync(fd, Buffer.from(new BigInt64Array([ns, i === 0 ? ns : 0n]).buffer), 0, 16, 0);
  });
}
const planOf = (step) => step.limit + ' in ' + step.windowMs;
const plans = {};
for (const { steps } of given.vectors) {
  for (const step of steps) plans[planOf(step)] = { requests: step.limit, windowMs: step.windowMs };
}
async function play(limiter, key, step) {
  // What follows the last answer (a wrong expiry mended, an excess taken back) reaches the server in the same instant.
  await limiter.peek('barrier', planOf(step));
  setClocks(step.at);
  await new Promise(setImmediate); // The loop's own idea of the time is renewed once per turn.
  if (step.op === 'reset') return { existed: await limiter.reset(key) };
  const decision =
    step.op === 'peek'
      ? await limiter.peek(key, planOf(step))
      : await limiter.check(key, planOf(step), { cost: step.cost });
  const { allowed, remaining, resetTime, retryAfterMs, reason, source } = decision;
  const wait = reason === 'never-fits' ? -1 : retryAfterMs;
  return { allowed, remaining, resetInMs: resetTime - Date.now(), retryAfterMs: wait, source };
}
(async () => {
  const limiter = createRateLimiter({ redis: given.redis, plans });
  for (const [i, { steps }] of given.vectors.entries()) {
    const results = [];
    for (const step of steps) results.push(await play(limiter, 'vector-' + i, step));
    report(results);
  }
  await limiter.close();
})();
`;

const own = owner(afterAll);
let clientClock: SetClock;
let serverClock: SetClock;
let server: RedisServer;

beforeAll(async () => {
  clientClock = await own(new SetClock({ node: true, monotonic: true }));
  serverClock = await own(new SetClock());
  server = await own(RedisServer.start({ env: serverClock.env }));
  await server.command('ACL', 'SETUSER', 'limited', 'on', '>secret', '~ratelimit:*', '+@all', '-info');
});

async function play(chosen: Vector[], redis?: object): Promise<unknown[][]> {
  clientClock.set(START);
  serverClock.set(START);
  if (redis !== undefined) await server.command('FLUSHALL');
  const clocks = [clientClock.file, serverClock.file];
  const given = { start: START, clocks, vectors: chosen, redis };
  return reportsOf<unknown[]>(PLAYER, { env: clientClock.env, given });
}

function expected(vector: Vector, source: string): unknown[] {
  return vector.steps.map(({ op, expect }) => (op === 'reset' ? expect : { ...expect, source }));
}

function compare(results: unknown[][], chosen: Vector[], source: string): void {
  const named = (list: (unknown[] | undefined)[]) => chosen.map(({ name }, i) => ({ name, steps: list[i] }));
  expect(named(results)).toEqual(named(chosen.map((vector) => expected(vector, source))));
}

test('in process', async () => {
  const chosen = all.filter(({ clock }) => clock === undefined);
  compare(await play(chosen), chosen, 'memory');
});

test('on Redis, by plain commands', async () => {
  await server.command('CONFIG', 'RESETSTAT');
  compare(await play(all, { url: server.url }), all, 'redis');
  expect((await server.calls()).incrby).toBeGreaterThan(50);
});

test('on Redis, by the script, where the server version cannot be read', async () => {
  const login = { url: server.url, username: 'limited', password: 'secret' };
  await server.command('CONFIG', 'RESETSTAT');
  compare(await play(all, login), all, 'redis');
  expect((await server.calls()).evalsha).toBeGreaterThan(100);
});
