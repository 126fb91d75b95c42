// `node --expose-gc state-child.mjs ALGORITHM UNITS KEYS PORT`: charges each of so many keys so many units; port 0 is the
// in-process store. One JSON line: the resident bytes per key in process, the keys' names on Redis.
import { createRequire } from 'node:module';
import { settledRss } from './measure.mjs';

const [algorithm, units, keyCount, port] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const { createRateLimiter } = createRequire(import.meta.url)('../dist/index.js');
const limiter = createRateLimiter({
  redis: port > 0 ? { host: '127.0.0.1', port } : undefined,
  plans: { P: '1000/h' },
  algorithm,
  timeoutMs: 60_000,
});
const keyOf = (i) => `org-${String(i).padStart(12, '0')}`;

// As much garbage as will follow, of a few keys: the young generation has its size before the baseline.
for (let i = 0; i < keyCount; i++) await limiter.peek(keyOf(i % 100), 'P');
const before = await settledRss();
for (let unit = 0; unit < units; unit++) {
  const from = Date.now();
  for (let i = 0; i < keyCount; i++) {
    const { allowed, source } = await limiter.check(keyOf(i), 'P');
    if (!allowed || source === 'none') throw new Error('a check was denied, or not answered');
  }
  // The next unit of a key in a later millisecond: a log has an entry for each.
  while (Date.now() === from) await new Promise((resolve) => setImmediate(resolve));
}
const bytesPerKey = ((await settledRss()) - before) / keyCount;
const behind = algorithm === 'fixed-window' ? '' : `:@${algorithm}-1h`;
const names = Array.from({ length: port > 0 ? keyCount : 0 }, (_, i) => {
  const subject = `ratelimit:${keyOf(i)}`;
  return behind === '' ? subject : `{${subject}}${behind}`;
});
await limiter.close();
process.stdout.write(JSON.stringify({ bytesPerKey, names }));
