// Clocks and a histogram. Everything here is for the process that it runs in.
import { readFileSync } from 'node:fs';

/** Microseconds of CPU that the main thread has spent, user and system; null where the platform does not tell. */
export function mainThreadMicros() {
  if (typeof process.threadCpuUsage === 'function') {
    const { user, system } = process.threadCpuUsage();
    return user + system;
  }
  try {
    // The main thread's id is the process id; the first field is nanoseconds on a processor.
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]) / 1e3;
  } catch {
    return null;
  }
}

/** Microseconds of CPU that all threads of the process have spent. */
export function processMicros() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Microseconds that all processors were busy, for whomever; null where the platform does not tell. */
export function machineMicros() {
  try {
    // user nice system idle iowait irq softirq steal, in hundredths of a second
    const fields = readFileSync('/proc/stat', 'latin1')
      .split('\n', 1)[0]
      .split(/\s+/)
      .slice(1, 9)
      .map(Number);
    return fields.reduce((sum, ticks, i) => (i === 3 || i === 4 ? sum : sum + ticks), 0) * 1e4;
  } catch {
    return null;
  }
}

/** Resident bytes once collecting frees no more; V8 gives pages back a little later than it collects. Needs --expose-gc. */
export async function settledRss() {
  let least = Infinity;
  for (let same = 0; same < 3;) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = process.memoryUsage.rss();
    same = now < least * 0.995 ? 0 : same + 1;
    least = Math.min(least, now);
  }
  return least;
}

const PER_OCTAVE = 64; // buckets for each doubling: an answer is within 1.1 %
const SMALLEST_MS = 1e-4;

/** Latencies in logarithmic buckets from 100 ns up. */
export class Histogram {
  #counts = new Uint32Array(PER_OCTAVE * 32);
  #total = 0;

  record(ms) {
    const bucket = ms <= SMALLEST_MS ? 0 : Math.floor(Math.log2(ms / SMALLEST_MS) * PER_OCTAVE);
    this.#counts[Math.min(bucket, this.#counts.length - 1)]++;
    this.#total++;
  }

  /** The middle of the bucket that holds the quantile, in milliseconds. */
  quantile(q) {
    const rank = Math.ceil(q * this.#total);
    let seen = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      seen += this.#counts[i];
      if (seen >= rank && seen > 0) return SMALLEST_MS * 2 ** ((i + 0.5) / PER_OCTAVE);
    }
    return NaN;
  }
}

export function median(values) {
  const sorted = values.filter((v) => Number.isFinite(v)).sort((a, b) => a - b);
  if (sorted.length === 0) return NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
