/** The circuit breaker of a store of one's own: one probe, late results dropped, health beside it. */
import { createRateLimiter, customStore, type BreakerOptions, type RateLimiter } from 'spillway';
import { stepAll, type CustomStore, type Kept, type Outcome, type StoreOp } from 'spillway/store';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { until } from './support/wait';

const own = owner();

/** Answers each call when and as the test says. */
class Scripted implements CustomStore {
  readonly name = 'scripted';
  readonly calls: { answer(): void; fail(): void }[] = [];
  readonly asked: string[][] = [];
  mode: 'answer' | 'fail' | 'throw' | 'wait' | 'nonsense' = 'answer';

  apply(op: StoreOp): Promise<Outcome[]> {
    this.asked.push(op.items.map(({ key }) => key));
    if (this.mode === 'throw') throw new Error('thrown');
    if (this.mode === 'fail') return Promise.reject(new Error('it is down'));
    if (this.mode === 'nonsense') return Promise.resolve([]);
    const given = op.items.map(({ rule }) => ({ rule, state: null }));
    const outcomes = () =>
      stepAll({ mode: op.mode, units: op.units, items: given }, 1_000_000).map(
        ({ outcome }: Kept & { outcome: Outcome }) => outcome,
      );
    if (this.mode === 'answer') return Promise.resolve(outcomes());
    return new Promise((resolve, reject) => {
      this.calls.push({
        answer: () => resolve(outcomes()),
        fail: () => reject(new Error('it was down')),
      });
    });
  }

  reset(keys: readonly string[]): Promise<number> {
    return this.mode === 'fail' ? Promise.reject(new Error('it is down')) : Promise.resolve(keys.length);
  }
}

async function opened(store: Scripted, breaker: BreakerOptions, timeoutMs = 10_000): Promise<RateLimiter> {
  return own(
    createRateLimiter({ store: customStore(store, { breaker }), rate: '1000/h', timeoutMs, logger: false }),
  );
}

const HOUR = 3_600_000;

test.each(['fail', 'throw', 'nonsense'] as const)(
  '%s, five times in a row: it is not asked any more',
  async (mode) => {
    const store = new Scripted();
    const limiter = await opened(store, { openMs: HOUR, maxOpenMs: HOUR });
    store.mode = mode;
    for (let i = 0; i < 4; i++) await limiter.check('k');
    store.mode = 'answer';
    await limiter.check('k');
    store.mode = mode;
    for (let i = 0; i < 5; i++) await limiter.check('k');
    expect(limiter.stats().breaker).toMatchObject({ state: 'open', failures: 5, address: '' });
    const asked = store.asked.length;
    expect(await limiter.check('k')).toMatchObject({ allowed: true, reason: 'unavailable', source: 'none' });
    await expect(limiter.reset('k')).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
    expect(store.asked.length).toBe(asked);
  },
);

test('checks that time out together are one failure', async () => {
  const store = new Scripted();
  const limiter = await opened(store, { failures: 2, openMs: HOUR, maxOpenMs: HOUR }, 50);
  store.mode = 'wait';
  await times(200, () => limiter.check('k'));
  expect(limiter.stats().breaker).toMatchObject({ state: 'closed', failures: 1 });
  await times(200, () => limiter.check('k'));
  expect(limiter.stats().breaker).toMatchObject({ state: 'open', failures: 2 });
});

test('one probe; it fails: longer; it is answered: all are asked again', async () => {
  const store = new Scripted();
  const limiter = await opened(store, { failures: 1, openMs: 30, factor: 3, maxOpenMs: HOUR });
  store.mode = 'fail';
  await limiter.check('k');
  const first = limiter.stats().breaker.nextAttempt! - Date.now();
  expect(first).toBeLessThanOrEqual(30);
  store.mode = 'wait';
  const waiting: Promise<unknown>[] = [];
  await until('tried', () => {
    waiting.push(limiter.check('k'));
    return store.calls.length > 0;
  });
  waiting.push(...Array.from({ length: 100 }, () => limiter.check('k')));
  expect(store.calls).toHaveLength(1);
  expect(limiter.stats().breaker.state).toBe('half-open');
  store.calls.pop()!.fail();
  await Promise.all(waiting);
  expect(limiter.stats().breaker.state).toBe('open');
  expect(limiter.stats().breaker.nextAttempt! - Date.now()).toBeGreaterThan(50);
  store.mode = 'answer';
  await until('answered', async () => (await limiter.check('k')).source === 'scripted');
  expect(limiter.stats().breaker).toEqual({ state: 'closed', failures: 0, nextAttempt: null, address: '' });
});

test('results that come late are of no account', async () => {
  const store = new Scripted();
  const limiter = await opened(store, { failures: 3, openMs: 20, maxOpenMs: 20 });
  store.mode = 'wait';
  const early = [limiter.check('k'), limiter.check('k')];
  store.mode = 'fail';
  for (let i = 0; i < 3; i++) await limiter.check('k');
  expect(limiter.stats().breaker.state).toBe('open');
  // Asked before it opened, and answered afterwards: that says nothing of now.
  store.calls.shift()!.answer();
  await early[0];
  expect(limiter.stats().breaker.state).toBe('open');
  store.mode = 'answer';
  await until('answered', async () => (await limiter.check('k')).source === 'scripted');
  store.calls.shift()!.fail();
  await early[1];
  expect(limiter.stats().breaker).toMatchObject({ state: 'closed', failures: 0 });
});

test('health asks also while it is open, makes nothing worse, and closes it', async () => {
  const store = new Scripted();
  const limiter = await opened(store, { failures: 1, openMs: HOUR, maxOpenMs: 2 * HOUR });
  store.mode = 'fail';
  await limiter.check('k');
  const { nextAttempt } = limiter.stats().breaker;
  for (let i = 0; i < 5; i++) expect((await limiter.health()).healthy).toBe(false);
  expect(Math.abs(limiter.stats().breaker.nextAttempt! - nextAttempt!)).toBeLessThan(1_000);
  store.mode = 'answer';
  expect(await limiter.health()).toMatchObject({ healthy: true, breaker: { state: 'closed' } });
  expect((await limiter.check('k')).source).toBe('scripted');
});

test.each([
  [{ failures: 1.5 }, 'breaker.failures must be'],
  [{ maxOpenMs: 10 }, 'breaker.maxOpenMs must be'],
  [{ state: 'open' }, 'breaker.state'],
  ['off', 'breaker must be an object'],
])('bad input %j', (breaker, message) => {
  expect(() => customStore(new Scripted(), { breaker: breaker as never })).toThrow(
    expect.objectContaining({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining(message) as string,
    }),
  );
});
