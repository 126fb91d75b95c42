/** What bodies and queries ask of a limiter; the OpenAPI document has checked their forms. */
import type {
  AnyLimiter,
  CheckOptions,
  Decision,
  ListedKey,
  RateLimitRequest,
  SubjectId,
  Who,
} from '../index';
import { problemOf, type Problem } from './problems';

export interface CheckBody extends CheckOptions {
  readonly key?: string;
  readonly request?: Omit<RateLimitRequest, 'plan' | 'cost' | 'failureMode'>;
  readonly plan?: string;
  readonly peek?: boolean;
}

export interface SubjectBody {
  readonly key: string;
  readonly kind?: 'organization' | 'user' | 'ip' | 'apiKey' | 'custom';
  readonly rule?: string;
}

export function check(limiter: AnyLimiter, body: CheckBody): Promise<Decision> {
  const { key, request, plan, cost, failureMode, peek = false } = body;
  if (request !== undefined) {
    const asked = { ...request, plan, cost, failureMode };
    return peek ? limiter.peekRequest(asked) : limiter.checkRequest(asked);
  }
  const options = cost === undefined && failureMode === undefined ? undefined : { cost, failureMode };
  return peek ? limiter.peek(key!, plan, options) : limiter.check(key!, plan, options);
}

/** Each by itself: what is wrong with one stands in its place. They leave in one turn, and so in one write to the store. */
export async function checkAll(
  limiter: AnyLimiter,
  bodies: readonly CheckBody[],
): Promise<(Decision | Problem['body'])[]> {
  return Promise.all(
    bodies.map(async (body) => {
      try {
        return await check(limiter, body);
      } catch (error) {
        const problem = problemOf(error);
        if (problem === undefined) throw error;
        return problem.body;
      }
    }),
  );
}

export async function status(
  limiter: AnyLimiter,
  { key, kind, rule }: SubjectBody,
): Promise<{ subject: string; items: ListedKey[] }> {
  return { subject: key, items: await limiter.status(subject(key, kind), { rule }) };
}

export async function reset(
  limiter: AnyLimiter,
  { key, kind, rule }: SubjectBody,
  who: Who,
): Promise<{ key: string; forgotten: boolean }> {
  return { key, forgotten: await limiter.reset(subject(key, kind), { ...who, rule }) };
}

/** Without a kind it is a text as listings show it, such as `ip:192.0.2.1`. */
function subject(key: string, kind: SubjectBody['kind']): SubjectId {
  return kind === undefined ? key : ({ [kind]: key } as SubjectId);
}
