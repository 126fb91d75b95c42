import type { Source } from '../decision/types';
import { dropIn } from '../drop-in';
import { isIntegerIn, refuseUnknown, requireObject } from '../base/validate';
import { invalidOption } from '../base/errors';
import type { LimiterBase } from '../limiter/types';
import { refuseSurplus } from '../base/surplus';
import { requireLimiter } from './options';

export interface HealthOptions {
  /**
   * The status while the store does not answer: 200 to 599. Default 200: limits fail open, so a server without Redis
   * still serves and should stay in the load balancer.
   */
  unhealthyStatus?: number;
}

/** What the route answers. Nothing in it tells where the store is, or why it is away: the route may be public. */
export interface HealthBody {
  status: 'healthy' | 'degraded';
  store: Source;
  /** False under `RATELIMIT_ENABLE=false`. */
  enabled: boolean;
  /** How long a check took; null where it was not answered. */
  latencyMs: number | null;
  /** Since when the connection is up, as ISO 8601; null without one. */
  connectedSince: string | null;
}

/**
 * A `GET` that runs a check on a probe key and says how it went. It never rejects for a store that is away.
 * @param limiter default: the limiter behind `checkRateLimit`
 * @throws RateLimitError `ERR_INVALID_OPTION` at once
 */
export function healthRoute(
  limiter?: Pick<LimiterBase, 'health'>,
  options: HealthOptions = {},
): (request: Request) => Promise<Response> {
  if (arguments.length > 2) refuseSurplus('healthRoute', 2, arguments);
  if (limiter !== undefined) requireLimiter(limiter, 'health');
  requireObject(options, 'The options of healthRoute');
  refuseUnknown(options, ['unhealthyStatus'], '');
  const { unhealthyStatus = 200 } = options;
  if (!isIntegerIn(unhealthyStatus, 200, 599)) {
    throw invalidOption('unhealthyStatus must be a status from 200 to 599.');
  }
  return async (request) => {
    // Whoever reads the request is not prerendered by `next build`.
    void request.url;
    const { healthy, store, enabled, latencyMs, connectedSince } = await (limiter ?? dropIn()).health();
    const body: HealthBody = {
      status: healthy ? 'healthy' : 'degraded',
      store,
      enabled,
      latencyMs,
      connectedSince: connectedSince === null ? null : new Date(connectedSince).toISOString(),
    };
    const headers = { 'Cache-Control': 'no-store' };
    return Response.json(body, { status: healthy ? 200 : unhealthyStatus, headers });
  };
}
