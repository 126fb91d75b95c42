// `node sizing-child.mjs '{"port":6379,"plan":"ONE","perSecond":1000,"seconds":4}'`: asks at a given rate, evenly spread, and tells
// how long answers took and what the process and Redis spent. One JSON line.
import { createRequire } from 'node:module';
import { Histogram, processMicros } from './measure.mjs';
import { openAdmin } from './redis.mjs';

const job = JSON.parse(process.argv[2]);
const { createRateLimiter } = createRequire(import.meta.url)('../dist/index.js');
const KEYS = 10_000;
const most = 1_000_000_000;
const limiter = createRateLimiter({
  redis: { host: '127.0.0.1', port: job.port },
  plans: {
    ONE: { requests: most, windowMs: 3_600_000 },
    THREE: [1_000, 60_000, 3_600_000].map((windowMs) => ({ requests: most, windowMs })),
    BUCKET: { rate: { requests: most, windowMs: 3_600_000 }, algorithm: 'token-bucket' },
  },
  logger: false,
});
const admin = await openAdmin(job.port);
const histogram = new Histogram();
let lost = 0;

await ask(1_000, undefined);
const redisFrom = await admin.cpuSeconds();
const processFrom = processMicros();
const tookMs = await ask(job.seconds * 1_000, histogram);
const clientCores = (processMicros() - processFrom) / (tookMs * 1e3);
const redisCores = ((await admin.cpuSeconds()) - redisFrom) / (tookMs / 1e3);
await limiter.close();
admin.close();
const [p50, p99] = [histogram.quantile(0.5), histogram.quantile(0.99)];
process.stdout.write(`${JSON.stringify({ ...job, p50, p99, clientCores, redisCores, lost })}\n`);

/** So many checks as are due are made each millisecond, whatever became of the others. */
async function ask(ms, into) {
  const started = performance.now();
  let asked = 0;
  let open = 0;
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      const elapsedMs = performance.now() - started;
      if (elapsedMs < ms) {
        for (; asked < (elapsedMs * job.perSecond) / 1_000; asked++) one();
      } else if (open === 0) {
        clearInterval(timer);
        resolve();
      }
    }, 1);
    const one = () => {
      const from = performance.now();
      open++;
      void limiter.check(`org-${asked % KEYS}`, job.plan).then(({ source }) => {
        open--;
        if (source !== 'redis') lost++;
        into?.record(performance.now() - from);
      });
    };
  });
  return performance.now() - started;
}
