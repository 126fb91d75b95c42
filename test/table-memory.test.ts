/** What the in-process store takes of the machine's memory stays bounded, whatever the lengths of its keys. */
import { reportsOf } from './support/process';
import { megabytes } from './support/wait';

test('a small table through which ids of every length go', async () => {
  const script = `
    const { createRateLimiter, memoryStore } = require('spillway');
    const limiter = createRateLimiter({ rate: '1000/h', store: memoryStore({ maxKeys: 1000 }) });
    let made = 0;
    const fill = async (length) => {
      for (let i = 0; i < 300; i++) await limiter.check(String(made++).padStart(length, 'k'));
    };
    (async () => {
      for (let i = 0; i < 100; i++) await fill(1024);
      gc();
      const before = process.memoryUsage().rss;
      for (let length = 1024; length >= 12; length--) await fill(length);
      gc();
      report(process.memoryUsage().rss - before);
    })();`;
  // The young generation has its size before the baseline.
  const nodeArgs = ['--expose-gc', '--min-semi-space-size=16', '--max-semi-space-size=16'];
  const [grown] = await reportsOf<[number]>(script, { nodeArgs, measured: true, withinMs: 60_000 });
  expect(grown).toBeLessThan(megabytes(12));
}, 60_000);
