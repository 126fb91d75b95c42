/** RATELIMIT_ENABLE=false: everything is admitted, nothing is connected, and mistakes still show. */
import { FakeRedis } from './support/fake-redis';
import { owner } from './support/owned';
import { reportsOf } from './support/process';

const own = owner();

const SCRIPT = `
const api = require('spillway');
const sync = require('spillway/memory');
const codeOf = (act) => Promise.resolve().then(act).then(() => 'accepted', (reason) => reason.code);
(async () => {
  const limiter = api.createRateLimiter({ redis: process.env.REDIS_URL, plans: { ONE: '1/h' }, failureMode: 'closed' });
  const decisions = [];
  for (let i = 0; i < 3; i++) decisions.push(await limiter.check('k', 'ONE'));
  const results = [];
  for (let i = 0; i < 105; i++) results.push(await api.checkRateLimit('org', 'FREE'));
  const response = await api.applyRateLimit(new Response('fine'), 'org', 'FREE');
  const listed = [];
  for await (const one of limiter.list()) listed.push(one);
  report({
    decisions,
    allowed: results.filter(({ allowed }) => allowed).length,
    synchronous: Array.from({ length: 105 }, () => sync.checkRateLimit('org', 'FREE').allowed).every(Boolean),
    status: await api.getRateLimitStatus('org', 'FREE'),
    response: [response.status, response.headers.get('X-RateLimit-Limit')],
    all: [...(await api.getAllRateLimits())],
    listed,
    reset: await limiter.reset('k'),
    health: await limiter.health(),
    codes: [
      await codeOf(() => limiter.check('k', 'TWO')),
      await codeOf(() => limiter.check('', 'ONE')),
      await codeOf(() => api.checkRateLimit(5, 'FREE')),
      await codeOf(() => limiter.check('k', 'ONE', { cots: 1 })),
    ],
  });
  await limiter.close();
  report(await codeOf(() => limiter.check('k', 'ONE')));
})();
`;

test.each(['false', 'FALSE', '0'])('RATELIMIT_ENABLE=%s', async (value) => {
  const fake = await own(FakeRedis.start());
  const env = { RATELIMIT_ENABLE: value, REDIS_URL: fake.url };
  const [said, afterClose] = await reportsOf<Record<string, unknown>>(SCRIPT, { env });
  expect(fake.accepted).toHaveLength(0);
  const admitted = { allowed: true, reason: 'disabled', source: 'none', limit: 1, retryAfterMs: 0 };
  expect(said).toMatchObject({
    decisions: [admitted, admitted, admitted],
    allowed: 105,
    synchronous: true,
    status: { limit: 100, used: 0 },
    response: [200, '100'],
    all: [],
    listed: [],
    reset: false,
    codes: ['ERR_UNKNOWN_PLAN', 'ERR_INVALID_KEY', 'ERR_INVALID_KEY', 'ERR_INVALID_OPTION'],
  });
  expect(said?.health).toMatchObject({ enabled: false });
  expect(afterClose).toBe('ERR_CLOSED');
});

test.each(['true', '1', '', undefined])('RATELIMIT_ENABLE=%s limits as ever', async (value) => {
  const fake = await own(FakeRedis.start());
  const script = `const { checkRateLimit } = require('spillway');
    Promise.all(Array.from({ length: 105 }, () => checkRateLimit('org', 'FREE')))
      .then((results) => report(results.filter(({ allowed }) => allowed).length));`;
  const env = { REDIS_URL: fake.url, ...(value === undefined ? {} : { RATELIMIT_ENABLE: value }) };
  expect(await reportsOf(script, { env })).toEqual([100]);
});
