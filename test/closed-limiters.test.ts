/** What limiters cost once they are closed: nothing. */
import { megabytes } from './support/wait';
import { reportsOf } from './support/process';
import { RedisServer } from './support/redis';
import { owner } from './support/owned';

// Thousands of limiters take their time beside other tests.
jest.setTimeout(90_000);
const own = owner();

/**
 * Bytes by which a process grows while `step` is done again and again: the least of three times. What leaks grows each
 * time; pages that an allocator or a collector takes for itself come and go.
 */
async function growth(setUp: string, step: string, rounds: number, given?: unknown): Promise<number> {
  const script = `const { createRateLimiter } = require('spillway');
    (async () => {
      ${setUp}
      const rssAfter = async () => {
        for (let i = 0; i < ${rounds}; i++) {
          ${step}
          // What was collected is told between two turns.
          if (i % 500 === 0) { gc(); await new Promise(setImmediate); }
        }
        gc();
        await new Promise((resolve) => setTimeout(resolve, 50));
        gc();
        return process.memoryUsage().rss;
      };
      let n = 0;
      let before = await rssAfter();
      let least = Infinity;
      for (let time = 0; time < 3; time++) {
        const after = await rssAfter();
        least = Math.min(least, after - before);
        before = after;
      }
      report(least);
    })();`;
  const [grown] = await reportsOf<number>(script, {
    nodeArgs: ['--expose-gc'],
    measured: true,
    given,
    withinMs: 60_000,
  });
  return grown!;
}

test('limiters that are made, asked and closed', async () => {
  const step = `const limiter = createRateLimiter({ rate: { requests: ++n, windowMs: 60000 } });
    await limiter.check('k');
    await limiter.close();`;
  expect(await growth('', step, 1_000)).toBeLessThan(megabytes(16));
});

test('the same beside one that stays, so that the store does, too', async () => {
  const keep = `const kept = createRateLimiter({ rate: '5/m' }); await kept.check('k');`;
  const step = `const limiter = createRateLimiter({ rate: { requests: ++n, windowMs: 60000 } });
    await limiter.check('k');
    await limiter.close();`;
  expect(await growth(keep, step, 3_000)).toBeLessThan(megabytes(16));
});

test('on Redis, limiters and plans', async () => {
  const server = await own(RedisServer.start());
  const keep = `const kept = createRateLimiter({ redis: given, plans: { FREE: '5/m' } }); await kept.check('k', 'FREE');`;
  const step = `const limiter = createRateLimiter({ redis: given, rate: { requests: ++n, windowMs: 60000 } });
    await limiter.check('k');
    await limiter.close();
    kept.setPlans({ FREE: { requests: ++n, windowMs: 60000 } });
    await kept.check('k', 'FREE');`;
  expect(await growth(keep, step, 1_000, server.url)).toBeLessThan(megabytes(16));
});

test('that counted for themselves while their store was away', async () => {
  const setUp = `const { customStore } = require('spillway');
    const away = () => ({ name: 'away', apply: () => Promise.reject(new Error('away')), reset: async () => 0 });`;
  const step = `const limiter = createRateLimiter({ store: customStore(away()), rate: '5/d', failureMode: 'memory', logger: false });
    for (let k = 0; k < 20; k++) await limiter.check('k' + k);
    await limiter.close();`;
  expect(await growth(setUp, step, 1_000)).toBeLessThan(megabytes(4));
});
