/** Checked by tsc, never run: `spillway/next` as handlers of Next.js use it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRateLimiter } from '../../lib';
import {
  checkAction,
  checkRequest,
  healthRoute,
  rateLimited,
  rateLimitedApi,
  withSpillway,
  type ActionState,
} from '../../lib/next';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(..._: Same<A, B> extends true ? [] : [never]): void {}

/** In the shape of those of Next.js. */
declare class NextRequest extends Request {
  readonly nextUrl: URL;
}
interface NextConfig {
  reactStrictMode?: boolean;
  serverExternalPackages?: string[];
}
interface NextApiRequest extends IncomingMessage {
  query: Partial<{ [key: string]: string | string[] }>;
}
type NextApiResponse = ServerResponse & { json: (body: unknown) => void };
interface Context {
  params: Promise<{ id: string }>;
}

const plans = createRateLimiter({ plans: { TEAM: '5/m' } });
const rate = createRateLimiter({ rate: '5/m' });
const rules = createRateLimiter({ rules: [{ id: 'all', by: 'global', rate: '1/s' }] });

export const GET = rateLimited(
  async (request: NextRequest, { params }: Context) =>
    Response.json({ id: (await params).id, at: request.nextUrl.pathname }),
  {
    identify: async (request, { params }) => ({
      organization: (await params).id,
      plan: request.nextUrl.search === '' ? 'FREE' : 'PRO',
    }),
    rules: [{ id: 'export', by: 'user', rate: '5/d' }],
    cost: 2,
    onDenied: ({ retryAfter }) => Response.json({ retryAfter }, { status: 429 }),
  },
);
same<Parameters<typeof GET>, [request: NextRequest, context: Context]>();

const handler = () => new Response();
rateLimited(handler, { limiter: plans, identify: () => ({ organization: 'a', plan: 'TEAM' }) });
rateLimited(handler, { limiter: rate, identify: () => 'any key', trustedProxies: ['10.0.0.0/8'] });
rateLimited(handler, { limiter: rules });
rateLimited(handler, { identify: () => new Response(null, { status: 401 }) });
// @ts-expect-error a plan that the drop-in does not have
rateLimited(handler, { identify: () => ({ organization: 'a', plan: 'TEAM' }) });
// @ts-expect-error a plan that the limiter does not have
rateLimited(handler, { limiter: plans, identify: () => ({ organization: 'a', plan: 'FREE' }) });
// @ts-expect-error one rate, no plans
rateLimited(handler, { limiter: rate, identify: () => ({ organization: 'a', plan: 'FREE' }) });
// @ts-expect-error a key is for limiters with one rate
rateLimited(handler, { limiter: plans, identify: () => 'any key' });
// @ts-expect-error no caller has such a field
rateLimited(handler, { identify: () => ({ usr: 'x' }) });
// @ts-expect-error nor beside fields that it has
rateLimited(handler, { identify: () => ({ organization: 'a', plan: 'FREE', usr: 'x' }) });
rateLimited(handler, {
  limiter: plans,
  // @ts-expect-error nor in a promise, beside a response
  identify: async (request) =>
    request.url === '' ? new Response() : Promise.resolve({ organization: 'a', plan: 'TEAM', usr: 'x' }),
});
// @ts-expect-error nor elsewhere
rateLimitedApi(() => {}, { limiter: rate, identify: () => ({ organization: 'a', usr: 'x' }) });
// @ts-expect-error nor elsewhere
void checkAction({ limiter: rate, identify: () => ({ organization: 'a', usr: 'x' }) });
// @ts-expect-error nor elsewhere
void checkRequest(new Request(''), { limiter: rate, identify: () => ({ organization: 'a', usr: 'x' }) });
rateLimited(handler, {
  limiter: plans,
  identify: async ({ url }) =>
    url === '' ? new Response() : Promise.resolve({ organization: 'a', plan: 'TEAM' }),
});
// @ts-expect-error the limiter has rules of its own
rateLimited(handler, { limiter: rules, rules: [] });
// @ts-expect-error a misspelled option
rateLimited(handler, { identity: () => 'any key' });

export default rateLimitedApi(
  (request: NextApiRequest, response: NextApiResponse) => response.json(request.query),
  {
    limiter: plans,
    identify: (request) => ({ organization: String(request.query['org']), plan: 'TEAM' }),
    onDenied: (_decision, _request, response) => response.json({ error: 'too fast' }),
  },
);

export async function proxy(request: NextRequest): Promise<Response | undefined> {
  const decision = await checkRequest(request, {
    limiter: rules,
    trustedProxies: 1,
    identify: ({ nextUrl }) => ({ user: nextUrl.username }),
  });
  if (!decision.allowed) return decision.toResponse();
  return undefined;
}

export async function action(_previous: ActionState): Promise<ActionState> {
  const state = await checkAction({ limiter: rate, identify: () => 'ann' });
  if (!state.ok) same<(typeof state)['retryAfter'], number>();
  return state;
}

same<ReturnType<typeof healthRoute>, (request: Request) => Promise<Response>>();
healthRoute(plans, { unhealthyStatus: 503 });

const config: NextConfig = withSpillway({ reactStrictMode: true });
const byPhase = withSpillway((phase: string) =>
  Promise.resolve<NextConfig>({ reactStrictMode: phase === '' }),
);
same<typeof byPhase, (phase: string) => Promise<NextConfig>>();
void config;
