/** Checked by tsc, never run: what must compile, and what must not. */
import {
  applyRateLimit,
  checkRateLimit,
  configureRateLimit,
  createRateLimiter,
  createRateLimitHeaders,
  getAllRateLimits,
  getRateLimitStatus,
  isRedisHealthy,
  RATE_LIMITS,
  RateLimitError,
  type Decision,
  type PlanLimiter,
  type RateLimiter,
} from '../../lib/index';
import * as memory from '../../lib/memory';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(..._: Same<A, B> extends true ? [] : [never]): void {}

/** As Prisma generates an enum: an object of strings and the union of its values. */
const Plan = { FREE: 'FREE', PRO: 'PRO', ENTERPRISE: 'ENTERPRISE' } as const;
type Plan = (typeof Plan)[keyof typeof Plan];
declare const organization: { id: string; plan: Plan };

export async function dropIn(): Promise<void> {
  const result = await checkRateLimit(organization.id, organization.plan);
  same<typeof result, { allowed: boolean; remaining: number; resetTime: number; limit: number }>();
  const status = await getRateLimitStatus(organization.id, Plan.PRO);
  same<(typeof status)['used'], number>();
  const entries = await getAllRateLimits();
  same<typeof entries extends Map<string, { count: number; resetTime: number }> ? true : false, true>();
  same<ReturnType<typeof isRedisHealthy>, boolean>();
  same<(typeof RATE_LIMITS)[Plan]['windowMs'], number>();
  // @ts-expect-error a misspelled plan
  await checkRateLimit(organization.id, 'PROO');
  // @ts-expect-error an id that may be missing
  await checkRateLimit(undefined as string | undefined, 'FREE');
  // @ts-expect-error constants stay as they are
  RATE_LIMITS.FREE = { requests: 1, windowMs: 1 };
  configureRateLimit({ redis: process.env['REDIS_URL'], plans: { PRO: '2000/h' }, onError: 'closed' });
  // @ts-expect-error a plan that the drop-in does not have
  configureRateLimit({ plans: { TEAM: '1/h' } });
}

export async function responses(): Promise<void> {
  class AppResponse extends Response {
    readonly cookies = new Map<string, string>();
  }
  const limited = await applyRateLimit(new AppResponse(), 'org', 'FREE');
  same<typeof limited, AppResponse | Response>();
  if (limited instanceof AppResponse) limited.cookies.set('a', 'b');
  const init: HeadersInit = createRateLimitHeaders(100, 0, Date.now());
  void new Response(null, { headers: init });
  void new Response(null, { headers: { ...createRateLimitHeaders(1, 1, 1, true), 'X-More': '1' } });
}

export async function plans(): Promise<void> {
  const limiter = createRateLimiter({
    plans: { FREE: '100/h', PRO: { requests: 1_000, windowMs: 3_600_000 } },
  });
  same<typeof limiter, PlanLimiter<'FREE' | 'PRO'>>();
  const decision = await limiter.check('org', 'FREE', { cost: 2 });
  same<typeof decision, Decision>();
  // @ts-expect-error a plan that was not given
  await limiter.check('org', 'ENTERPRISE');
  // @ts-expect-error a limiter with plans needs one
  await limiter.check('org');
  // @ts-expect-error a misspelled option of a check
  await limiter.check('org', 'FREE', { costs: 2 });
  for await (const { key, count, resetTime } of limiter.list({ match: 'org-*', pageSize: 100 })) {
    same<[typeof key, typeof count, typeof resetTime], [string, number, number]>();
  }
  same<ReturnType<typeof limiter.reset>, Promise<boolean>>();
  const whole: Record<Plan, string> = { FREE: '1/s', PRO: '2/s', ENTERPRISE: '3/s' };
  await createRateLimiter({ plans: whole }).check(organization.id, organization.plan);
}

export async function rate(): Promise<void> {
  const limiter = createRateLimiter({
    rate: '10/s',
    redis: { url: 'redis://localhost', password: undefined },
  });
  same<typeof limiter, RateLimiter>();
  await limiter.check('any key', { cost: 2 });
  // @ts-expect-error one rate, no plans
  await limiter.check('any key', 'FREE');
  // @ts-expect-error a misspelled option
  createRateLimiter({ rate: '10/s', timoutMs: 5 });
  // @ts-expect-error plans or a rate
  createRateLimiter({ prefix: 'a:' });
  // @ts-expect-error not both
  createRateLimiter({ rate: '10/s', plans: { FREE: '1/s' } });
}

export function synchronous(): void {
  same<ReturnType<typeof memory.checkRateLimit>['allowed'], boolean>();
  same<ReturnType<typeof memory.resetRateLimit>, void>();
  // @ts-expect-error a misspelled plan
  memory.checkRateLimit('org', 'free');
}

export function errors(error: unknown): string {
  if (!(error instanceof RateLimitError)) return '';
  // @ts-expect-error not one of the codes
  if (error.code === 'ERR_UNKNOWN') return '';
  return error.code === 'ERR_UNKNOWN_PLAN' ? error.message : error.name;
}
