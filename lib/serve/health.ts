import { RateLimitError, type Health } from '../index';
import type { Desk } from './desk';

/** The store is asked at most once in so long, however many ask: nobody can keep a load balancer from its answer. */
const KEPT_MS = 1_000;

export class HealthCheck {
  private last: { readonly of: object; readonly atMs: number; readonly answer: Promise<Health> } | undefined;

  constructor(private readonly desk: Desk) {}

  /** @param isKnown whether a key came along: others learn the status alone */
  async read(isKnown: boolean): Promise<{ status: number; body: object }> {
    const health = await this.asked().catch((error: unknown) => {
      if (error instanceof RateLimitError) return { healthy: false, lastError: error.message };
      throw error;
    });
    const isFine = health.healthy && !this.desk.isStopping;
    const status = this.desk.isStopping ? 'stopping' : health.healthy ? 'healthy' : 'unhealthy';
    return { status: isFine ? 200 : 503, body: isKnown ? { status, ...health } : { status } };
  }

  private asked(): Promise<Health> {
    const { limiter } = this.desk.current;
    const nowMs = performance.now();
    if (this.last?.of !== limiter || nowMs - this.last.atMs >= KEPT_MS) {
      this.last = { of: limiter, atMs: nowMs, answer: limiter.health() };
    }
    return this.last.answer;
  }
}
