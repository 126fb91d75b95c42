import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SetClock } from './clock';
import { reportsOf } from './process';

/** One call of a sequence on one key. */
export interface Step {
  op: 'check' | 'peek' | 'penalize' | 'refund' | 'block' | 'reset';
  at: number;
  limit: number;
  windowMs: number;
  algorithm?: string;
  burst?: number;
  /** Units of a check, a look or a penalty; default 1. */
  cost?: number;
  /** Of a refund: the number of the step whose charge it gives back, and how much of it. */
  of?: number;
  units?: number;
  /** Of a block. */
  ms?: number;
}

/**
 * Needs `given`: redis, start, clocks (files of the client's and the server's clock), a file of sequences, and beside: a
 * second rule in every plan, which counts the same and never denies first.
 */
const PLAYER = `
const { openSync, readFileSync, writeSync } = require('node:fs');
const { createRateLimiter } = require('spillway');
const clocks = given.clocks.map((file) => openSync(file, 'r+'));
function setClocks(at) {
  const ns = BigInt(given.start + at) * 1000000n;
  clocks.forEach((fd, i) => {
    writeSync(fd, Buffer.from(new BigInt64Array([ns, i === 0 ? ns : 0n]).buffer), 0, 16, 0);
  });
}
const algorithmOf = ({ algorithm = 'fixed-window' }) => algorithm;
const planOf = (step) => [algorithmOf(step), step.limit, step.windowMs, step.burst].join(' ');
// An id of their own keeps rules of other limits and windows on one key; a fixed window has the plain one.
const ruleOf = ({ limit, windowMs, burst, ...step }) => ({
  id: algorithmOf(step) === 'fixed-window' ? undefined : 'r-' + algorithmOf(step),
  rate: { requests: limit, windowMs },
  algorithm: algorithmOf(step),
  burst,
});
const besideOf = (step) => {
  const most = { 'token-bucket': step.limit, 'sliding-log': 10000 }[algorithmOf(step)] ?? Number.MAX_SAFE_INTEGER;
  const isBucket = algorithmOf(step) === 'token-bucket' && step.limit > 0;
  const burst = isBucket ? (step.burst ?? step.limit) + 1000 : undefined;
  return { ...ruleOf({ ...step, limit: most, burst }), id: 'beside' };
};
const sequences = JSON.parse(readFileSync(given.file, 'utf8'));
const plans = {};
for (const steps of sequences) for (const step of steps) plans[planOf(step)] = given.beside ? [ruleOf(step), besideOf(step)] : ruleOf(step);

async function play(limiter, key, step, decisions) {
  // What follows the last answer (a wrong expiry mended, an excess taken back) reaches the server in the same instant.
  await limiter.peek('barrier', planOf(step));
  setClocks(step.at);
  await new Promise(setImmediate); // The loop's own idea of the time is renewed once per turn.
  switch (step.op) {
    case 'reset':
      return { existed: await limiter.reset(key) };
    case 'block':
      return { blocked: (await limiter.block(key, step.ms)) === undefined };
    case 'refund':
      return { refunded: await limiter.refund(decisions[step.of], step.units) };
  }
  const plan = planOf(step);
  const { cost } = step;
  const decision =
    step.op === 'penalize' ? await limiter.penalize(key, plan, cost) : await limiter[step.op](key, plan, { cost });
  decisions[step.number] = decision;
  const { allowed, retryAfterMs, reason, source } = decision;
  const { remaining, resetTime } = decision.rules[0];
  const wait = reason === 'never-fits' ? -1 : retryAfterMs;
  const said = { allowed, remaining, resetInMs: resetTime - Date.now(), retryAfterMs: wait, source };
  return reason === 'blocked' ? { ...said, blocked: true } : said;
}
(async () => {
  const limiter = createRateLimiter({ redis: given.redis, plans, timeoutMs: 10000 });
  for (const [i, steps] of sequences.entries()) {
    const results = [];
    const decisions = [];
    for (const [number, step] of steps.entries()) {
      results.push(await play(limiter, 'sequence-' + i, { ...step, number }, decisions));
    }
    report(results);
  }
  await limiter.close();
})();
`;

export type Said = Record<string, unknown>;

/**
 * Runs steps through the public API in a child process whose clock the test sets, as it sets the server's: every
 * number is exact. A step is answered before the clock moves on.
 */
export async function playSteps(
  sequences: Step[][],
  clocks: { client: SetClock; server: SetClock },
  start: number,
  how: { redis?: object; beside?: boolean },
): Promise<Said[][]> {
  clocks.client.set(start);
  clocks.server.set(start);
  const folder = mkdtempSync(join(tmpdir(), 'spillway-steps-'));
  try {
    const file = join(folder, 'sequences.json');
    writeFileSync(file, JSON.stringify(sequences));
    const given = { start, clocks: [clocks.client.file, clocks.server.file], file, ...how };
    return await reportsOf<Said[]>(PLAYER, { env: clocks.client.env, given, withinMs: 60_000 });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
