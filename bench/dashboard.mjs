// `node bench/dashboard.mjs [KEYS]`: how fast the dashboard answers over 100,000 subjects, and what it does to checks of the process
// that serves it, 16 in flight. Alone and beside an open page, in alternating turns; medians.
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { speed } from './closed-loop.mjs';
import { Histogram, median } from './measure.mjs';
import { startRedis } from './redis.mjs';

const SUBJECTS = Number(process.argv[2] ?? 100_000);
const TURNS = 5;
const SECONDS = 6;
const IN_FLIGHT = 16;
const KEYS = 1_000;
const AT_ONCE = 1_000;
// As often as the page asks.
const EVERY_MS = 2_000;
const require = createRequire(import.meta.url);
const dist = join(resolve(import.meta.dirname, '..'), 'dist');
const { createRateLimiter } = require(join(dist, 'index.js'));
const { createDashboard } = require(join(dist, 'dashboard/index.js'));

const server = await startRedis([]);
const options = {
  redis: `redis://127.0.0.1:${server.port}`,
  rate: '100/h',
  analytics: true,
  timeoutMs: 5_000,
};
const filling = createRateLimiter(options);
for (let first = 0; first < SUBJECTS; first += AT_ONCE) {
  const some = Array.from({ length: AT_ONCE }, (_, i) => first + i);
  // One in fifty is at its limit.
  await Promise.all(some.map((i) => filling.check(`org-${i}`, { cost: i % 50 === 0 ? 100 : 1 })));
}
await filling.close();

function opened() {
  const limiter = createRateLimiter(options);
  const { fetch } = createDashboard({ limiter, basePath: '/', authorize: () => true, rate: '1000000/s' });
  const ask = async (path) => {
    const startMs = performance.now();
    const response = await fetch(new Request(`http://localhost/data/${path}`));
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    const body = await response.json();
    return { ms: performance.now() - startMs, body };
  };
  return { limiter, ask };
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const answers = { first: [], all: [], next: [], list: [], more: [], exact: [], part: [] };
for (let turn = 0; turn < TURNS; turn++) {
  const { limiter, ask } = opened();
  const startMs = performance.now();
  answers.first.push((await ask('limited')).ms);
  while (!(await ask('limited')).body.looked.done) await pause(20);
  answers.all.push(performance.now() - startMs);
  answers.next.push((await ask('limited?offset=200&limit=200')).ms);
  const { ms, body } = await ask('find?text=');
  answers.list.push(ms);
  answers.more.push((await ask(`find?text=&cursor=${encodeURIComponent(body.cursor)}`)).ms);
  answers.exact.push((await ask(`find?text=org-${SUBJECTS - 1}`)).ms);
  answers.part.push((await ask('find?text=9999')).ms);
  await limiter.close();
}
for (const [name, what] of [
  ['first', 'first answer of who is limited'],
  ['all', 'until all were looked at'],
  ['next', 'a further page of them'],
  ['list', 'first page of all that is counted'],
  ['more', 'a further page of that'],
  ['exact', 'a search for one id'],
  ['part', 'a search for a part of some'],
]) {
  console.log(
    `${what}: ${median(answers[name]).toFixed(0)} ms, at most ${Math.max(...answers[name]).toFixed(0)}`,
  );
}

const turns = { alone: [], beside: [] };
for (let pair = 0; pair < TURNS; pair++) {
  for (const name of pair % 2 === 0 ? ['alone', 'beside'] : ['beside', 'alone']) {
    const { limiter, ask } = opened();
    let open = name === 'beside';
    const page = (async () => {
      while (open) {
        await Promise.all([ask('overview'), ask('limited'), ask('changes')]);
        for (let waited = 0; open && waited < EVERY_MS; waited += 50) await pause(50);
      }
    })();
    const taken = new Histogram();
    let at = 0;
    const check = async () => {
      const startMs = performance.now();
      await limiter.check(`k${at++ % KEYS}`);
      taken.record(performance.now() - startMs);
    };
    const perSecond = await speed(check, IN_FLIGHT, KEYS, SECONDS);
    open = false;
    await page;
    turns[name].push({ perSecond, p50: taken.quantile(0.5), p99: taken.quantile(0.99) });
    await limiter.close();
  }
}
const of = (name, field) => median(turns[name].map((one) => one[field]));
for (const name of ['alone', 'beside']) {
  console.log(
    `checks ${name}: p50 ${of(name, 'p50').toFixed(3)} ms, p99 ${of(name, 'p99').toFixed(3)} ms, ${of(name, 'perSecond').toFixed(0)} checks/s`,
  );
}
const ratios = turns.beside.map(({ p99 }, i) => p99 / turns.alone[i].p99);
console.log(
  `p99 beside and alone, in pairs: ${ratios.map((one) => one.toFixed(2)).join(' ')}, median ${median(ratios).toFixed(2)}`,
);
await server.stop();
