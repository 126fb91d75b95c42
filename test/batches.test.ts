/** Many results of one turn: they cross to JavaScript in calls of 1,024 records, and each check gets its own. */
import { createRateLimiter, type PlanRule } from 'spillway';
import { left } from './support/decisions';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';

const own = owner(afterAll);
const RECORDS = 1_024;
const LIMIT = 1_000_000;

/** So many rules, of which each has its own window: a check brings a record for each. */
const rulesOf = (count: number): PlanRule[] =>
  Array.from({ length: count }, (_, i) => ({ rate: { requests: LIMIT, windowMs: (i + 1) * 3_600_000 } }));
const plans = Object.fromEntries([1, 2, 3, 5, 7, 8].map((count) => [`of ${count}`, rulesOf(count)]));

let server: RedisServer;
beforeAll(async () => {
  server = await own(RedisServer.start());
});

async function open() {
  const limiter = await own(createRateLimiter({ redis: server.url, plans, timeoutMs: 10_000 }));
  // So that no script has to be sent along: replies to one write come in one piece.
  for (const plan of Object.keys(plans)) await limiter.check('warm', plan, { cost: 2 });
  return limiter;
}

let keys = 0;

test.each([1, 2, 3, 5, 7, 8])(
  'checks of %i rules, one command, more records than one call takes',
  async (count) => {
    const limiter = await open();
    const key = `k${keys++}`;
    const checks = 2 * Math.ceil(RECORDS / count) + 3;
    const decisions = await times(checks, () => limiter.check(key, `of ${count}`, { cost: 2 }));
    const due = Array.from({ length: checks }, (_, i) => Array(count + 1).fill(LIMIT - 2 * (i + 1)));
    expect(decisions.map((decision) => [decision.remaining, ...left(decision)])).toEqual(due);
    expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(['redis']));
  },
);

test('whatever stands in a call already, a check of eight rules behind it crosses whole', async () => {
  const limiter = await open();
  for (let records = RECORDS - 12; records <= RECORDS + 2; records++) {
    const key = `k${keys++}`;
    const front = times(records, () => limiter.check(key, 'of 1', { cost: 2 }));
    const behind = limiter.check(`${key} behind`, 'of 8');
    const last = limiter.check(`${key} last`, 'of 3');
    const due = Array.from({ length: records }, (_, i) => LIMIT - 2 * (i + 1));
    expect((await front).map(({ remaining }) => remaining)).toEqual(due);
    expect(left(await behind)).toEqual(Array(8).fill(LIMIT - 1));
    expect(left(await last)).toEqual(Array(3).fill(LIMIT - 1));
  }
});

test('four hundred different checks of three rules in one turn', async () => {
  const limiter = await open();
  const decisions = await times(400, (i) => limiter.check(`of-${i}`, 'of 3', { cost: i + 1 }));
  expect(
    decisions.map((decision) => [decision.source, ...left(decision), decision.rules[2]?.subject]),
  ).toEqual(decisions.map((_, i) => ['redis', ...Array<number>(3).fill(LIMIT - i - 1), `of-${i}`]));
});
