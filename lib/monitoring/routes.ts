import { refuseSurplus } from '../base/surplus';
import { RateLimitError } from '../base/errors';
import type { FleetView } from '../fleet/view';
import type { Health } from '../stores/types';
import type { Who } from '../rules/change';
import { failed, json, problem } from './answers';
import { Guard } from './guard';
import { readMonitoring, type MonitoringOptions, type MonitoringRoutes, type Settings } from './options';
import { readBody, readPage, readSubject } from './read';

/** What a route is asked. */
interface Asked {
  readonly url: URL;
  readonly request: Request;
  readonly who: Who;
  /** What stands behind the route's name, decoded. */
  readonly rest: string;
}

type Route = (asked: Asked) => Promise<Response> | Response;

const TOP = 20;
const HEALTH_MS = 1_000;

/**
 * Routes for whoever runs it: figures, rules, who is counted, one subject, and a reset. Reading counts nothing.
 * @throws RateLimitError `ERR_INVALID_OPTION`, also without `authorize`
 */
export function createMonitoringRoutes(options: MonitoringOptions): MonitoringRoutes {
  if (arguments.length > 1) refuseSurplus('createMonitoringRoutes', 1, arguments);
  const routes = new Routes(readMonitoring(options));
  const answer = (request: Request) => routes.answer(request);
  return { GET: answer, POST: answer, fetch: answer };
}

class Routes {
  private readonly guard: Guard;
  private health: { readonly atMs: number; readonly answer: Promise<Health> } | undefined;

  private readonly all: { readonly [name: string]: { readonly [method: string]: Route } } = {
    health: { GET: () => this.ownHealth() },
    metrics: { GET: () => this.metrics() },
    'metrics/real-time': { GET: () => this.realTime() },
    'metrics/endpoint': { GET: (asked) => this.endpoint(asked) },
    config: { GET: () => json(this.settings.limiter.describe()) },
    list: { GET: async ({ url }) => json(await this.settings.limiter.page(readPage(url.searchParams))) },
    status: { GET: (asked) => this.status(asked) },
    reset: { POST: (asked) => this.reset(asked) },
  };

  constructor(private readonly settings: Settings) {
    this.guard = new Guard(settings);
  }

  async answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const [name, rest] = this.routeOf(url.pathname);
    if (name === 'health' && this.settings.publicHealth && request.method === 'GET')
      return this.publicHealth();
    const who = await this.guard.admit(request);
    if (who instanceof Response) return who;
    const route = this.all[name];
    if (route === undefined) {
      const known = Object.keys(this.all).join(', ');
      return problem(
        404,
        'not-found',
        `There is no such route below ${this.settings.basePath || '/'}. Known are: ${known}.`,
      );
    }
    const act = route[request.method];
    if (act === undefined) {
      const allowed = Object.keys(route).join(', ');
      return problem(405, 'method-not-allowed', `This route takes ${allowed}.`, { Allow: allowed });
    }
    const refused = request.method === 'POST' ? this.guard.refusesPage(request) : undefined;
    if (refused !== undefined) return refused;
    try {
      return await act({ url, request, who, rest });
    } catch (error) {
      return failed(error);
    }
  }

  /** The name of a route, and what stands behind it. */
  private routeOf(pathname: string): [string, string] {
    const { basePath } = this.settings;
    if (!pathname.startsWith(`${basePath}/`)) return ['', ''];
    const path = pathname.slice(basePath.length + 1).replace(/\/$/, '');
    if (Object.hasOwn(this.all, path)) return [path, ''];
    const found = ['metrics/endpoint', 'status'].find((name) => path.startsWith(`${name}/`));
    return found === undefined ? ['', ''] : [found, decoded(path.slice(found.length + 1))];
  }

  /** Asked at most once a second, however many ask: nobody can keep a load balancer from its answer. */
  private asked(): Promise<Health> {
    const nowMs = performance.now();
    if (this.health === undefined || nowMs - this.health.atMs >= HEALTH_MS) {
      this.health = { atMs: nowMs, answer: this.settings.limiter.health() };
    }
    return this.health.answer;
  }

  private async publicHealth(): Promise<Response> {
    let healthy = false;
    try {
      ({ healthy } = await this.asked());
    } catch (error) {
      if (!(error instanceof RateLimitError)) throw error;
    }
    return json({ status: healthy ? 'healthy' : 'unhealthy' }, healthy ? 200 : 503);
  }

  private async ownHealth(): Promise<Response> {
    const health = await this.asked();
    return json({ status: health.healthy ? 'healthy' : 'unhealthy', ...health }, health.healthy ? 200 : 503);
  }

  private async metrics(): Promise<Response> {
    const { limiter } = this.settings;
    const stats = limiter.stats();
    return json({ ...stats, topDenied: limiter.topDenied(TOP), fleet: await this.fleet(24) });
  }

  private async realTime(): Promise<Response> {
    const { limiter } = this.settings;
    const { plans, rate, rules } = limiter.describe();
    const ofPlans = [...Object.values(plans).flat(), ...(rate ?? [])];
    const algorithms = [...ofPlans, ...rules].flatMap(({ algorithm }) => algorithm ?? []);
    const scopes = rules.flatMap(({ by }) => by);
    const fleet = await this.fleet(1);
    return json({
      requestsPerMinute: fleet?.requestsPerMinute ?? null,
      denialRate: fleet?.denialRate ?? null,
      algorithms: [...new Set(algorithms)],
      scopes: [...new Set(scopes)],
    });
  }

  private async endpoint({ rest }: Asked): Promise<Response> {
    const fleet = await this.fleet(24);
    if (fleet === null) {
      return problem(501, 'no-analytics', 'Endpoints are counted where the limiter has analytics: true.');
    }
    const found = fleet.endpoints.find(({ endpoint }) => endpoint === rest);
    if (found !== undefined) return json(found);
    const example = fleet.endpoints[0]?.endpoint ?? 'GET /api/users';
    return problem(
      404,
      'not-found',
      `Nothing was counted there in 24 hours. An endpoint is such as ${example}.`,
    );
  }

  private async status({ rest, url }: Asked): Promise<Response> {
    const subject = readSubject(rest, url.searchParams.get('kind') ?? undefined);
    const rule = url.searchParams.get('rule') ?? undefined;
    return json({ subject: rest, items: await this.settings.limiter.status(subject, { rule }) });
  }

  private async reset({ request, who }: Asked): Promise<Response> {
    const body = await readBody(request);
    if (body instanceof Response) return body;
    const { key, kind, rule } = body;
    const forgotten = await this.settings.limiter.reset(readSubject(key, kind), { ...who, rule });
    return json({ key, forgotten });
  }

  /** Null where it is not counted. */
  private async fleet(hours: number): Promise<FleetView | null> {
    try {
      return await this.settings.limiter.fleet({ hours });
    } catch (error) {
      const isOff =
        error instanceof RateLimitError && error.code !== 'ERR_UNAVAILABLE' && error.code !== 'ERR_CLOSED';
      if (isOff) return null;
      throw error;
    }
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
