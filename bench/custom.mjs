// `node bench/custom.mjs`: what a check through a store of one's own costs beside the in-process store, of a store that
// answers at once: with a promise, without one, and by the package's own steps. One process, alternating rounds, medians.
import { createRequire } from 'node:module';
import { median } from './measure.mjs';

const ROUNDS = 9;
const CHECKS = 100_000;
const require = createRequire(import.meta.url);
const { createRateLimiter, memoryStore } = require('../dist/index.js');
const { customStore, stepAll } = require('../dist/store/index.js');

const OUTCOME = { allowed: true, remaining: 4, resetInMs: 900, retryAfterMs: 0, used: 1, blocked: false };
const outcomes = [OUTCOME];
const states = new Map();

function stepped({ mode, units, items }) {
  const given = items.map(({ key, rule }) => ({ rule, state: states.get(key) ?? null }));
  return stepAll({ mode, units, items: given }, Date.now()).map(({ outcome, state }, i) => {
    states.set(items[i].key, state);
    return outcome;
  });
}

const open = (store) => createRateLimiter({ store, rate: '1000000000/h' });
const own = (name, apply) => open(customStore({ name, apply, reset: () => Promise.resolve(0) }));
const contenders = {
  'in process': open(memoryStore()),
  'answers with a promise': own('promise', () => Promise.resolve(outcomes)),
  'answers without one': own('plain', () => outcomes),
  'steps over a Map': own('steps', stepped),
};

async function nanos(limiter, inFlight) {
  const from = process.hrtime.bigint();
  for (let done = 0; done < CHECKS; done += inFlight) {
    await Promise.all(Array.from({ length: inFlight }, () => limiter.check('org-123')));
  }
  return Number(process.hrtime.bigint() - from) / CHECKS;
}

for (const inFlight of [1, 256]) {
  const rounds = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, limiter] of Object.entries(contenders)) {
      const taken = await nanos(limiter, inFlight);
      if (round > 0) rounds[name].push(taken);
    }
  }
  for (const [name, taken] of Object.entries(rounds)) {
    const more = median(taken.map((ns, i) => ns - rounds['in process'][i]));
    console.log(`${inFlight} in flight, ${name}: ${median(taken).toFixed(0)} ns, ${more.toFixed(0)} ns more`);
  }
}
console.log('goal: a store that answers at once at most 1500 ns more');
for (const limiter of Object.values(contenders)) await limiter.close();
