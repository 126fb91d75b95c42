import { Status } from '../../lib/decision/status';
import { ResultKind, type Built, type AnyResultKind } from '../../lib/decision/result-kind';
import { settled, shaped, withoutStore } from '../../lib/decision/unavailable';
import { build, recordsOf } from '../../lib/stores/decode';
import { RuleSet } from '../../lib/decision/rule-set';
import { makeRule, type CompiledRule } from '../../lib/rules/rule';
import type { FailureMode } from '../../lib/rules/failure-mode';

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

interface Given {
  limit?: number;
  windowMs?: number;
  failureMode?: FailureMode;
  shadow?: boolean;
}
function rule(id: string, { limit = 100, windowMs = HOUR, failureMode, shadow }: Given = {}): CompiledRule {
  const quota = { algorithm: 'fixed-window', limit, windowMs, burst: limit } as const;
  return makeRule(id, id, quota, { failureMode, shadow }, { failureMode: 'open', nearLimit: 0.8 }, '');
}

interface Said {
  status?: number;
  allowed?: number;
  remaining?: number;
  resetInMs?: number;
  retryAfterMs?: number;
  used?: number;
  mark?: number;
  blocked?: number;
}
/** Records as the core writes them, behind one of another call. */
const LENGTH = 10;
function records(...said: Said[]): Float64Array {
  const numbers = said.flatMap((one) => [
    5,
    one.status ?? Status.Answered,
    one.allowed ?? 1,
    100,
    one.remaining ?? 0,
    one.resetInMs ?? 0,
    one.retryAfterMs ?? 0,
    one.used ?? 0,
    one.mark ?? 0,
    one.blocked ?? 0,
  ]);
  return Float64Array.of(...Array<number>(LENGTH).fill(9), ...numbers);
}

const one = (failureMode: FailureMode = 'open') => new RuleSet([rule('FREE', { failureMode })]);
function built<K extends AnyResultKind>(kind: K, set: RuleSet, ...said: Said[]): Built[K] {
  return build(kind, records(...said), LENGTH, set, 'org', 1, NOW, 'redis') as Built[K];
}

test('a result has the four fields of the drop-in and no others', () => {
  expect(built(ResultKind.Result, one(), { remaining: 60, resetInMs: 1_234, used: 40 })).toStrictEqual({
    allowed: true,
    remaining: 60,
    resetTime: NOW + 1_234,
    limit: 100,
  });
});

test('of a token bucket what is left never stands above the limit', () => {
  const quota = { algorithm: 'token-bucket', limit: 200, windowMs: HOUR, burst: 500 } as const;
  const bucket = makeRule('b', 'b', quota, {}, { failureMode: 'open', nearLimit: 0.8 }, '');
  const set = new RuleSet([bucket, rule('a')]);
  const told = { limit: 500, remaining: 499 };
  const said = [{ remaining: 499, used: 1 }, { remaining: 100 }];
  expect(built(ResultKind.Result, new RuleSet([bucket]), said[0]!)).toMatchObject(told);
  expect(built(ResultKind.Status, new RuleSet([bucket]), said[0]!)).toMatchObject({ ...told, used: 1 });
  expect(built(ResultKind.Decision, set, ...said)).toMatchObject({
    ...told,
    rule: 'b',
    rules: [
      { ...told, requests: 200, windowMs: HOUR },
      { limit: 100, requests: 100, remaining: 100 },
    ],
  });
  expect(withoutStore(set, 'org', 'unavailable', NOW)).toMatchObject({
    limit: 500,
    remaining: 500,
    rules: [{ limit: 500, remaining: 500, requests: 200 }, {}],
  });
});

test('a status tells what is used', () => {
  expect(built(ResultKind.Status, one(), { remaining: 60, resetInMs: 1_234, used: 40 })).toStrictEqual({
    remaining: 60,
    resetTime: NOW + 1_234,
    limit: 100,
    used: 40,
  });
});

test('an outcome is one number, or the status below zero', () => {
  expect(built(ResultKind.Outcome, one(), { used: 40 })).toBe(40);
  expect(built(ResultKind.Outcome, one(), { used: 40, status: Status.Refused })).toBe(-Status.Refused);
});

describe('a decision', () => {
  test('admitted', () => {
    const decision = built(ResultKind.Decision, one(), {
      remaining: 60,
      resetInMs: 1_234,
      used: 40,
      mark: 77,
    });
    expect(decision).toEqual({
      allowed: true,
      reason: 'ok',
      limit: 100,
      remaining: 60,
      resetTime: NOW + 1_234,
      retryAfter: 0,
      retryAfterMs: 0,
      nearLimit: false,
      rule: 'FREE',
      rules: [
        {
          rule: 'FREE',
          allowed: true,
          limit: 100,
          remaining: 60,
          resetTime: NOW + 1_234,
          retryAfter: 0,
          algorithm: 'fixed-window',
          requests: 100,
          windowMs: HOUR,
          scope: undefined,
          subject: 'org',
          shadow: false,
          nearLimit: false,
        },
      ],
      source: 'redis',
    });
    expect(JSON.stringify(decision)).not.toMatch(/mark|charge|77/);
  });

  test.each([
    [1, 1],
    [1_000, 1],
    [1_001, 2],
    [3_600_001, 3_601],
  ])('denied for %d ms', (retryAfterMs, retryAfter) => {
    const said = { allowed: 0, resetInMs: retryAfterMs - 1, retryAfterMs, used: 100 };
    expect(built(ResultKind.Decision, one(), said)).toMatchObject({
      allowed: false,
      reason: 'limit',
      retryAfterMs,
      retryAfter,
      nearLimit: true,
      rules: [{ allowed: false, retryAfter }],
    });
  });

  test('that can never be admitted waits a whole window, and survives JSON', () => {
    const said = { allowed: 0, remaining: 70, resetInMs: 500, retryAfterMs: -1, used: 30 };
    const decision = built(ResultKind.Decision, one(), said);
    expect(decision).toMatchObject({
      reason: 'never-fits',
      remaining: 70,
      retryAfterMs: HOUR,
      retryAfter: 3_600,
    });
    expect(JSON.parse(JSON.stringify(decision))).toEqual(decision);
  });

  test('of a blocked key says so', () => {
    const said = { allowed: 0, retryAfterMs: 5_001, blocked: 1 };
    expect(built(ResultKind.Decision, one(), said)).toMatchObject({ reason: 'blocked', retryAfterMs: 5_001 });
  });

  test.each([
    [79, false],
    [80, true],
    [100, true],
  ])('is near the limit with %d of 100 used: %p', (used, nearLimit) => {
    expect(built(ResultKind.Decision, one(), { used })).toMatchObject({ nearLimit, rules: [{ nearLimit }] });
  });
});

describe('over several rules', () => {
  const three = new RuleSet([
    rule('a'),
    rule('b', { limit: 10, windowMs: 1_000 }),
    rule('c', { limit: 1_000 }),
  ]);
  const front = (set: RuleSet, ...said: Said[]) => built(ResultKind.Decision, set, ...said);

  test('that admit, the one with the smallest part left is in front', () => {
    const decision = front(three, { remaining: 50 }, { remaining: 4 }, { remaining: 401 });
    expect(decision).toMatchObject({ allowed: true, rule: 'b', limit: 10, remaining: 4 });
    expect(decision.rules.map((result) => result.rule)).toEqual(['a', 'b', 'c']);
  });

  test('equal ones keep their order', () => {
    expect(front(three, { remaining: 50 }, { remaining: 5 }, { remaining: 500 })).toMatchObject({
      rule: 'a',
    });
  });

  test('one that denies is in front of all that admit', () => {
    const denied = { allowed: 0, remaining: 90, retryAfterMs: 200, resetInMs: 199 };
    const decision = front(three, { remaining: 0 }, { remaining: 0 }, denied);
    expect(decision).toMatchObject({ allowed: false, rule: 'c', retryAfterMs: 200, reason: 'limit' });
    expect(decision.rules.map(({ allowed, retryAfter }) => [allowed, retryAfter])).toEqual([
      [true, 0],
      [true, 0],
      [false, 1],
    ]);
  });

  test('of those that deny the longest wait holds, and no wait is the longest', () => {
    const short = { allowed: 0, retryAfterMs: 200 };
    const long = { allowed: 0, retryAfterMs: 5_000 };
    const never = { allowed: 0, retryAfterMs: -1 };
    expect(front(three, short, long, short)).toMatchObject({ rule: 'b', retryAfterMs: 5_000 });
    expect(front(three, short, long, never)).toMatchObject({
      rule: 'c',
      reason: 'never-fits',
      retryAfterMs: HOUR,
    });
  });

  test('a rule that is tried out never denies and stands behind', () => {
    const set = new RuleSet([rule('tried', { shadow: true }), rule('real')]);
    expect(front(set, { allowed: 0, retryAfterMs: 500, used: 100 }, { remaining: 90 })).toMatchObject({
      allowed: true,
      rule: 'real',
      remaining: 90,
      retryAfterMs: 0,
      nearLimit: false,
      rules: [{ rule: 'tried', allowed: false, shadow: true, nearLimit: true }, { allowed: true }],
    });
    const alone = new RuleSet([rule('tried', { shadow: true })]);
    expect(front(alone, { allowed: 0, retryAfterMs: 500, used: 100 })).toMatchObject({
      allowed: true,
      reason: 'ok',
      retryAfterMs: 0,
      nearLimit: false,
    });
    expect(built(ResultKind.Result, alone, { allowed: 0 })).toMatchObject({ allowed: true });
  });

  test('near the limit is one that can deny', () => {
    expect(front(three, { used: 10 }, { used: 8 }, { used: 10 })).toMatchObject({ nearLimit: true });
    expect(front(three, { used: 79 }, { used: 7 }, { used: 799 })).toMatchObject({ nearLimit: false });
  });

  test('each rule has a record where the store answered, and they share one where it did not', () => {
    const answered = records({}, {}, {});
    const lost = records({ status: Status.TimedOut });
    expect(recordsOf(ResultKind.Decision, answered, LENGTH, three)).toBe(3);
    expect(recordsOf(ResultKind.Decision, lost, LENGTH, three)).toBe(1);
    expect(recordsOf(ResultKind.Outcome, answered, LENGTH, three)).toBe(1);
  });

  test('subjects each rule counts', () => {
    const set = new RuleSet([rule('a'), rule('b')]);
    const subjects = {
      keys: ['ip:1.2.3.4', 'org'],
      scopes: ['ip', 'organization'] as const,
      request: undefined,
    };
    expect(build(ResultKind.Decision, records({}, {}), LENGTH, set, subjects, 1, NOW, 'redis')).toMatchObject(
      {
        rules: [
          { subject: 'ip:1.2.3.4', scope: 'ip' },
          { subject: 'org', scope: 'organization' },
        ],
      },
    );
  });
});

describe('where no store answered', () => {
  const endings = Object.entries(Status).filter(([name]) => name !== 'Answered');

  test.each(endings)('%s: open admits with the whole limit', (_, status) => {
    expect(built(ResultKind.Decision, one('open'), { allowed: 0, status })).toMatchObject({
      allowed: true,
      reason: 'unavailable',
      remaining: 100,
      resetTime: NOW + HOUR,
      retryAfterMs: 0,
      nearLimit: false,
      source: 'none',
    });
  });

  test.each(endings)('%s: closed denies for a second', (_, status) => {
    expect(built(ResultKind.Decision, one('closed'), { allowed: 1, status })).toMatchObject({
      allowed: false,
      reason: 'unavailable',
      remaining: 0,
      resetTime: NOW + 1_000,
      retryAfterMs: 1_000,
      retryAfter: 1,
      source: 'none',
    });
  });

  test('results and statuses have their own shapes', () => {
    expect(shaped(ResultKind.Result, withoutStore(one(), 'org', 'unavailable', NOW))).toStrictEqual({
      allowed: true,
      remaining: 100,
      resetTime: NOW + HOUR,
      limit: 100,
    });
    expect(shaped(ResultKind.Status, withoutStore(one('closed'), 'org', 'unavailable', NOW))).toStrictEqual({
      remaining: 0,
      resetTime: NOW + 1_000,
      limit: 100,
      used: 100,
    });
  });

  test('one rule that says closed denies for all, unless the call says otherwise', () => {
    const set = new RuleSet([rule('a'), rule('b', { failureMode: 'closed' })]);
    expect(withoutStore(set, 'org', 'unavailable', NOW)).toMatchObject({
      allowed: false,
      rule: 'b',
      rules: [{ allowed: true }, { allowed: false }],
    });
    expect(withoutStore(set.under('open'), 'org', 'unavailable', NOW)).toMatchObject({
      allowed: true,
      rule: 'a',
    });
    expect(withoutStore(one().under('closed'), 'org', 'unavailable', NOW)).toMatchObject({ allowed: false });
  });

  test('a rule that is tried out denies nobody', () => {
    const tried = rule('a', { shadow: true, failureMode: 'closed' });
    for (const set of [new RuleSet([tried]), new RuleSet([tried]).under('closed')]) {
      expect(withoutStore(set, 'org', 'unavailable', NOW)).toMatchObject({ allowed: true });
    }
    expect(withoutStore(new RuleSet([tried, rule('b')]), 'org', 'unavailable', NOW)).toMatchObject({
      rule: 'b',
    });
  });

  test('where limits are switched off everything is admitted, whatever failureMode says', () => {
    expect(withoutStore(one('closed'), 'org', 'disabled', NOW)).toMatchObject({
      allowed: true,
      reason: 'disabled',
      source: 'none',
      remaining: 100,
    });
  });

  test('no rules limit nothing, and JSON tells so in numbers', () => {
    const unlimited = withoutStore(new RuleSet([]), 'org', 'unavailable', NOW);
    expect(JSON.stringify(unlimited)).not.toContain('null');
    expect(JSON.stringify(settled('bypass', ''))).not.toContain('null');
    expect(shaped(ResultKind.Status, unlimited)).toEqual({
      limit: Number.MAX_SAFE_INTEGER,
      remaining: Number.MAX_SAFE_INTEGER,
      resetTime: NOW,
      used: 0,
    });
    expect(withoutStore(new RuleSet([]), 'org', 'unavailable', NOW)).toMatchObject({
      allowed: true,
      reason: 'unlimited',
      remaining: Number.MAX_SAFE_INTEGER,
      rules: [],
    });
  });
});
