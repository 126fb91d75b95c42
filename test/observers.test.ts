/** Those who watch decisions: what they are told, and that no answer waits for them or breaks with them. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  configureRateLimit,
  createRateLimiter,
  checkRateLimit,
  closeRedisConnection,
  type Decision,
  type DecisionMessage,
  type RateLimitRequest,
} from 'spillway';
import * as sync from 'spillway/memory';
import { bothStores } from './support/both-stores';
import { owner } from './support/owned';
import { until } from './support/wait';

const own = owner();
const at = <More extends object>(more?: More) => ({ method: 'GET', path: '/', ip: '192.0.2.1', ...more });

/** What an observer was told, and the observer. */
function recorder() {
  const told: [Decision, RateLimitRequest | undefined][] = [];
  return { told, tell: (...args: [Decision, RateLimitRequest?]) => void told.push([args[0], args[1]]) };
}

describe.each(bothStores())('on %s', (_, common) => {
  test('every check is told once, denials also apart, with the very decision and request', async () => {
    const all = recorder();
    const denied = recorder();
    const limiter = await own(
      createRateLimiter({ ...common(), rate: '2/h', onDecision: all.tell, onDenied: denied.tell }),
    );
    const decisions = [
      await limiter.check('k'),
      await limiter.check('k', { cost: 1 }),
      await limiter.check('k'),
    ];
    const request = at({ organization: 'k' });
    decisions.push(await limiter.checkRequest(request));
    // A look, a penalty and a refund are no checks.
    await limiter.peek('k');
    await limiter.penalize('k');
    await limiter.refund(decisions[0]!);
    await until('told', () => all.told.length >= 4);
    expect(all.told.map(([decision]) => decision)).toEqual(decisions);
    expect(all.told.every(([decision], i) => decision === decisions[i])).toBe(true);
    expect(all.told.map(([, asked]) => asked)).toEqual([undefined, undefined, undefined, request]);
    expect(all.told[3]![1]).toBe(request);
    expect(denied.told.map(([decision]) => decision.reason)).toEqual(['limit', 'limit']);
  });

  test('answers that no store gave are told, too: lists, bypass, a missing identity, nothing that limits', async () => {
    const { told, tell } = recorder();
    const limiter = await own(
      createRateLimiter({
        ...common(),
        plans: { NONE: 'unlimited' },
        rules: [{ id: 'api', match: '/api/*', by: 'user', rate: '5/h' }],
        bypass: ['/health'],
        access: { deny: ['user:mallory'], allow: ['user:root'] },
        onDecision: tell,
      }),
    );
    const asked = [
      at({ path: '/health' }),
      at({ path: '/api/x', user: 'mallory' }),
      at({ path: '/api/x', user: 'root' }),
      at({ path: '/api/x' }),
      at({ path: '/elsewhere' }),
      at({ path: '/elsewhere', plan: 'NONE' as const }),
      at({ path: '/api/x', user: 'someone' }),
    ];
    const reasons = [];
    for (const request of asked) reasons.push((await limiter.checkRequest(request)).reason);
    expect(reasons).toEqual(['bypass', 'denied', 'bypass', 'unidentified', 'unlimited', 'unlimited', 'ok']);
    await until('told', () => told.length >= asked.length);
    expect(told.map(([decision]) => decision.reason)).toEqual(reasons);
    expect(told.map(([decision]) => decision.source === 'none')).toEqual([...Array(6).fill(true), false]);
    expect(told.map(([, request]) => request)).toEqual(asked);
  });

  test('the answer is there before anybody is told, and no failure of theirs is its own', async () => {
    const order: string[] = [];
    const warn = jest.fn();
    const limiter = await own(
      createRateLimiter({
        ...common(),
        rate: '2/h',
        logger: { warn, error: warn },
        onDecision: () => {
          order.push('told');
          throw new Error('no room');
        },
        onDenied: () => Promise.reject(new Error('no database')),
      }),
    );
    for (let i = 0; i < 4; i++) {
      expect((await limiter.check('k')).allowed).toBe(i < 2);
      order.push('answered');
    }
    await until('told', () => order.length >= 8 && warn.mock.calls.length >= 2);
    expect(order[0]).toBe('answered');
    // Once a minute each, however often they fail.
    expect(warn.mock.calls.flat().sort()).toEqual([
      'spillway: onDecision failed; decisions do not depend on it: Error: no room',
      'spillway: onDenied failed; decisions do not depend on it: Error: no database',
    ]);
  });

  test('the channel hears of limiters that nobody else watches', async () => {
    const heard: DecisionMessage[] = [];
    const hear = (message: unknown) => void heard.push(message as DecisionMessage);
    const limiter = await own(createRateLimiter({ ...common(), rate: '1/h' }));
    await limiter.check('unheard');
    subscribe('spillway:decision', hear);
    const request = at({ organization: 'k' });
    await limiter.checkRequest(request);
    await limiter.check('k');
    await until('heard', () => heard.length >= 2);
    unsubscribe('spillway:decision', hear);
    await limiter.check('unheard again');
    const others: unknown[] = [];
    const hearToo = (message: unknown) => void others.push(message);
    subscribe('spillway:decision', hearToo);
    await limiter.check('behind it');
    await until('heard by others', () => others.length >= 1);
    unsubscribe('spillway:decision', hearToo);
    expect(heard.map(({ decision, request: asked }) => [decision.reason, asked])).toEqual([
      ['ok', request],
      ['limit', undefined],
    ]);
  });
});

test('a store that does not answer is told as it is', async () => {
  const { told, tell } = recorder();
  const limiter = await own(
    createRateLimiter({
      redis: { host: '127.0.0.1', port: 1 },
      timeoutMs: 20,
      plans: { P: ['5/h', { id: 'shut', rate: '5/m', failureMode: 'closed' }] },
      onDenied: tell,
    }),
  );
  const decision = await limiter.check('k', 'P');
  expect(decision).toMatchObject({ allowed: false, reason: 'unavailable', source: 'none' });
  await until('told', () => told.length >= 1);
  expect(told).toHaveLength(1);
  expect(told[0]![0]).toBe(decision);
});

test('the drop-in functions tell whole decisions, though they answer a few numbers', async () => {
  const { told, tell } = recorder();
  configureRateLimit({ plans: { FREE: '1/h' }, prefix: 'observed:', onDecision: tell });
  sync.configureRateLimit({ plans: { FREE: '1/h' }, prefix: 'observed-too:', onDecision: tell });
  try {
    const results = [await checkRateLimit('org', 'FREE'), await checkRateLimit('org', 'FREE')];
    results.push(sync.checkRateLimit('org', 'FREE'));
    expect(results.map(({ allowed }) => allowed)).toEqual([true, false, true]);
    await until('told', () => told.length >= 3);
    expect(told.map(([{ reason, rule, source }]) => [reason, rule, source])).toEqual([
      ['ok', 'FREE', 'memory'],
      ['limit', 'FREE', 'memory'],
      ['ok', 'FREE', 'memory'],
    ]);
  } finally {
    await closeRedisConnection();
    sync.closeRedisConnection();
    configureRateLimit({});
    sync.configureRateLimit({});
  }
});

test.each([
  ['onDecision', 'yes'],
  ['onDenied', {}],
  ['nearLimit', { tell: 5 }],
  ['logger', true],
  ['logger', {}],
  ['logger', null],
  ['logger', { warn: () => {} }],
])('%s: %p is refused', (name, value) => {
  expect(() => createRateLimiter({ rate: '1/h', [name]: value })).toThrow(
    expect.objectContaining({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining(name) as string,
    }) as Error,
  );
});
