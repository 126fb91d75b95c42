import { invalidOption, shown } from '../base/errors';
import { refuseUnknown, requireObject } from '../base/validate';
import type { LimiterBase } from '../limiter/types';
import type { Who } from '../rules/change';
import type { Rate } from '../rules/rate';
import { readBoolean } from '../rules/rule';

/** Any limiter of `createRateLimiter`. */
export type MonitoredLimiter = LimiterBase;

/**
 * Whether whoever sent a request may see and change everything: true, or who it is, for the audit. A `Response`, such as a
 * redirect to a login, is answered in place of the refusal.
 */
export type Authorize = (
  request: Request,
) => boolean | Who | Response | null | undefined | Promise<boolean | Who | Response | null | undefined>;

export interface MonitoringOptions {
  limiter: MonitoredLimiter;
  authorize: Authorize;
  /** Where the routes are mounted. Default `/api/rate-limit`. */
  basePath?: string;
  /** Whether anybody may ask `health`, and learns healthy or not and nothing more. Default false. */
  publicHealth?: boolean;
  /** What one of those that `authorize` tells apart, or all who are refused together, may ask. Default `240/m`. */
  rate?: Rate;
  /** Origins besides the routes' own from which a page may change something, such as `https://admin.example.com`. */
  origins?: readonly string[];
}

/** Handlers of requests: `export const { GET, POST } = createMonitoringRoutes(…)`. */
export interface MonitoringRoutes {
  readonly GET: Handler;
  readonly POST: Handler;
  /** For servers that have one function for all methods. */
  readonly fetch: Handler;
}

type Handler = (request: Request) => Promise<Response>;

/** Who may ask, how often, and from which pages. */
export interface GuardSettings {
  readonly authorize: Authorize;
  readonly rate: Rate;
  readonly origins: ReadonlySet<string>;
}

/** What all routes of a limiter are told. */
export interface RouteSettings extends GuardSettings {
  readonly limiter: MonitoredLimiter;
  /** Empty for `/`. */
  readonly basePath: string;
}

export interface Settings extends RouteSettings {
  readonly publicHealth: boolean;
}

/** Options that all routes of a limiter have. */
export const ROUTE_OPTIONS = ['limiter', 'authorize', 'basePath', 'rate', 'origins'] as const;
type RouteOptions = Pick<MonitoringOptions, (typeof ROUTE_OPTIONS)[number]>;

const METHODS = ['health', 'stats', 'topDenied', 'page', 'status', 'reset', 'describe', 'fleet'] as const;

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function readMonitoring(options: MonitoringOptions): Settings {
  requireObject(options, 'The options of createMonitoringRoutes');
  refuseUnknown(options, [...ROUTE_OPTIONS, 'publicHealth'], '');
  return {
    ...readRoutes(options, { basePath: '/api/rate-limit', rate: '240/m' }),
    publicHealth: readBoolean(options.publicHealth, 'publicHealth'),
  };
}

/** Reads what all routes of a limiter are told. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readRoutes(
  options: RouteOptions,
  defaults: { readonly basePath: string; readonly rate: Rate },
): RouteSettings {
  const { limiter, authorize, basePath = defaults.basePath, rate = defaults.rate } = options;
  if (METHODS.some((method) => typeof (limiter as never)?.[method] !== 'function')) {
    throw invalidOption(`limiter must be what createRateLimiter answers, not ${shown(limiter)}.`);
  }
  if (typeof authorize !== 'function') {
    throw invalidOption(
      'authorize is missing: these routes show who is limited and let subjects go. Give a function that is true for those who may, such as authorize: async (request) => (await session(request))?.isAdmin === true.',
    );
  }
  if (typeof basePath !== 'string' || !/^\/(?:[^?#]*[^/?#])?$/.test(basePath)) {
    throw invalidOption(`basePath must be a path such as ${defaults.basePath}, not ${shown(basePath)}.`);
  }
  return {
    limiter,
    authorize,
    basePath: basePath === '/' ? '' : basePath,
    rate,
    origins: new Set(readOrigins(options.origins)),
  };
}

function readOrigins(given: unknown = []): string[] {
  if (!Array.isArray(given)) throw invalidOption(`origins must be a list, not ${shown(given)}.`);
  return given.map((origin: unknown, i) => {
    if (typeof origin === 'string' && URL.canParse(origin) && new URL(origin).origin === origin)
      return origin;
    throw invalidOption(`origins[${i}] must be such as https://admin.example.com, not ${shown(origin)}.`);
  });
}
