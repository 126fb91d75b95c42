/** Several windows on one key: limiters of one rate keep out of each other's way, and what still collides is told. */
import { createRateLimiter, type Algorithm, type Rate } from 'spillway';
import { bothStores } from './support/both-stores';
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { RedisServer } from './support/redis';

const own = owner();
const HOUR = 3_600_000;
const LOUD = { RATELIMIT_LOG_LEVEL: 'warn' };

async function listed(limiter: { list: ReturnType<typeof createRateLimiter>['list'] }, match = '*') {
  const all: string[] = [];
  for await (const { key, count } of limiter.list({ match })) all.push(`${key} ${count}`);
  return all.sort();
}

describe.each(bothStores())('%s', (_store, options) => {
  async function pair() {
    const common = options();
    const hourly = await own(createRateLimiter({ ...common, rate: '3/h' }));
    const quick = await own(createRateLimiter({ ...common, rate: '10/s' }));
    return { common, hourly, quick };
  }

  test('one rate per hour and one per second on one key: neither cuts the window of the other', async () => {
    const { hourly, quick } = await pair();
    const started = Date.now();
    for (let i = 0; i < 3; i++) expect((await hourly.check('k')).allowed).toBe(true);
    expect(await quick.check('k')).toMatchObject({ allowed: true, remaining: 9 });
    expect((await hourly.check('k')).allowed).toBe(false);
    expect((await quick.peek('k')).remaining).toBe(9);
    const { resetTime, remaining } = await hourly.peek('k');
    expect(remaining).toBe(0);
    expect(resetTime).toBeGreaterThan(started + HOUR - 1_000);
  });

  test('rates of one window share their count, whatever the limit', async () => {
    const { common, hourly } = await pair();
    const more = await own(createRateLimiter({ ...common, rate: { requests: 10, windowMs: HOUR } }));
    await hourly.check('k');
    expect((await more.check('k')).remaining).toBe(8);
    expect((await hourly.check('k')).remaining).toBe(0);
  });

  test('a rate and a plan of one prefix stay apart, also where their windows are equal', async () => {
    const { common, hourly } = await pair();
    const planned = await own(createRateLimiter({ ...common, plans: { FREE: '100/h' } }));
    await hourly.check('k');
    expect((await planned.check('k', 'FREE')).remaining).toBe(99);
  });

  test('algorithms of one window stay apart', async () => {
    const { common, hourly } = await pair();
    const bucket = await own(createRateLimiter({ ...common, rate: '5/h', algorithm: 'token-bucket' }));
    await hourly.check('k');
    expect((await bucket.check('k')).remaining).toBe(4);
    expect(await listed(bucket)).toEqual(['k 1']);
    expect((await bucket.peek('k')).remaining).toBe(4);
  });

  test('each lists its own counts by bare keys, one with plans those of each of its rules', async () => {
    const { common, hourly, quick } = await pair();
    const planned = await own(createRateLimiter({ ...common, plans: { FREE: ['100/h', '10/m'] } }));
    const odd = 'a{b}:@rate-1h%';
    await hourly.check('org-1');
    await hourly.check('org-2', { cost: 2 });
    await hourly.check(odd);
    await quick.check('org-1', { cost: 7 });
    await planned.check('org-1', 'FREE', { cost: 5 });
    expect(await listed(hourly)).toEqual([`${odd} 1`, 'org-1 1', 'org-2 2']);
    expect(await listed(hourly, 'org-*')).toEqual(['org-1 1', 'org-2 2']);
    expect(await listed(hourly, '*-2')).toEqual(['org-2 2']);
    expect(await listed(quick)).toEqual(['org-1 7']);
    // Its plain keys, and those of the second rule.
    expect(await listed(planned)).toEqual(['org-1 5', 'org-1 5']);
  });

  test('everything else that a limiter does means its own count', async () => {
    const { hourly, quick } = await pair();
    const decision = await hourly.check('k', { cost: 2 });
    await quick.check('k');
    expect(await hourly.refund(decision, 1)).toBe(true);
    expect((await hourly.penalize('k')).remaining).toBe(1);
    await hourly.block('k', 60_000);
    expect((await hourly.check('k')).reason).toBe('blocked');
    expect((await quick.check('k')).remaining).toBe(8);
    expect(await hourly.reset('k')).toBe(true);
    expect((await hourly.check('k')).remaining).toBe(2);
    expect((await quick.check('k')).remaining).toBe(7);
    expect(await hourly.checkRequest({ method: 'GET', path: '/', organization: 'k' })).toMatchObject({
      remaining: 1,
    });
  });
});

test('the key of one rate names algorithm and window, and that of a plan is as ever', async () => {
  const server = await own(RedisServer.start());
  const limits: { rate: Rate; algorithm?: Algorithm }[] = [
    { rate: '3/h' },
    { rate: { requests: 1, windowMs: 1_500 } },
    { rate: '5/60s', algorithm: 'token-bucket' },
  ];
  for (const limit of limits)
    await (await own(createRateLimiter({ redis: server.url, ...limit }))).check('k');
  const planned = await own(createRateLimiter({ redis: server.url, plans: { FREE: ['100/h', '10/m'] } }));
  await planned.check('k', 'FREE');
  expect([...((await server.command('KEYS', '*')) as string[])].sort()).toEqual([
    'ratelimit:k',
    '{ratelimit:k}:@1m',
    '{ratelimit:k}:@rate-1500ms',
    '{ratelimit:k}:@rate-1h',
    '{ratelimit:k}:@rate-token-bucket-1m',
  ]);
});

describe('what still collides is said once, on standard error, and never thrown', () => {
  /** What is said of limiters with these options, each asked twice, in turn. */
  async function saidOf(limits: object[]): Promise<string[]> {
    const script = `const { createRateLimiter } = require('spillway');
      const written = [];
      process.stderr.write = (text) => written.push(text) > 0;
      (async () => {
        for (let turn = 0; turn < 2; turn++) {
          for (const options of given) {
            const limiter = createRateLimiter(options);
            for (const plan of Object.keys(options.plans ?? {})) await limiter.check('k', plan);
            if (options.rate) await limiter.check('k');
            if (options.rules) await limiter.checkRequest({ method: 'GET', path: '/', ip: '192.0.2.1' });
          }
        }
        report(written);
      })();`;
    return (await reportsOf<string[]>(script, { given: limits, env: LOUD }))[0]!;
  }

  test.each([
    [
      'plans',
      [{ plans: { FREE: '100/h' } }, { plans: { FREE: '10/m' } }, { plans: { FREE: '10/s' } }],
      /"ratelimit:" count the same keys in windows of 1m and of 1h;.* Give one of them a prefix of its own\.\n$/,
    ],
    [
      'request rules of one id',
      [
        { prefix: 'a:', rules: [{ id: 'api', rate: '5/m' }] },
        { prefix: 'a:', rules: [{ id: 'api', rate: '50/h' }] },
      ],
      /"a:" count the rule "api" in windows of 1m and of 1h;.* a prefix of its own, or its rule another id\.\n$/,
    ],
  ])('%s', async (_name, limits, sentence) => {
    const said = await saidOf(limits);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^spillway: /);
    expect(said[0]).toMatch(sentence);
  });

  test.each<[string, object[]]>([
    ['one rate each', [{ rate: '3/h' }, { rate: '10/s' }, { plans: { FREE: '100/d' } }]],
    ['plans of one limiter', [{ plans: { FREE: '100/h', TRIAL: '10/m', TEAM: ['1000/d', '100/h'] } }]],
    [
      'one window and several limits',
      [{ plans: { FREE: '100/h' } }, { plans: { FREE: '10/h', PRO: '20/60m' } }],
    ],
    [
      'prefixes of their own',
      [
        { prefix: 'a:', plans: { FREE: '1/h' } },
        { prefix: 'b:', plans: { FREE: '1/m' } },
      ],
    ],
    ['ids of their own', [{ rules: [{ id: 'a', rate: '5/m' }] }, { rules: [{ id: 'b', rate: '5/h' }] }]],
  ])('nothing is said of %s', async (_name, limits) => {
    expect(await saidOf(limits)).toEqual([]);
  });

  test('a limiter may take other plans, and its copy in another bundle is like it', async () => {
    const script = `const { createRateLimiter } = require('spillway');
      const written = [];
      process.stderr.write = (text) => written.push(text) > 0;
      (async () => {
        const plans = { FREE: '100/h', TRIAL: '10/m' };
        const [one, copy] = [createRateLimiter({ plans }), createRateLimiter({ plans })];
        await one.check('k', 'FREE');
        await copy.check('k', 'TRIAL');
        one.setPlans({ FREE: '100/d', TRIAL: '10/m' });
        await one.check('k', 'FREE');
        report(written);
        await copy.check('k', 'FREE');
        copy.access.override('vip', '1000/h');
        await copy.check('vip', 'FREE');
        report(written);
      })();`;
    const [before, after] = await reportsOf<string[]>(script, { env: LOUD });
    expect(before).toEqual([]);
    // By now the copy has other plans than the limiter has.
    expect(after).toHaveLength(1);
  });
});
