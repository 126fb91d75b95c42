// `node --expose-gc memory-child.mjs map|spillway KEYS SECONDS PACKAGE`: one JSON line.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { mulberry32 } from './loop.mjs';
import { settledRss } from './measure.mjs';

const [store, keyCount, seconds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const LIMIT = { requests: 1_000_000_000, windowMs: 3_600_000 };
const BATCH = 10_000;
const text = Buffer.alloc(16);

/** A flat string of 16 bytes of its own, as one that comes out of a request: hashed by nobody yet. */
function key(i) {
  text.write(`org-${String(i).padStart(12, '0')}`, 'latin1');
  return text.latin1Slice(0, 16);
}

/** The module that applications write by hand: an object for each key, the window anchored at the first request. */
function mapStore() {
  const windows = new Map();
  return (id) => {
    const now = Date.now();
    let entry = windows.get(id);
    if (entry === undefined || now >= entry.resetTime) {
      entry = { count: 0, resetTime: now + LIMIT.windowMs };
      windows.set(id, entry);
    }
    const allowed = entry.count < LIMIT.requests;
    if (allowed) entry.count++;
    return {
      allowed,
      remaining: LIMIT.requests - entry.count,
      resetTime: entry.resetTime,
      limit: LIMIT.requests,
    };
  };
}

function spillwayStore() {
  const load = createRequire(join(process.argv[5], 'package.json'));
  const { checkRateLimit, configureRateLimit } = load('spillway/memory');
  configureRateLimit({ plans: { ENTERPRISE: LIMIT } });
  return (id) => checkRateLimit(id, 'ENTERPRISE');
}

const check = store === 'map' ? mapStore() : spillwayStore();
// As many checks as will follow, of a few keys: the young generation has its size before the baseline.
let sink = 0;
for (let i = 0; i < keyCount; i++) sink += check(key(i % 100)).remaining;
const before = await settledRss();
for (let i = 0; i < keyCount; i++) sink += check(key(i)).remaining;
const bytesPerKey = ((await settledRss()) - before) / keyCount;

// The strings are made outside the measured spans; each batch is new, so each has to be hashed.
const random = mulberry32(7);
let micros = 0;
let checks = 0;
const end = performance.now() + seconds * 1e3;
while (performance.now() < end) {
  const batch = Array.from({ length: BATCH }, () => key(Math.floor(random() * keyCount)));
  const from = performance.now();
  for (let i = 0; i < BATCH; i++) sink += check(batch[i]).remaining;
  micros += (performance.now() - from) * 1e3;
  checks += BATCH;
}

// Each key was counted in the filling, and no other: a store that had dropped some would start them again at one.
let lost = 0;
let counted = 0;
for (let i = 0; i < keyCount; i++) {
  const used = LIMIT.requests - check(key(i)).remaining;
  counted += used;
  if (used < 2) lost++;
}
if (lost > 0 || counted !== keyCount * 3 + checks)
  throw new Error(`${store}: ${lost} keys lost, ${counted} counted`);
process.stdout.write(JSON.stringify({ bytesPerKey, perSecond: checks / (micros / 1e6), sink: sink > 0 }));
