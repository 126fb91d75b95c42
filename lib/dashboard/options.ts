import { invalidOption, shown } from '../base/errors';
import { refuseUnknown, requireObject } from '../base/validate';
import type { NodeHandler } from './node';
import { ROUTE_OPTIONS, readRoutes, type MonitoringOptions, type RouteSettings } from '../monitoring/options';

export interface DashboardOptions extends Pick<MonitoringOptions, 'limiter' | 'authorize' | 'origins'> {
  /** Where it is mounted. Default `/admin/rate-limit`. */
  basePath?: string;
  /** What one of those that `authorize` tells apart, or all who are refused together, may ask. Default `600/m`. */
  rate?: MonitoringOptions['rate'];
  /** Shown in its head: a way back to the application, or to signing out. */
  links?: readonly Link[];
}

/** A way from the dashboard to a page of the application. */
export interface Link {
  readonly text: string;
  /** A path of the same server, such as `/logout`, or an address that begins with `https://`. */
  readonly href: string;
}

export interface DashboardSettings extends RouteSettings {
  readonly links: readonly Link[];
}

type Handler = (request: Request) => Promise<Response>;

/** Handlers of requests: `export const { GET, POST } = createDashboard(…)`. */
export interface Dashboard {
  readonly GET: Handler;
  readonly POST: Handler;
  /** For servers that have one function for all methods. */
  readonly fetch: Handler;
  /** For Express, Fastify and `node:http`. */
  readonly node: NodeHandler;
}

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function readDashboard(options: DashboardOptions): DashboardSettings {
  requireObject(options, 'The options of createDashboard');
  refuseUnknown(options, [...ROUTE_OPTIONS, 'links'], '');
  const routes = readRoutes(options, { basePath: '/admin/rate-limit', rate: '600/m' });
  return { ...routes, links: readLinks(options.links) };
}

function readLinks(given: unknown = []): readonly Link[] {
  if (!Array.isArray(given)) throw invalidOption(`links must be a list, not ${shown(given)}.`);
  return given.map((link: unknown, i) => {
    const { text, href } = (link ?? {}) as Partial<Link>;
    const isPath = typeof href === 'string' && /^(\/(?![/\\])|https:\/\/)/.test(href);
    if (typeof text === 'string' && text !== '' && isPath) return { text, href };
    throw invalidOption(
      `links[${i}] must be such as { text: 'Sign out', href: '/logout' }, not ${shown(link)}.`,
    );
  });
}
