import { createHash } from 'node:crypto';
import { parseList } from 'structured-headers';
import { rateLimitHeaders, type HeaderOptions } from '../../lib/http/headers/emit';
import type { HeaderDecision, HeaderRule } from '../../lib/http/headers/header-input';
import { createRateLimitHeaders } from '../../lib/drop-in/http';
import type { Decision } from '../../lib/decision/types';
import { refusalOf } from './refusal';

const NOW = 1_800_000_000_000;

beforeEach(() => {
  jest.spyOn(Date, 'now').mockReturnValue(NOW);
});
afterEach(() => {
  jest.restoreAllMocks();
});

const API: HeaderRule = {
  rule: 'api',
  allowed: true,
  limit: 100,
  remaining: 50,
  resetTime: NOW + 29_001,
  retryAfter: 0,
  algorithm: 'fixed-window',
  windowMs: 60_000,
};

const decide = (rules: HeaderRule[], more: Partial<HeaderDecision> = {}): HeaderDecision => ({
  allowed: true,
  retryAfter: 0,
  rule: rules[0]?.rule ?? '',
  rules,
  ...more,
});
const draft = (decision: HeaderDecision) => rateLimitHeaders(decision, { headers: 'draft-10' });

describe('draft-10', () => {
  test('has the form of its examples', () => {
    expect(draft(decide([API]))).toEqual({
      'RateLimit-Policy': '"api";q=100;w=60',
      RateLimit: '"api";r=50;t=30',
    });
  });

  test('tells all rules, in their order', () => {
    const hour: HeaderRule = {
      ...API,
      rule: 'FREE:1h',
      limit: 1_000,
      remaining: 999,
      windowMs: 3_600_000,
      resetTime: NOW,
    };
    expect(draft(decide([API, hour]))).toEqual({
      'RateLimit-Policy': '"api";q=100;w=60, "FREE:1h";q=1000;w=3600',
      RateLimit: '"api";r=50;t=30, "FREE:1h";r=999;t=0',
    });
  });

  test('a partition key is the hash of subjects the rule counts, the same in both', () => {
    const headers = draft(
      decide([
        { ...API, subject: 'ip:192.0.2.1' },
        { ...API, rule: 'b', subject: 'user:jane' },
      ]),
    );
    const hash = (text: string) =>
      createHash('sha256').update(text).digest().subarray(0, 12).toString('base64');
    expect(headers['RateLimit']).toBe(
      `"api";r=50;t=30;pk=:${hash('ip:192.0.2.1')}:, "b";r=50;t=30;pk=:${hash('user:jane')}:`,
    );
    expect(headers['RateLimit-Policy']).toContain(`"api";q=100;w=60;pk=:${hash('ip:192.0.2.1')}:`);
    expect(JSON.stringify(headers)).not.toMatch(/192|jane/);
  });

  test('a token bucket tells its capacity, and the time in which it fills', () => {
    const bucket = (limit: number, requests?: number): HeaderRule => ({
      ...API,
      algorithm: 'token-bucket',
      limit,
      requests,
      remaining: 1,
    });
    expect(draft(decide([{ ...bucket(500, 200), remaining: 480 }]))).toEqual({
      'RateLimit-Policy': '"api";q=500;w=150',
      RateLimit: '"api";r=480;t=30',
    });
    const policyOf = (rule: HeaderRule) => draft(decide([rule]))['RateLimit-Policy'];
    expect(policyOf(bucket(50, 200))).toBe('"api";q=50;w=15');
    expect(policyOf(bucket(500, 700))).toBe('"api";q=500;w=43');
    expect(policyOf(bucket(500))).toBe('"api";q=500;w=60');
    expect(policyOf(bucket(0, 0))).toBe('"api";q=0;w=60');
  });

  test('a rule that denied points no further than Retry-After', () => {
    const denied: HeaderRule = {
      ...API,
      allowed: false,
      remaining: 0,
      resetTime: NOW + 5_000,
      retryAfter: 6,
    };
    const headers = draft(decide([denied], { allowed: false, retryAfter: 6 }));
    expect(headers['RateLimit']).toBe('"api";r=0;t=6');
    expect(headers['Retry-After']).toBe('6');
  });

  test.each([
    [1, 1],
    [999, 1],
    [1_000, 1],
    [1_500, 2],
    [315_360_000_000, 315_360_000],
  ])('a window of %d ms is %d s', (windowMs, seconds) => {
    expect(draft(decide([{ ...API, windowMs }]))['RateLimit-Policy']).toBe(`"api";q=100;w=${seconds}`);
  });

  test('numbers stay within what a structured field holds', () => {
    const huge: HeaderRule = { ...API, limit: 2 ** 53 - 1, remaining: 2 ** 53 - 1, resetTime: NOW - 5_000 };
    expect(draft(decide([huge]))).toEqual({
      'RateLimit-Policy': '"api";q=999999999999999;w=60',
      RateLimit: '"api";r=999999999999999;t=0',
    });
  });

  test.each([
    ['FREE', 'FREE'],
    ['a"b\\c', 'a"b\\c'],
    ['gold, "x";q=1', 'gold, "x";q=1'],
    ['größe', 'gr%C3%B6%C3%9Fe'],
    ['100%', '100%25'],
    ['a\r\nSet-Cookie: x', 'a%0D%0ASet-Cookie: x'],
    ['\u{1f600}\0', '%F0%9F%98%80%00'],
    ['\ud800', '%EF%BF%BD'],
  ])('any name of a plan can be told: %j', (rule, name) => {
    const headers = draft(decide([{ ...API, rule }]));
    for (const value of Object.values(headers)) {
      const items = parseList(value);
      expect(items).toHaveLength(1);
      expect(items[0]?.[0]).toBe(name);
      expect(new Headers({ value }).get('value')).toBe(value);
    }
  });
});

describe('legacy', () => {
  const scoped: HeaderRule = { ...API, scope: 'ip' };

  test('tells the rule in front', () => {
    const other: HeaderRule = { ...scoped, rule: 'plan', scope: 'organization', limit: 1_000, remaining: 1 };
    expect(rateLimitHeaders(decide([scoped, other], { rule: 'plan' }))).toEqual({
      'X-RateLimit-Limit': '1000',
      'X-RateLimit-Remaining': '1',
      'X-RateLimit-Reset': '1800000030',
      'X-RateLimit-Scope': 'organization',
      'X-RateLimit-Algorithm': 'fixed-window',
    });
  });

  test('begins with what the drop-in sends', () => {
    const { limit, remaining, resetTime } = API;
    expect(rateLimitHeaders(decide([API]))).toMatchObject(
      createRateLimitHeaders(limit, remaining, resetTime),
    );
  });

  test('of a token bucket its size and level', () => {
    const bucket: HeaderRule = {
      ...scoped,
      algorithm: 'token-bucket',
      limit: 500,
      requests: 200,
      remaining: 480,
    };
    expect(rateLimitHeaders(decide([bucket]))).toMatchObject({
      'X-RateLimit-Limit': '500',
      'X-RateLimit-Algorithm': 'token-bucket',
      'X-RateLimit-Bucket-Size': '500',
      'X-RateLimit-Bucket-Remaining': '480',
    });
    expect(rateLimitHeaders(decide([scoped]))).not.toHaveProperty('X-RateLimit-Bucket-Size');
  });
});

describe('Retry-After', () => {
  test.each<[boolean, number, string | undefined]>([
    [true, 0, undefined],
    [true, 5, undefined],
    [false, 5, '5'],
    [false, 4.2, '5'],
    [false, 0, '1'],
  ])('allowed %p, %d s: %p', (allowed, retryAfter, expected) => {
    for (const headers of ['legacy', 'draft-10', 'both', 'none'] as const) {
      const decision = decide([API], { allowed, retryAfter });
      expect(rateLimitHeaders(decision, { headers })['Retry-After']).toBe(expected);
    }
  });
});

test('the formats can be chosen', () => {
  const decision = decide([API]);
  const legacy = rateLimitHeaders(decision, { headers: 'legacy' });
  expect(rateLimitHeaders(decision)).toEqual(legacy);
  expect(rateLimitHeaders(decision, { headers: undefined })).toEqual(legacy);
  expect(rateLimitHeaders(decision, { headers: 'both' })).toEqual({ ...legacy, ...draft(decision) });
  expect(rateLimitHeaders(decision, { headers: 'none' })).toEqual({});
  for (const options of [
    { headers: 'draft-9' },
    { headers: ['legacy'] },
    { headers: null },
    { header: 'legacy' },
    null,
  ]) {
    expect(refusalOf(() => rateLimitHeaders(decision, options as HeaderOptions)).code).toBe(
      'ERR_INVALID_OPTION',
    );
  }
});

test('a rule in the shadow is not told, nor what has no limit', () => {
  const shadow: HeaderRule = { ...API, rule: 'trial', shadow: true, remaining: 0 };
  expect(rateLimitHeaders(decide([shadow, API]), { headers: 'both' })).toEqual(
    rateLimitHeaders(decide([API]), { headers: 'both' }),
  );
  expect(rateLimitHeaders(decide([{ ...API, limit: Infinity }]), { headers: 'both' })).toEqual({});
  expect(rateLimitHeaders(decide([]), { headers: 'both' })).toEqual({});
});

/** What a decision does, beside what it says. */
type Done = 'headers' | 'toResponse' | 'applyTo' | 'applyToNodeResponse';

test('every decision can be told', () => {
  const decision: Omit<Decision, Done> = {
    allowed: true,
    reason: 'ok',
    limit: 100,
    remaining: 50,
    resetTime: NOW + 1,
    retryAfter: 0,
    retryAfterMs: 0,
    nearLimit: false,
    rule: 'FREE',
    rules: [
      {
        rule: 'FREE',
        allowed: true,
        limit: 100,
        remaining: 50,
        resetTime: NOW + 29_001,
        retryAfter: 0,
        algorithm: 'fixed-window',
        requests: 100,
        windowMs: 60_000,
        scope: undefined,
        subject: 'org-123',
        shadow: false,
        nearLimit: false,
      },
    ],
    source: 'redis',
  };
  expect(new Headers(rateLimitHeaders(decision, { headers: 'both' })).get('ratelimit')).toMatch(
    /^"FREE";r=50;t=30;pk=:.+:$/,
  );
});
