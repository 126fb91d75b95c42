import { refuseSurplus } from '../base/surplus';
import { RateLimitError } from '../base/errors';
import { fleetOf, SharedHealth } from '../monitoring/figures';
import { json } from '../monitoring/answers';
import { Router, type RouteTable } from '../monitoring/router';
import { Actions } from './actions';
import { LimitedNow } from './limited';
import { nodeHandler } from './node';
import { readDashboard, type Dashboard, type DashboardOptions, type DashboardSettings } from './options';
import { pageResponse } from './page-response';
import { readLimited } from './read';
import { find, subjectPage } from './subjects';
import type { Limited, Overview } from './types';

const HOURS = 24;

/**
 * A page that shows who is limited, by which rule and since when, and what its routes need, for whoever `authorize` lets in.
 * Looking counts nothing.
 * @throws RateLimitError `ERR_INVALID_OPTION`, also without `authorize`
 */
export function createDashboard(options: DashboardOptions): Dashboard {
  if (arguments.length > 1) refuseSurplus('createDashboard', 1, arguments);
  const routes = new Routes(readDashboard(options));
  const answer = (request: Request) => routes.router.answer(request);
  return { GET: answer, POST: answer, fetch: answer, node: nodeHandler(answer) };
}

class Routes {
  readonly router: Router;
  private readonly health: SharedHealth;
  private readonly limited: LimitedNow;

  constructor(private readonly settings: DashboardSettings) {
    const { limiter } = settings;
    this.health = new SharedHealth(limiter);
    this.limited = new LimitedNow(limiter);
    const actions = new Actions(limiter, (subject) => this.limited.touch(subject));
    const all: RouteTable = {
      '': { GET: () => pageResponse() },
      'data/overview': { GET: async () => json(await this.overview()) },
      'data/limited': { GET: async ({ url }) => json(await this.limitedNow(url.searchParams)) },
      'data/find': { GET: async ({ url }) => json(await find(limiter, url.searchParams)) },
      'data/subject': { GET: async ({ url }) => json(await subjectPage(limiter, url.searchParams)) },
      'data/changes': { GET: async () => json(await limiter.changes()) },
      'do/reset': { POST: (asked) => actions.reset(asked) },
      'do/block': { POST: (asked) => actions.block(asked) },
      'do/raise': { POST: (asked) => actions.raise(asked) },
      'do/lower': { POST: (asked) => actions.lower(asked) },
    };
    this.router = new Router(settings, all);
  }

  private async overview(): Promise<Overview> {
    const { limiter } = this.settings;
    // While the store is away the page says so, instead of nothing.
    const orNull = (error: unknown) => {
      if (error instanceof RateLimitError && error.code !== 'ERR_CLOSED') return null;
      throw error;
    };
    const [health, counted] = await Promise.all([
      this.health.ask().catch(orNull),
      fleetOf(limiter, HOURS).then(
        (fleet) => ({ fleet, hasFleet: fleet !== null }),
        (error: unknown) => ({ fleet: orNull(error), hasFleet: true }),
      ),
    ]);
    return {
      now: Date.now(),
      health,
      ...counted,
      stats: limiter.stats(),
      config: limiter.describe(),
      canRaise: limiter.sharedRules !== undefined,
      links: this.settings.links,
    };
  }

  private async limitedNow(query: URLSearchParams): Promise<Limited> {
    const { kind, rule, offset, limit } = readLimited(query);
    const { items, looked } = await this.limited.look();
    const meant = items.filter(
      (one) =>
        (kind === undefined || one.kind === kind) &&
        (rule === undefined || one.rule.split(',').includes(rule)),
    );
    return { now: Date.now(), items: meant.slice(offset, offset + limit), total: meant.length, looked };
  }
}
