import { refuseSurplus } from '../base/surplus';
import { RateLimitError } from '../base/errors';
import { json, problem } from './answers';
import { fleetOf, SharedHealth } from './figures';
import { readMonitoring, type MonitoringOptions, type MonitoringRoutes, type Settings } from './options';
import { readBody, readPage, readSubject } from './read';
import { Router, type Asked, type RouteTable } from './router';

const TOP = 20;

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
  private readonly router: Router;
  private readonly health: SharedHealth;

  private readonly all: RouteTable = {
    health: { GET: () => this.ownHealth() },
    metrics: { GET: () => this.metrics() },
    'metrics/real-time': { GET: () => this.realTime() },
    'metrics/endpoint/': { GET: (asked) => this.endpoint(asked) },
    config: { GET: () => json(this.settings.limiter.describe()) },
    list: { GET: async ({ url }) => json(await this.settings.limiter.page(readPage(url.searchParams))) },
    'status/': { GET: (asked) => this.status(asked) },
    reset: { POST: (asked) => this.reset(asked) },
  };

  constructor(private readonly settings: Settings) {
    this.router = new Router(settings, this.all);
    this.health = new SharedHealth(settings.limiter);
  }

  async answer(request: Request): Promise<Response> {
    const [name] = this.router.routeOf(new URL(request.url).pathname);
    if (name === 'health' && this.settings.publicHealth && request.method === 'GET')
      return this.publicHealth();
    return this.router.answer(request);
  }

  private async publicHealth(): Promise<Response> {
    let healthy = false;
    try {
      ({ healthy } = await this.health.ask());
    } catch (error) {
      if (!(error instanceof RateLimitError)) throw error;
    }
    return json({ status: healthy ? 'healthy' : 'unhealthy' }, healthy ? 200 : 503);
  }

  private async ownHealth(): Promise<Response> {
    const health = await this.health.ask();
    return json({ status: health.healthy ? 'healthy' : 'unhealthy', ...health }, health.healthy ? 200 : 503);
  }

  private async metrics(): Promise<Response> {
    const { limiter } = this.settings;
    const stats = limiter.stats();
    return json({ ...stats, topDenied: limiter.topDenied(TOP), fleet: await fleetOf(limiter, 24) });
  }

  private async realTime(): Promise<Response> {
    const { limiter } = this.settings;
    const { plans, rate, rules } = limiter.describe();
    const ofPlans = [...Object.values(plans).flat(), ...(rate ?? [])];
    const algorithms = [...ofPlans, ...rules].flatMap(({ algorithm }) => algorithm ?? []);
    const scopes = rules.flatMap(({ by }) => by);
    const fleet = await fleetOf(limiter, 1);
    return json({
      requestsPerMinute: fleet?.requestsPerMinute ?? null,
      denialRate: fleet?.denialRate ?? null,
      algorithms: [...new Set(algorithms)],
      scopes: [...new Set(scopes)],
    });
  }

  private async endpoint({ rest }: Asked): Promise<Response> {
    const fleet = await fleetOf(this.settings.limiter, 24);
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
}
