import { registerMetrics } from '../prometheus/index';
import { promClient } from '../base/lazy';
import { Problem } from './problems';
import type { Desk } from './desk';

/** As much of prom-client as is used here. */
interface Registry {
  readonly contentType: string;
  metrics(): Promise<string>;
  registerMetric(metric: never): void;
  getSingleMetric(name: string): unknown;
  removeSingleMetric(name: string): void;
}

interface Metric {
  reset(): void;
  set(labels: object, value: number): void;
  inc(labels: object, by: number): void;
}

type MetricClass = new (options: {
  name: string;
  help: string;
  labelNames?: string[];
  registers: Registry[];
  collect?: (this: Metric) => void;
}) => Metric;

interface Client {
  Registry: new () => Registry;
  Counter: MetricClass;
  Gauge: MetricClass;
  collectDefaultMetrics(options: { register: Registry }): void;
}

/** What Prometheus is told: of the limiter that holds, of requests, and of the process. */
export class Metrics {
  private readonly registry: Registry | undefined;
  /** Answers by route and status. */
  private readonly answers = new Map<string, Map<number, number>>();
  private registered: object | undefined;

  constructor(private readonly desk: Desk) {
    const client = promClient() as Client | undefined;
    if (client === undefined) return;
    this.registry = new client.Registry();
    client.collectDefaultMetrics({ register: this.registry });
    const { answers } = this;
    new client.Counter({
      name: 'spillway_http_requests_total',
      help: 'Answers of the service by route and status.',
      labelNames: ['route', 'status'],
      registers: [this.registry],
      // Counted here and told there: an answer costs a number in a table.
      collect() {
        this.reset();
        for (const [route, byStatus] of answers)
          for (const [status, count] of byStatus) this.inc({ route, status }, count);
      },
    });
    new client.Gauge({
      name: 'spillway_http_waiting',
      help: 'Calls that wait for the store.',
      registers: [this.registry],
      collect() {
        this.set({}, desk.waiting);
      },
    });
  }

  /** What counts the answers of a route. */
  counterOf(route: string): (status: number) => void {
    const byStatus = this.answers.get(route) ?? new Map<number, number>();
    this.answers.set(route, byStatus);
    return (status) => void byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
  }

  /** @throws Problem where prom-client is not installed */
  async read(): Promise<{ type: string; text: string }> {
    if (this.registry === undefined) {
      throw new Problem(501, 'not-installed', '/metrics needs prom-client: npm install prom-client.');
    }
    const { limiter } = this.desk.current;
    if (this.registered !== limiter) {
      // After a reload another one counts, from zero.
      registerMetrics(limiter, { name: 'service', registry: this.registry, replace: true });
      this.registered = limiter;
    }
    return { type: this.registry.contentType, text: await this.registry.metrics() };
  }
}
