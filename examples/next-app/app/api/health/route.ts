import { isRedisHealthy } from 'spillway';

export const dynamic = 'force-dynamic';

/**
 * Always 200: with Redis away the limits fail open and the app goes on, so a load balancer should keep this server.
 * Asking starts the connection, so the first answer after a start may still say `degraded`.
 */
export function GET() {
  const redis = process.env.REDIS_URL ? isRedisHealthy() : null;
  return Response.json({ status: redis === false ? 'degraded' : 'healthy', redis });
}
