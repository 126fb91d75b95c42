/** Checked by tsc, never run: what must compile, and what must not. */
import {
  applyRateLimit,
  checkRateLimit,
  configureRateLimit,
  createRateLimiter,
  createRateLimitHeaders,
  customStore,
  failoverStore,
  getAllRateLimits,
  getRateLimitStatus,
  isRedisHealthy,
  loadRules,
  memoryStore,
  RATE_LIMITS,
  rateLimitHeaders,
  RateLimitError,
  redisStore,
  parseRate,
  namedRate,
  subjectOf,
  TIERS,
  type AnyLimiter,
  type Decision,
  type PlanLimiter,
  type Rate,
  type RateLimiter,
  type RequestLimiter,
  type CustomStore,
  type StoreStatus,
} from '../../lib';
import {
  auditFile,
  sharedRules,
  type Change,
  type FleetView,
  type LimiterStats,
  type RuleCounts,
  type RulesDocument,
  type SharedRules,
  type SharedRulesStatus,
} from '../../lib';
import { observeMetrics, traceChecks } from '../../lib/opentelemetry';
import { registerMetrics } from '../../lib/prometheus';
import * as memory from '../../lib/drop-in/memory';

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
  await checkRateLimit(organization.id, 'PRO', { requests: 10, windowMs: 60_000 });
  // @ts-expect-error a limit is written in numbers
  await checkRateLimit(organization.id, 'PRO', '10/m');
  // @ts-expect-error nobody takes it
  await checkRateLimit(organization.id, 'PRO', undefined, 5);
  // @ts-expect-error an id that may be missing
  await checkRateLimit(undefined as string | undefined, 'FREE');
  // @ts-expect-error constants stay as they are
  RATE_LIMITS.FREE = { requests: 1, windowMs: 1 };
  configureRateLimit({ redis: process.env['REDIS_URL'], plans: { PRO: '2000/h' }, failureMode: 'closed' });
  // @ts-expect-error a plan that the drop-in does not have
  configureRateLimit({ plans: { TEAM: '1/h' } });
}

export async function responses(): Promise<void> {
  class AppResponse extends Response {
    readonly cookies = new Map<string, string>();
  }
  const limited = await applyRateLimit(new AppResponse(), 'org', 'FREE');
  same<typeof limited, AppResponse>();
  limited.cookies.set('a', 'b');
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
  const whole: Record<Plan, Rate> = { FREE: '1/s', PRO: '2/s', ENTERPRISE: '3/s' };
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

export async function namesOfPlans(name: string | undefined): Promise<void> {
  const limiter = createRateLimiter({ plans: { FREE: '100/h', PRO: '1000/h' } });
  // @ts-expect-error any text
  await limiter.check('org', name);
  if (limiter.hasPlan(name)) {
    same<typeof name, 'FREE' | 'PRO'>();
    await limiter.check('org', name);
  }
  // @ts-expect-error one rate, no plans
  createRateLimiter({ rate: '1/s' }).hasPlan('FREE');
}

export function rates(text: string): void {
  same<ReturnType<typeof parseRate>, Rate>();
  const good: Rate[] = ['100/h', '5/10s', '1000/d', '0/s', 'unlimited', { requests: 1, windowMs: 1 }];
  void [...good, parseRate(text), namedRate('login')];
  // @ts-expect-error a word for a unit
  void ('100/hour' satisfies Rate);
  // @ts-expect-error no unit
  void ('100' satisfies Rate);
  // @ts-expect-error no number
  void ('many/s' satisfies Rate);
  void (`${text.length}/h` satisfies Rate);
  // @ts-expect-error a name
  void ('login' satisfies Rate);
  // @ts-expect-error any text: parseRate reads it
  void (text satisfies Rate);
  // @ts-expect-error unlimited beside others says nothing
  createRateLimiter({ plans: { A: ['1/s', 'unlimited'] } });
}

export async function layers(): Promise<void> {
  const limiter = createRateLimiter({
    plans: {
      FREE: ['100/h', '10/m'],
      TEAM: { rate: '1000/h', algorithm: 'token-bucket', burst: 50 },
      ALL: 'unlimited',
    },
    rules: [
      { id: 'signin', match: 'POST:/api/auth/signin', by: 'ip', rate: '10/h', failureMode: 'closed' },
      {
        id: 'api',
        match: '/api/*',
        by: ['user', (request) => request.ip],
        rate: { requests: 5, windowMs: 1_000 },
      },
    ],
    bypass: ['/api/health', ({ user }) => user === 'robot'],
    access: { deny: ['ip:192.0.2.0/24'], overrides: { vip: '10/s' } },
    nearLimit: { at: 0.7, tell: ({ rule, subject }, { limit }) => console.warn(rule, subject, limit) },
    headers: 'both',
  });
  same<typeof limiter, PlanLimiter<'FREE' | 'TEAM' | 'ALL'>>();
  const request = { method: 'GET', path: '/', ip: null, user: undefined };
  const decision = await limiter.checkRequest({ ...request, plan: 'TEAM', cost: 2, failureMode: 'closed' });
  same<typeof decision, Decision>();
  void new Response(null, { headers: limiter.headers(decision) });
  void new Response(null, { headers: rateLimitHeaders(decision, { headers: 'draft-10' }) });
  same<ReturnType<typeof limiter.refund>, Promise<boolean>>();
  await limiter.penalize('org', 'FREE', 5);
  await limiter.penalize(decision, 5);
  await limiter.block(subjectOf('ip', '192.0.2.1'), 60_000);
  await limiter.block({ ip: '192.0.2.1' }, 60_000);
  same<ReturnType<typeof limiter.reset>, Promise<boolean>>();
  await limiter.reset({ apiKey: 'k' });
  // @ts-expect-error nobody is an endpoint
  await limiter.reset({ endpoint: '/' });
  limiter.access.deny('org');
  limiter.setPlans({ FREE: '1/s', TEAM: '2/s', ALL: 'unlimited' });
  // @ts-expect-error a plan that was not given
  await limiter.checkRequest({ ...request, plan: 'GOLD' });
  // @ts-expect-error a plan is missing
  limiter.setPlans({ FREE: '1/s', TEAM: '2/s' });
  // @ts-expect-error a misspelled field of a rule
  createRateLimiter({ rules: [{ id: 'a', rat: '1/s' }] });
  createRateLimiter({ rate: '1/s', bypass: '/x', nearLimit: 0.5 });
  createRateLimiter({ rules: [{ id: 'a', rate: '1/s', bypass: ({ ip }) => ip === '::1', nearLimit: 0.5 }] });
  // @ts-expect-error of a rule a number only
  createRateLimiter({ rules: [{ id: 'a', rate: '1/s', nearLimit: { at: 0.5 } }] });
  // @ts-expect-error of former versions
  createRateLimiter({ rate: '1/s', skip: () => true });
  // @ts-expect-error decisions are read
  decision.allowed = true;
  same<ReturnType<typeof createTiered>, PlanLimiter<'free' | 'premium' | 'enterprise'>>();
}

function createTiered() {
  return createRateLimiter({ plans: TIERS });
}

export async function requestsOnly(): Promise<void> {
  const limiter = createRateLimiter({ rules: [{ id: 'all', by: 'global', rate: '1/s' }] });
  same<typeof limiter, RequestLimiter>();
  await limiter.checkRequest({ method: 'GET', path: '/' });
  // @ts-expect-error there are no plans
  await limiter.checkRequest({ method: 'GET', path: '/', plan: 'FREE' });
  // @ts-expect-error there is no rate
  await limiter.check('k');
}

export async function fromFile(): Promise<void> {
  const limiter = createRateLimiter({ redis: 'redis://localhost', ...loadRules('ratelimit.json') });
  same<typeof limiter, AnyLimiter>();
  await limiter.check('org', 'FREE', { failureMode: 'closed' });
  await limiter.checkRequest({ method: 'GET', path: '/', plan: 'FREE' });
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

export async function failover(own: CustomStore): Promise<void> {
  const store = failoverStore([redisStore('redis://a'), customStore(own), memoryStore()], {
    strategy: 'round-robin',
    probe: { intervalMs: 30_000, timeoutMs: 5_000 },
  });
  const limiter = createRateLimiter({ store, rate: '5/m' });
  const { stores } = await limiter.health();
  same<typeof stores, StoreStatus[] | undefined>();
  void failoverStore([memoryStore()]);
  // @ts-expect-error a strategy that there is not
  void failoverStore([memoryStore()], { strategy: 'random' });
  // @ts-expect-error a store of one's own without customStore
  void failoverStore([own]);
  // @ts-expect-error no list
  void failoverStore(memoryStore());
}

export async function seen(): Promise<void> {
  const shared = sharedRules({ redis: 'redis://a', onChange: auditFile('audit.jsonl').onChange });
  same<typeof shared, SharedRules>();
  const limiter = createRateLimiter({
    ...{ redis: 'redis://a', plans: { FREE: '5/m' }, sharedRules: shared, analytics: true },
    onChange: ({ kind, subject, at }: Change) => [kind, subject, at],
  });
  await shared.setOverride(
    'org-1',
    { rules: { FREE: '9/m' } },
    { by: 'admin:7', expiresAt: Date.now() + 1_000 },
  );
  await shared.setPlans({ FREE: ['5/m', '90/d'] }, { from: 'cli' });
  same<Awaited<ReturnType<typeof shared.removePlan>>, boolean>();
  same<Awaited<ReturnType<typeof shared.read>>, RulesDocument & { readonly version: string }>();
  const stats = limiter.stats();
  same<typeof stats, LimiterStats>();
  same<typeof stats.rules, RuleCounts[]>();
  same<typeof stats.sharedRules, SharedRulesStatus | undefined>();
  same<ReturnType<typeof limiter.fleet>, Promise<FleetView>>();
  same<(typeof stats.rules)[0]['withoutStore']['not-opened'], number>();
  same<ReturnType<typeof registerMetrics>, () => void>();
  registerMetrics(limiter, { name: 'api', aliases: true });
  observeMetrics(limiter)();
  // What is traced is the same limiter.
  same<ReturnType<typeof traceChecks<typeof limiter>>, typeof limiter>();
  await traceChecks(limiter).check('org', 'FREE');
  // @ts-expect-error only with a plan, as the limiter itself
  await traceChecks(limiter).check('org');
  // @ts-expect-error a time is a number
  await shared.setOverride('org-1', '9/m', { expiresAt: new Date() });
  // @ts-expect-error who is no option of its own name
  await shared.removeOverride('org-1', { who: 'admin' });
  // @ts-expect-error what sharedRules gives, not what it takes
  createRateLimiter({ rate: '5/m', sharedRules: { redis: 'redis://a' } });
  // @ts-expect-error not a word
  createRateLimiter({ rate: '5/m', analytics: 'yes' });
  // @ts-expect-error hours only
  await limiter.fleet({ days: 7 });
  // @ts-expect-error no limiter
  registerMetrics({});
}
