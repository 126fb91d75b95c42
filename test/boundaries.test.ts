/**
 * A million checks at the edges of windows of 1 to 10 ms, on a Redis server whose clock the test sets: every answer is
 * what the plain model says, and no key is ever without an expiry. SPILLWAY_SEED=<seed> repeats a failure's draws.
 */
import { createRateLimiter, type Decision, type PlanRule } from 'spillway';
import { SetClock } from './support/clock';
import { Model, type ModelRule, type Said } from './support/model';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { random } from './support/sequences';

const CHECKS = 1_000_000;
const SEED = Number(process.env['SPILLWAY_SEED'] ?? 261749507);
const START = 1_899_999_996_000;
/** Of each plan. */
const SUBJECTS = 200;
const WITHIN_MS = 300_000;

/** How many keys there are, and how many of them would stay for ever. */
const COUNT_KEYS = `
local keys = redis.call('KEYS', '*')
local endless = 0
for _, key in ipairs(keys) do
  if redis.call('PTTL', key) == -1 then endless = endless + 1 end
end
return {#keys, endless}`;

interface Subject {
  key: string;
  plan: string;
  rules: ModelRule[];
  models: Model[];
}

const own = owner(afterAll);
let clock: SetClock;
let server: RedisServer;
beforeAll(async () => {
  clock = await own(new SetClock());
  server = await own(RedisServer.start({ env: clock.env }));
});

/** Every algorithm with small limits and windows, half of them of 1 ms, alone and as two windows in one plan. */
function* rulesOfPlans(): Generator<ModelRule[]> {
  for (const windowMs of [1, 1, 1, 2, 3, 10]) {
    for (const limit of [1, 2, 3]) {
      const rule = { limit, windowMs, burst: limit };
      for (const algorithm of ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const) {
        yield [{ ...rule, algorithm }];
      }
      const fixed = { ...rule, algorithm: 'fixed-window' as const };
      yield [fixed, { ...fixed, limit: limit + 1, burst: limit + 1, windowMs: 2 * windowMs + 1 }];
    }
  }
}

/** One check under all rules or none. */
function expected({ rules, models }: Subject, units: number, now: number): Said[] {
  if (rules.length === 1) return [models[0]!.ask('check', rules[0]!, units, now)[0]];
  const looks = rules.map((rule, i) => models[i]!.ask('peek', rule, units, now)[0]);
  if (!looks.every(({ allowed }) => allowed)) return looks;
  return rules.map((rule, i) => models[i]!.ask('check', rule, units, now)[0]);
}

/** Written out: a million comparisons by a matcher would take minutes. */
function isAs(decision: Decision, due: Said[], now: number): boolean {
  const waits = due.map(({ retryAfterMs }) => retryAfterMs);
  const never = waits.includes(-1);
  return (
    decision.source === 'redis' &&
    decision.allowed === due.every(({ allowed }) => allowed) &&
    (never ? decision.reason === 'never-fits' : decision.retryAfterMs === Math.max(...waits)) &&
    decision.rules.every((rule, i) => {
      const { allowed, remaining, resetInMs } = due[i]!;
      return rule.allowed === allowed && rule.remaining === remaining && rule.resetTime - now === resetInMs;
    })
  );
}

test(
  `a million checks at exact boundaries (seed ${SEED})`,
  async () => {
    const next = random(SEED);
    const plans: Record<string, PlanRule[]> = {};
    const subjects: Subject[] = [];
    for (const rules of rulesOfPlans()) {
      const plan = `p${Object.keys(plans).length}`;
      plans[plan] = rules.map(({ algorithm, limit, windowMs }) => ({
        rate: { requests: limit, windowMs },
        algorithm,
      }));
      for (let i = 0; i < SUBJECTS; i++) {
        subjects.push({ key: `${plan}-${i}`, plan, rules, models: rules.map(() => new Model()) });
      }
    }
    const limiter = await own(createRateLimiter({ redis: server.url, plans, timeoutMs: WITHIN_MS }));
    let now = START;
    const date = jest.spyOn(Date, 'now').mockImplementation(() => now);
    let checks = 0;
    let denied = 0;
    while (checks < CHECKS) {
      now += [0, 1, 1, 1, 2][next(5)]!;
      clock.set(now);
      const asked: { of: Subject; units: number; answer: Promise<Decision> }[] = [];
      for (const of of subjects) {
        if (next(2) === 0) continue;
        const units = next(6) === 0 ? 2 : 1;
        // At times two that wait together and become one command. A bucket says of both when it is full after both.
        const together = of.rules[0]!.algorithm !== 'token-bucket' && next(8) === 0;
        for (let i = together ? 0 : 1; i < 2 && checks < CHECKS; i++, checks++) {
          asked.push({ of, units, answer: limiter.check(of.key, of.plan, { cost: units }) });
        }
      }
      for (const { of, units, answer } of asked) {
        const decision = await answer;
        const due = expected(of, units, now);
        if (!decision.allowed) denied++;
        if (isAs(decision, due, now)) continue;
        throw new Error(
          `seed ${SEED}, ${now - START} ms, ${of.key}, cost ${units}: ${JSON.stringify({ due, decision })}`,
        );
      }
      // What follows the last answer (an excess taken back) reaches the server in the same instant.
      await limiter.peek('barrier', 'p0');
      const [keys, endless] = (await server.command('EVAL', COUNT_KEYS, 0)) as number[];
      expect(keys).toBeGreaterThan(0);
      expect(endless).toBe(0);
    }
    date.mockRestore();
    expect(checks).toBe(CHECKS);
    expect(denied).toBeGreaterThan(CHECKS / 10);
    expect(denied).toBeLessThan((CHECKS * 9) / 10);
  },
  WITHIN_MS,
);
