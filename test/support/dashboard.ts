import { createRateLimiter, sharedRules, type Change } from 'spillway';
import { createDashboard, type DashboardOptions } from 'spillway/dashboard';
import type { owner } from './owned';
import { RedisServer } from './redis';
import { until } from './wait';

type Own = ReturnType<typeof owner>;

export const SECRET = 'Bearer of-the-admin';
const HOST = 'app.example.com';

/** What the tests read of answers. */
export interface Item {
  subject: string;
  rule: string;
  state: string;
  count: number;
  limit: number | null;
  denied: number | null;
  deniedBy: string | null;
  since: number | null;
  until: number | null;
}
export interface Body {
  items: Item[];
  total: number;
  cursor: string;
  looked: { counted: number; atLimit: number; blocked: number; done: boolean; error: string | null };
  changes: Change[];
  denials: object[];
}

/** Who has the secret is admin 7. */
export const authorize = ({ headers }: Request) =>
  headers.get('authorization') === SECRET ? { by: 'admin:7', from: '192.0.2.1' } : false;

/** A limiter of plans and rules on a Redis of its own, with its dashboard. */
export async function mounted(
  own: Own,
  { analytics = false, ...options }: Partial<DashboardOptions> & { analytics?: boolean } = {},
) {
  const redis = await own(RedisServer.start());
  const shared = await own(sharedRules({ redis: redis.url, logger: false }));
  const limiter = await own(
    createRateLimiter({
      redis: redis.url,
      plans: { FREE: ['3/h', { rate: '100/d', algorithm: 'sliding-window' }] },
      rules: [{ id: 'api', match: '/api/*', by: ['user', 'ip'], rate: '2/m', missing: 'skip' }],
      sharedRules: shared,
      analytics,
      // Many are asked at once, on a machine that may have much else to do.
      timeoutMs: 2_000,
      logger: false,
    }),
  );
  return { redis, limiter, ...asking(createDashboard({ limiter, authorize, ...options }).fetch) };
}

/** Asks routes as a browser of the app's own page does. */
export function asking(fetch: (request: Request) => Promise<Response>) {
  const ask = async (path: string, init: RequestInit & { headers?: Record<string, string> } = {}) => {
    const headers = { host: HOST, authorization: SECRET, ...init.headers };
    const response = await fetch(
      new Request(`http://127.0.0.1:3000/admin/rate-limit${path}`, { ...init, headers }),
    );
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson ? JSON.parse(text) : {}) as Body,
    };
  };
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    ask(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  /** Once everything was looked at. */
  const limited = async (query = '') => {
    let body: Body | undefined;
    await until('all was looked at', async () => {
      ({ body } = await ask(`/data/limited${query}`));
      return body.looked.done;
    });
    return body!;
  };
  return { ask, post, limited };
}
