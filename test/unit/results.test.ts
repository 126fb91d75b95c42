import { Ending } from '../../lib/native';
import { build, byPolicy, Kind } from '../../lib/results';
import type { RuleSet } from '../../lib/rule';

const NOW = 1_800_000_000_000;

function rules(onError: 'open' | 'closed' = 'open'): RuleSet {
  return {
    index: 0,
    rules: [{ id: 'FREE', algorithm: 'fixed-window', limit: 100, windowMs: 3_600_000 }],
    onError,
  };
}

/** A record of an answered check, as the core writes it, behind another one. */
function record({ allowed = 1, remaining = 0, resetInMs = 0, retryAfterMs = 0, used = 0 }): Float64Array {
  return Float64Array.of(
    9,
    9,
    9,
    9,
    9,
    9,
    9,
    9,
    5,
    Ending.Answered,
    allowed,
    100,
    remaining,
    resetInMs,
    retryAfterMs,
    used,
  );
}

test('a result has the four fields of the drop-in and no others', () => {
  const batch = record({ remaining: 60, resetInMs: 1_234, used: 40 });
  expect(build(Kind.Result, batch, 8, rules(), NOW, 'redis')).toStrictEqual({
    allowed: true,
    remaining: 60,
    resetTime: NOW + 1_234,
    limit: 100,
  });
});

test('a status tells what is used', () => {
  const batch = record({ remaining: 60, resetInMs: 1_234, used: 40 });
  expect(build(Kind.Status, batch, 8, rules(), NOW, 'redis')).toStrictEqual({
    remaining: 60,
    resetTime: NOW + 1_234,
    limit: 100,
    used: 40,
  });
});

test('an outcome is the units used, or the ending below zero', () => {
  const batch = record({ used: 40 });
  expect(build(Kind.Outcome, batch, 8, rules(), NOW, 'redis')).toBe(40);
  batch[9] = Ending.Refused;
  expect(build(Kind.Outcome, batch, 8, rules(), NOW, 'redis')).toBe(-Ending.Refused);
});

describe('a decision', () => {
  test('admitted', () => {
    const batch = record({ remaining: 60, resetInMs: 1_234, used: 40 });
    expect(build(Kind.Decision, batch, 8, rules(), NOW, 'memory')).toStrictEqual({
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
        },
      ],
      source: 'memory',
    });
  });

  test.each([
    [1, 1],
    [1_000, 1],
    [1_001, 2],
    [3_600_001, 3_601],
  ])('denied for %d ms', (retryAfterMs, retryAfter) => {
    const batch = record({ allowed: 0, resetInMs: retryAfterMs - 1, retryAfterMs, used: 100 });
    expect(build(Kind.Decision, batch, 8, rules(), NOW, 'redis')).toMatchObject({
      allowed: false,
      reason: 'limit',
      retryAfterMs,
      retryAfter,
      nearLimit: true,
      rules: [{ allowed: false, retryAfter }],
    });
  });

  test('that can never be admitted waits a whole window, and survives JSON', () => {
    const batch = record({ allowed: 0, remaining: 70, resetInMs: 500, retryAfterMs: -1, used: 30 });
    const decision = build(Kind.Decision, batch, 8, rules(), NOW, 'redis');
    expect(decision).toMatchObject({
      reason: 'never-fits',
      remaining: 70,
      retryAfterMs: 3_600_000,
      retryAfter: 3_600,
    });
    expect(JSON.parse(JSON.stringify(decision))).toEqual(decision);
  });

  test.each([
    [79, false],
    [80, true],
    [100, true],
  ])('is near the limit with %d of 100 used: %p', (used, nearLimit) => {
    expect(build(Kind.Decision, record({ used }), 8, rules(), NOW, 'redis')).toMatchObject({ nearLimit });
  });
});

describe('where no store answered', () => {
  const endings = Object.entries(Ending).filter(([name]) => name !== 'Answered');

  test.each(endings)('%s: open admits with the whole limit', (_, ending) => {
    const batch = record({ allowed: 0 });
    batch[9] = ending;
    expect(build(Kind.Decision, batch, 8, rules('open'), NOW, 'redis')).toMatchObject({
      allowed: true,
      reason: 'policy',
      remaining: 100,
      resetTime: NOW + 3_600_000,
      retryAfterMs: 0,
      nearLimit: false,
      source: 'policy',
    });
  });

  test.each(endings)('%s: closed denies for a second', (_, ending) => {
    const batch = record({ allowed: 1 });
    batch[9] = ending;
    expect(build(Kind.Decision, batch, 8, rules('closed'), NOW, 'redis')).toMatchObject({
      allowed: false,
      reason: 'policy',
      remaining: 0,
      resetTime: NOW + 1_000,
      retryAfterMs: 1_000,
      retryAfter: 1,
      source: 'policy',
    });
  });

  test('results and statuses have their own shapes', () => {
    expect(byPolicy(Kind.Result, rules(), NOW, 'open')).toStrictEqual({
      allowed: true,
      remaining: 100,
      resetTime: NOW + 3_600_000,
      limit: 100,
    });
    expect(byPolicy(Kind.Status, rules(), NOW, 'closed')).toStrictEqual({
      remaining: 0,
      resetTime: NOW + 1_000,
      limit: 100,
      used: 100,
    });
  });
});
