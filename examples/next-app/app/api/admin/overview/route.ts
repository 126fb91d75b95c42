import { forAdmin } from '@/lib/admin';
import { readHealth, type StoreHealth } from '@/lib/health';
import { metrics, type MetricsSnapshot } from '@/lib/metrics';

export interface Overview {
  /** The server's clock, by which the times in `health` are told. */
  now: number;
  health: StoreHealth;
  metrics: MetricsSnapshot;
}

export const GET = forAdmin(async () => {
  const overview: Overview = { health: await readHealth(), metrics: metrics.read(), now: Date.now() };
  return Response.json(overview, { headers: { 'Cache-Control': 'no-store' } });
});
