// `node bench/counters.mjs [folder]`: what counting costs. The built package beside a copy in which nothing is recorded, or
// beside the build of an earlier version in a folder. One process, turns in pairs, medians of what the pairs are apart; then a check's nanoseconds.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { KEYS, speed } from './closed-loop.mjs';
import { median } from './measure.mjs';
import { startRedis } from './redis.mjs';

const PAIRS = 31;
const SECONDS = 1;
const IN_FLIGHT = 256;
const LOCAL_CHECKS = 200_000;
const root = resolve(import.meta.dirname, '..');
const require = createRequire(import.meta.url);
const aside = mkdtempSync(join(tmpdir(), 'spillway-uncounted-'));
process.once('exit', () => rmSync(aside, { recursive: true, force: true }));

/** The package, whose recording functions return at once. */
function uncounted() {
  for (const name of ['dist', 'package.json'])
    cpSync(join(root, name), join(aside, name), { recursive: true });
  for (const name of ['prebuilds', 'node_modules']) symlinkSync(join(root, name), join(aside, name));
  const file = join(aside, 'dist/spillway.js');
  const text = readFileSync(file, 'utf8');
  const silent = text.replace(/^(function tally\w*\(.*|\s+record\(us\)) \{$/gm, '$1 { return;');
  if (silent.split('{ return;').length !== 5)
    throw new Error('the functions that record are not where they were');
  writeFileSync(file, silent);
  return aside;
}

const other = process.argv[2] === undefined ? uncounted() : resolve(process.argv[2]);
const counting = require(join(root, 'dist/index.js'));
const silent = require(join(other, 'dist/index.js'));
const server = await startRedis([]);
const redis = `redis://127.0.0.1:${server.port}`;

// Stores of their own: copies of one version share those of equal options.

/** Turns in pairs, the first of each pair by turns: what both gave, and how far they are apart within a pair, as medians. */
async function pairs(on, off) {
  const taken = { on: [], off: [] };
  for (let pair = 0; pair <= PAIRS; pair++) {
    const order = pair % 2 === 0 ? ['on', 'off'] : ['off', 'on'];
    for (const name of order) {
      const value = await (name === 'on' ? on : off)();
      if (pair > 0) taken[name].push(value);
    }
  }
  const apart = (of) => median(taken.on.map((value, i) => of(value, taken.off[i])));
  return { counted: median(taken.on), silent: median(taken.off), apart };
}

for (const [what, rate] of [
  ['admitted', '1000000000/h'],
  ['denied', '1/h'],
]) {
  const [on, off] = [counting, silent].map((api, i) =>
    api.createRateLimiter({ redis: `${redis}/${i}`, rate, prefix: `${what}:` }),
  );
  const turn = (limiter) => () => speed((key) => limiter.check(key), IN_FLIGHT, KEYS, SECONDS);
  const taken = await pairs(turn(on), turn(off));
  const lost = taken.apart((counted, silent) => (1 - counted / silent) * 100);
  console.log(
    `Redis, ${IN_FLIGHT} in flight, ${what}: ${taken.counted.toFixed(0)} checks/s, ${taken.silent.toFixed(0)} without: ${lost.toFixed(1)} % lost (goal: at most 3)`,
  );
  await on.close();
  await off.close();
}

for (const [what, rate] of [
  ['admitted', '1000000000/h'],
  ['denied', '1/h'],
]) {
  const [on, off] = [counting, silent].map((api) =>
    api.createRateLimiter({ rate, prefix: `local-${what}:` }),
  );
  const nanos = (limiter) => async () => {
    const from = process.hrtime.bigint();
    for (let i = 0; i < LOCAL_CHECKS; i++) await limiter.check(`org-${i % KEYS}`);
    return Number(process.hrtime.bigint() - from) / LOCAL_CHECKS;
  };
  const taken = await pairs(nanos(on), nanos(off));
  const cost = taken.apart((counted, silent) => counted - silent);
  console.log(
    `in process, ${what}: ${taken.counted.toFixed(0)} ns a check, ${cost.toFixed(0)} ns of them for counting (goal: under 30)`,
  );
}
await server.stop();
