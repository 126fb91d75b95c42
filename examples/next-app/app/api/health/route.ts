import { healthRoute } from 'spillway/next';
import { limiter } from '@/lib/limits';

/**
 * Always 200, and the body tells: with Redis away the limits fail open and the app goes on, so a load balancer should
 * keep this server.
 */
export const GET = healthRoute(limiter);
