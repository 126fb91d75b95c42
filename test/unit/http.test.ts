import {
  createRateLimitExceededResponse,
  createRateLimitHeaders,
  withRateLimit,
} from '../../lib/drop-in/http';

const NOW = 1_800_000_000_000;

beforeEach(() => {
  jest.spyOn(Date, 'now').mockReturnValue(NOW);
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe('createRateLimitHeaders', () => {
  test('an admitted request gets no Retry-After', () => {
    expect(createRateLimitHeaders(100, 99, NOW + 3_600_000)).toEqual({
      'X-RateLimit-Limit': '100',
      'X-RateLimit-Remaining': '99',
      'X-RateLimit-Reset': '1800003600',
    });
  });

  test('the last admitted request gets none when it is said to be admitted', () => {
    expect(createRateLimitHeaders(100, 0, NOW + 5_000, true)).not.toHaveProperty('Retry-After');
    expect(createRateLimitHeaders(100, 0, NOW + 5_000)).toHaveProperty('Retry-After', '5');
  });

  test('a denial with units left, as for a cost above them, gets one', () => {
    expect(createRateLimitHeaders(100, 3, NOW + 5_000, false)).toHaveProperty('Retry-After', '5');
  });

  test.each([
    [NOW + 4_001, '1800000005', '5'],
    [NOW + 1, '1800000001', '1'],
    [NOW, '1800000000', '1'],
    [NOW - 10_000, '1799999990', '1'],
  ])('seconds are rounded up, at least 1 (%d)', (resetTime, reset, retryAfter) => {
    expect(createRateLimitHeaders(1, 0, resetTime)).toMatchObject({
      'X-RateLimit-Reset': reset,
      'Retry-After': retryAfter,
    });
  });

  test('is what Headers takes', () => {
    expect(new Headers(createRateLimitHeaders(100, 0, NOW + 5_000)).get('retry-after')).toBe('5');
  });
});

describe('createRateLimitExceededResponse', () => {
  test('is a 429 that says when to come back', async () => {
    const response = createRateLimitExceededResponse(NOW + 59_001);
    expect(response.status).toBe(429);
    expect(response.headers.get('Retry-After')).toBe('60');
    expect(response.headers.get('Content-Type')).toMatch(/^application\/json/);
    expect(await response.json()).toEqual({
      error: 'Too Many Requests',
      message: 'Rate limit exceeded. Try again in 60 seconds.',
      retryAfter: 60,
    });
  });

  test('never says 0 seconds', async () => {
    const body: unknown = await createRateLimitExceededResponse(NOW - 1).json();
    expect(body).toMatchObject({ message: 'Rate limit exceeded. Try again in 1 second.', retryAfter: 1 });
  });
});

describe('withRateLimit', () => {
  const admitted = { allowed: true, limit: 10, remaining: 0, resetTime: NOW + 5_000 };

  test('an admitted response is the same object with headers', () => {
    const response = new Response('hello', { status: 201, headers: { 'X-Mine': 'kept' } });
    expect(withRateLimit(response, admitted)).toBe(response);
    expect(response.headers.get('x-mine')).toBe('kept');
    expect(response.headers.get('x-ratelimit-limit')).toBe('10');
    expect(response.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(response.headers.get('x-ratelimit-reset')).toBe('1800000005');
    expect(response.headers.has('retry-after')).toBe(false);
  });

  test('a redirect, whose headers cannot be changed, is copied', () => {
    const response = withRateLimit(Response.redirect('http://localhost/next', 307), admitted);
    expect(response.status).toBe(307);
    expect(response.headers.get('location')).toBe('http://localhost/next');
    expect(response.headers.get('x-ratelimit-remaining')).toBe('0');
  });

  test('a denied one becomes a 429 whose wait is long enough', async () => {
    const response = withRateLimit(new Response('hello'), { ...admitted, allowed: false });
    expect(response.status).toBe(429);
    // The window still counts in the millisecond of its end: 5,001 ms, rounded up.
    expect(response.headers.get('retry-after')).toBe('6');
    expect(response.headers.get('x-ratelimit-limit')).toBe('10');
    expect(await response.json()).toMatchObject({ retryAfter: 6 });
    const sooner = withRateLimit(new Response(''), { ...admitted, allowed: false, resetTime: NOW + 4_999 });
    expect(sooner.headers.get('retry-after')).toBe('5');
  });

  test.each([Infinity, Number.MAX_SAFE_INTEGER])('of what is unlimited no header tells: %p', (limit) => {
    const unlimited = { allowed: true, limit, remaining: limit, resetTime: NOW };
    const response = withRateLimit(new Response('hello'), unlimited);
    for (const name of ['limit', 'remaining', 'reset']) {
      expect(response.headers.has(`x-ratelimit-${name}`)).toBe(false);
    }
  });
});
