// What a limiter sees while something is done to its Redis: asks ten times a second, and prints a line for each change.
//
//   REDIS_URL=redis://localhost:6379 node watch.mjs [failureMode]
//
// Lines of spillway itself come between, as they come in an app. Its own key is admitted 36,000 times an hour.
import { createRateLimiter } from 'spillway';

const { REDIS_URL, REDIS_PASSWORD } = process.env;
const EVERY_MS = 100;
const limiter = createRateLimiter({
  redis: { url: REDIS_URL ?? 'redis://localhost:6379', password: REDIS_PASSWORD },
  prefix: 'drill-ratelimit:',
  rate: '36000/h',
  failureMode: process.argv[2] ?? 'open',
});

const since = (from) => `${((performance.now() - from) / 1_000).toFixed(1).padStart(6)} s`;
const start = performance.now();
let last = '';
let slowest = 0;
let answers = 0;

setInterval(async () => {
  const from = performance.now();
  const { allowed, reason, source } = await limiter.check('watch');
  slowest = Math.max(slowest, performance.now() - from);
  answers++;
  const { breaker, lastError } = limiter.stats();
  const now = `${allowed ? 'admitted' : 'denied'}, ${reason}, source ${source}, breaker ${breaker.state}`;
  if (now === last) return;
  if (last !== '')
    console.log(`${since(start)}  until here ${answers} answers, the slowest after ${slowest.toFixed(0)} ms`);
  console.log(`${since(start)}  ${now}${source === 'none' && lastError !== null ? `: ${lastError}` : ''}`);
  last = now;
  slowest = 0;
  answers = 0;
}, EVERY_MS);
