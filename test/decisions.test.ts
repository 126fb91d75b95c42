import { applyRateLimit, configureRateLimit, createRateLimiter, rateLimitHeaders } from 'spillway';
import { denialOf } from './support/decisions';

let prefixes = 0;
const prefix = () => `decisions-${++prefixes}:`;

/** A response with a class of its own, as `NextResponse` is. */
class AppResponse extends Response {
  readonly cookies = new Map<string, string>();
}

test('a decision gives its headers in the format of its limiter', async () => {
  for (const headers of ['legacy', 'draft-10', 'both', 'none'] as const) {
    const limiter = createRateLimiter({ rate: '1/m', headers, prefix: prefix() });
    for (const decision of [await limiter.check('k'), await limiter.check('k'), await limiter.peek('k')]) {
      expect(decision.headers).toEqual(limiter.headers(decision));
      expect(decision.headers).toEqual(rateLimitHeaders(decision, { headers }));
    }
  }
});

test('a decision applied to a response: its headers, or the 429 as the same class', async () => {
  const limiter = createRateLimiter({ rate: '1/m', prefix: prefix() });
  const response = new AppResponse('hello', { headers: { 'X-Mine': 'kept' } });
  const admitted = await limiter.check('k');
  expect(admitted.applyTo(response)).toBe(response);
  expect(response.headers.get('x-ratelimit-remaining')).toBe('0');
  expect(response.headers.get('x-mine')).toBe('kept');

  const denied = await limiter.check('k');
  const refused = denied.applyTo(new AppResponse('hello', { headers: { 'X-Mine': 'secret' } }));
  expect(refused).toBeInstanceOf(AppResponse);
  expect([refused.status, refused.headers.get('x-mine')]).toEqual([429, null]);
  expect(refused.headers.get('content-type')).toBe('application/json');
  const body: unknown = await refused.json();
  expect(body).toEqual(await denialOf(denied).toResponse().json());
});

test('a body that nobody will read is let go of', async () => {
  const limiter = createRateLimiter({ rate: '0/s', prefix: prefix() });
  const cancelled = jest.fn();
  const endless = new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(9)), cancel: cancelled });
  (await limiter.check('k')).applyTo(new Response(endless));
  expect(cancelled).toHaveBeenCalledTimes(1);
});

test('applyRateLimit keeps the type of the response, denied or not', async () => {
  configureRateLimit({ plans: { FREE: '1/h' }, prefix: prefix() });
  const first = await applyRateLimit(new AppResponse(), 'org', 'FREE');
  const second = await applyRateLimit(new AppResponse(), 'org', 'FREE');
  expect([first.status, first.cookies.size]).toEqual([200, 0]);
  expect([second.status, second.cookies.size]).toEqual([429, 0]);
  expect(second.headers.get('retry-after')).toMatch(/^360[01]$/);
});

test('what a denial says, by its reason', async () => {
  const limiter = createRateLimiter({
    rules: [{ id: 'ip', by: 'ip', rate: '5/m' }],
    access: { deny: ['ip:192.0.2.0/24'] },
    prefix: prefix(),
  });
  const path = { method: 'GET', path: '/' };
  const told = async (request: object) => {
    const decision = await limiter.checkRequest({ ...path, ...request });
    const response = denialOf(decision).toResponse();
    return { status: response.status, ...((await response.json()) as object) };
  };
  const retryAfter = 60;
  const error = 'Too Many Requests';
  expect(await told({ ip: '192.0.2.1' })).toEqual({
    status: 429,
    error,
    message: 'Requests are blocked. Try again in 60 seconds.',
    retryAfter,
  });
  expect(await told({})).toMatchObject({ status: 429, message: expect.stringMatching(/who is asking/) });
  expect(await told({ ip: '198.51.100.1', cost: 6 })).toMatchObject({
    status: 429,
    message: expect.stringMatching(/^The request asks for more than its limit ever admits/),
  });
});

test('a store that is away is a 503 with Retry-After where the policy is closed', async () => {
  const limiter = createRateLimiter({
    redis: 'redis://127.0.0.1:1',
    rate: '1/m',
    timeoutMs: 20,
    failureMode: 'closed',
  });
  const response = denialOf(await limiter.check('k')).toResponse();
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await response.json()).toMatchObject({ error: 'Service Unavailable', retryAfter: 1 });
  await limiter.close();
});

test('an admitted request has no response of its own', async () => {
  const limiter = createRateLimiter({ rate: '1/m', prefix: prefix() });
  const decision = await limiter.check('k');
  // @ts-expect-error the type of an admitted one has none
  expect(() => decision.toResponse()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }));
});

test('a response of Node.js that was sent already stays as it is', async () => {
  const limiter = createRateLimiter({ rate: '1/m', prefix: prefix() });
  const touched = () => {
    throw Object.assign(new Error('headers are sent'), { code: 'ERR_HTTP_HEADERS_SENT' });
  };
  const sent = { statusCode: 200, headersSent: true, setHeader: touched, end: touched };
  expect((await limiter.check('k')).applyToNodeResponse(sent)).toBe(true);
  expect((await limiter.check('k')).applyToNodeResponse(sent)).toBe(false);
  expect(sent.statusCode).toBe(200);
});

test('none of it shows where a decision is copied or written down', async () => {
  const decision = await createRateLimiter({ rate: '1/m', prefix: prefix() }).check('k');
  expect(Object.keys(decision)).toEqual(Object.keys({ ...decision }));
  expect(Object.keys(JSON.parse(JSON.stringify(decision)) as object)).not.toContain('headers');
});
