import { refuseUnknown, requireObject } from '../base/validate';
import type { NodeHandler } from './node';
import { ROUTE_OPTIONS, readRoutes, type MonitoringOptions, type RouteSettings } from '../monitoring/options';

export interface DashboardOptions extends Pick<MonitoringOptions, 'limiter' | 'authorize' | 'origins'> {
  /** Where it is mounted. Default `/admin/rate-limit`. */
  basePath?: string;
  /** What one of those that `authorize` tells apart, or all who are refused together, may ask. Default `600/m`. */
  rate?: MonitoringOptions['rate'];
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
export function readDashboard(options: DashboardOptions): RouteSettings {
  requireObject(options, 'The options of createDashboard');
  refuseUnknown(options, [...ROUTE_OPTIONS], '');
  return readRoutes(options, { basePath: '/admin/rate-limit', rate: '600/m' });
}
