/** A mistake of whoever writes the application is refused where it is made: before a request comes, before a charge. */
import * as spillway from 'spillway';
import * as memory from 'spillway/memory';
import * as next from 'spillway/next';

const { createRateLimiter, RateLimitError } = spillway;
let prefixes = 0;
const prefix = () => `early-${++prefixes}:`;
const ok = () => Response.json({ fine: true });
const identify = () => ({ organization: 'acme', plan: 'FREE' as const });
const plans = createRateLimiter({ plans: { A: '5/m' }, prefix: prefix() });
const rate = createRateLimiter({ rate: '5/m', prefix: prefix() });

beforeEach(() => spillway.configureRateLimit({ prefix: prefix() }));
afterAll(async () => {
  await Promise.all([plans.close(), rate.close(), spillway.closeRedisConnection()]);
});

/** What a call throws, or its promise rejects with. */
async function refusalOf(act: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await act();
  } catch (reason) {
    expect(reason).toBeInstanceOf(RateLimitError);
    const { code, message } = reason as InstanceType<typeof RateLimitError>;
    expect(message).toMatch(/[^.][.?]$/);
    return { code, message };
  }
  throw new Error('it was accepted');
}

async function expectRefused(act: () => unknown, says: RegExp): Promise<void> {
  const { code, message } = await refusalOf(act);
  expect({ code, message }).toEqual({
    code: 'ERR_INVALID_OPTION',
    message: expect.stringMatching(says) as string,
  });
}

const asked = () => new Request('http://app.test/api/reports');
/** The places of `spillway/next` that take options. */
const PLACES: [name: string, place: (options: never) => unknown][] = [
  ['rateLimited', (options) => next.rateLimited(ok, options)],
  ['rateLimitedApi', (options) => next.rateLimitedApi(() => {}, options)],
  ['checkRequest', (options) => next.checkRequest(asked(), options)],
  ['checkAction', (options) => next.checkAction(options)],
];

describe.each(PLACES)('%s', (name, place) => {
  const wrong: [options: unknown, says: RegExp][] = [
    [{}, /^identify is missing: .*identify: \(request\) => \(\{ organization, plan \}\)\.$/],
    [{ limiter: plans }, /^identify is missing/],
    [{ trustedProxies: 1 }, /^identify is missing/],
    [{ identify: 'k' }, /^identify must be a function, not "k"\.$/],
    [{ identify: null }, /^identify must be a function, not null\.$/],
    [{ identify: identify() }, /^identify must be a function/],
    [{ identify, limiter: {} }, /^limiter must be what createRateLimiter answers, not an object/],
    [{ identify, limiter: null }, /^limiter must be what createRateLimiter answers, not null/],
    [{ identify, limiter: '5/m' }, /^limiter must be what createRateLimiter answers/],
    [{ identify, rules: [{ id: 'a', rate: '5/min' }] }, /^rules\[0\]\.rate: "5\/min" is not a rate/],
    [{ rules: [{ id: 'a', rate: '5/m', bye: 'ip' }] }, /rules\[0\]\.bye.*Did you mean/],
    [
      {
        rules: [
          { id: 'a', rate: '5/m' },
          { id: 'a', rate: '6/m' },
        ],
      },
      /"a" is taken by rules\[0\]/,
    ],
    [{ rules: [{ id: 'FREE', rate: '5/m' }] }, /"FREE" is also the id of one of the rules/],
    [{ rules: { id: 'a', rate: '5/m' } }, /^rules must be a list, not an object\.$/],
    [{ rules: null }, /^rules must be a list, not null\.$/],
    [{ identify, trustedProxies: 'all' }, /^trustedProxies must be a number of proxies/],
    [{ identify, ipHeader: 'x real ip' }, /^ipHeader must be the name of a header/],
    [{ identify, ipHeader: 'X-Forwarded-For' }, /^ipHeader: x-forwarded-for is a list/],
    [{ identify, ipHeader: 'x-real-ip', trustedProxies: 1 }, /^Give either trustedProxies or ipHeader/],
    [{ identify, trustedProxies: -1 }, /^trustedProxies must be a number of proxies/],
    [{ identify, trustedProxies: ['10.0.0.0/33'] }, /^trustedProxies\[0\] must be an address or a network/],
    [{ identify, trustedProxies: '10.0.0.0/8,'.split(',') }, /^trustedProxies\[1\] must be an address/],
    [{ identify, cost: '2' }, /^cost must be an integer from 1 to 2\^53-1, not "2"\.$/],
    [{ identity: identify }, /Did you mean identify\?/],
    [undefined, /^The options must be an object/],
  ];

  test.each(wrong.map(([options, says], i) => ({ i, options, says })))(
    'mistake $i is refused: $says',
    async ({ options, says }) => {
      await expectRefused(() => place(options as never), says);
    },
  );

  test('nothing is refused that a request may need', async () => {
    const good: unknown[] = [
      { identify, trustedProxies: '10.0.0.0/8, ::1'.split(',') },
      { rules: [{ id: 'all', by: 'global', rate: '5/m' }] },
      { rules: [], identify },
      { limiter: rate, identify: () => 'k' },
      { limiter: plans, identify: () => ({ organization: 'acme', plan: 'A' }), cost: 2 },
    ];
    for (const options of good) await place(options as never);
  });

  if (name === 'rateLimited' || name === 'rateLimitedApi') {
    test('a handler or an onDenied that is none is refused', async () => {
      await expectRefused(
        () => place({ identify, onDenied: 'no' } as never),
        /^onDenied must be a function, not "no"/,
      );
      const wrap = next[name] as (handler: unknown, options: object) => unknown;
      for (const handler of [undefined, { identify }, ok()]) {
        await expectRefused(() => wrap(handler, { identify }), /^The first argument must be the handler/);
      }
    });
  }
});

describe('what identify answers', () => {
  const answers: [answer: unknown, says: RegExp][] = [
    [{ usr: 'x' }, /^Unknown field in identify's answer: "usr"\. Did you mean user\?$/],
    [{ organization: 'acme', plan: 'FREE', usr: 'x' }, /"usr"\. Did you mean user\?/],
    [undefined, /^identify must answer who is asking.*not undefined\.$/],
    [null, /^identify must answer who is asking/],
    [['acme'], /^identify must answer who is asking/],
    [7, /^identify must answer who is asking/],
  ];
  test.each(answers)('%j is refused before anything is charged', async (answer, says) => {
    for (const options of [{}, { limiter: plans }, { rules: [{ id: 'all', by: 'global', rate: '5/m' }] }]) {
      const GET = next.rateLimited(ok, { ...options, identify: () => answer } as never);
      await expectRefused(() => GET(asked(), {}), says);
    }
  });
});

test('a request or a response of another kind is refused before anything is charged', async () => {
  const node = { url: '/api/reports', method: 'GET', headers: {} };
  const GET = next.rateLimited(ok, { identify });
  await expectRefused(() => GET(node as never, {}), /For pages\/api and Express use rateLimitedApi\.$/);
  await expectRefused(() => next.checkRequest(node as never, { identify }), /rateLimitedApi\.$/);
  const api = next.rateLimitedApi(() => {}, { identify });
  await expectRefused(() => api(node, ok() as never), /must be that of Node\.js/);
  expect((await spillway.getRateLimitStatus('acme', 'FREE')).used).toBe(0);
});

test('healthRoute takes a limiter, and withSpillway a configuration', async () => {
  const limiter = rate;
  const route = next.healthRoute as (...given: unknown[]) => unknown;
  for (const given of [{}, null, 'x', { unhealthyStatus: 503 }]) {
    await expectRefused(() => route(given), /^limiter must be what createRateLimiter answers/);
  }
  await expectRefused(() => route(limiter, {}, 1), /at most 2 arguments/);
  const wrap = next.withSpillway as (...given: unknown[]) => unknown;
  for (const given of [null, 'x', 5])
    await expectRefused(() => wrap(given), /^The configuration of Next\.js/);
  await expectRefused(
    () => wrap({ serverExternalPackages: 'sharp' }),
    /^serverExternalPackages must be a list/,
  );
  await expectRefused(() => (wrap(() => undefined) as () => unknown)(), /^The configuration of Next\.js/);
  await expectRefused(() => wrap(Promise.resolve(null)), /^The configuration of Next\.js/);
});

test('applyRateLimit and applyTo take a response, and charge nothing without', async () => {
  for (const given of [undefined, null, {}, { status: 200 }, Promise.resolve(ok())]) {
    const response = given as unknown as Response;
    const says =
      given instanceof Promise ? /a promise: await it first\.$/ : /^The response must be a Response/;
    await expectRefused(() => spillway.applyRateLimit(response, 'org', 'FREE'), says);
    await expectRefused(() => memory.applyRateLimit(response, 'org', 'FREE'), says);
    const decision = await rate.peek('org');
    await expectRefused(() => decision.applyTo(response), says);
    await expectRefused(() => decision.applyToNodeResponse(response as never), /must be that of Node\.js/);
  }
  expect((await spillway.getRateLimitStatus('org', 'FREE')).used).toBe(0);
});

test('headers are made of numbers: of a promise that nobody awaited there are none', async () => {
  const { createRateLimitHeaders, createRateLimitExceededResponse, rateLimitHeaders } = spillway;
  const later = Date.now() + 60_000;
  const unawaited = spillway.checkRateLimit('org', 'FREE');
  const { limit, remaining, resetTime } = unawaited as unknown as spillway.RateLimitResult;
  await expectRefused(
    () => createRateLimitHeaders(limit, remaining, resetTime),
    /^limit must be .*awaited\?$/,
  );
  await expectRefused(() => createRateLimitExceededResponse(resetTime), /^resetTime must be .*awaited\?$/);
  await unawaited;
  for (const given of [NaN, -1, '5', null, new Date()]) {
    const wrong = given as number;
    await expectRefused(() => createRateLimitHeaders(wrong, 1, later), /^limit must be/);
    await expectRefused(() => createRateLimitHeaders(1, wrong, later), /^remaining must be/);
    await expectRefused(() => createRateLimitHeaders(1, 1, wrong), /^resetTime must be/);
    await expectRefused(() => createRateLimitExceededResponse(wrong), /^resetTime must be/);
  }
  await expectRefused(
    () => createRateLimitHeaders(1, 1, later, 'yes' as never),
    /^allowed must be true or false/,
  );
  const decisions = [undefined, {}, spillway.checkRateLimit('org', 'FREE'), await unawaited];
  for (const given of decisions) {
    await expectRefused(() => rateLimitHeaders(given as never), /^The headers are those of a decision/);
    await expectRefused(() => rate.headers(given as never), /^The headers are those of a decision/);
  }
});

test('clientIp reads headers, whatever it trusts', async () => {
  const clientIp = spillway.clientIp as (...given: unknown[]) => unknown;
  for (const trustedProxies of [0, 1, ['10.0.0.0/8']]) {
    for (const given of [undefined, null, 'x', asked(), { headers: { host: 'a' }, url: '/' }]) {
      await expectRefused(() => clientIp(given, { trustedProxies }), /^headers must be .*request\.headers/);
    }
  }
  const headers = { 'x-forwarded-for': '192.0.2.1, 10.0.0.1', headers: 'of this name there may be one' };
  const trustedProxies = '10.0.0.0/8, ::1'.split(',');
  expect(clientIp(headers, { trustedProxies, remoteAddress: '::1' })).toBe('192.0.2.1');
});

test('a listing, a rate by name, a file and a kind of id are checked at the call', async () => {
  const list = rate.list.bind(rate) as (...given: unknown[]) => unknown;
  // Not at the first page: the generator is not asked for any.
  expect(() => list({ match: '' })).toThrow(/^match must be a glob/);
  expect(() => list({ pagesize: 5 })).toThrow(/Did you mean pageSize/);
  expect(() => list({ pageSize: 0 })).toThrow(/^pageSize must be an integer/);
  await expectRefused(() => spillway.namedRate('login', null as never), /^The environment must be an object/);
  for (const file of [0, undefined, '', {}]) {
    await expectRefused(() => spillway.loadRules(file as string), /^file must be the path of a JSON file/);
  }
  await expectRefused(() => spillway.loadRules('rules.json', 5 as never), /^The name of an environment/);
  await expectRefused(() => spillway.subjectOf('usr' as 'user', '7'), /write one of ip, user, organization/);
  await expectRefused(() => spillway.subjectOf('ip', '::1', 0), /^ipv6Subnet must be an integer/);
});

test('blanks around an address of a list are no part of it, and a name with some is refused', async () => {
  const { access } = createRateLimiter({ rate: '5/m', prefix: prefix() });
  for (const subject of 'ip:192.0.2.1, ip:10.0.0.0/8,ip: 2001:db8::/32 '.split(',')) access.deny(subject);
  expect(access.entries().deny).toEqual(['ip:192.0.2.1', 'ip:10.0.0.0/8', 'ip:2001:db8::/32']);
  for (const subject of [' org-spam', 'org-spam ', ' user:mallory', '\torg']) {
    await expectRefused(() => access.deny(subject), /a name has no blank at its ends/);
    await expectRefused(() => access.override(subject, '1/s'), /a name has no blank at its ends/);
  }
  access.deny('organization: org ');
  expect(access.entries().deny).toContain(' org ');
});
