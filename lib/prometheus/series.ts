import { METRICS, type Labels, type Measured, type Metric } from '../metrics/catalogue';
import type { LimiterStats } from '../limiter/types';

/** The limiters of one registry by their names. */
export type Named = ReadonlyMap<string, Measured>;

interface Value {
  readonly value: number;
  readonly labels: Labels;
  readonly metricName?: string;
}

/** A metric as prom-client's registries ask for it: nothing is written until they do. */
export class Series {
  readonly aggregator = 'sum';

  /** `name` is changed by registries that speak OpenMetrics. */
  constructor(
    public name: string,
    readonly help: string,
    readonly type: 'counter' | 'gauge' | 'histogram',
    private readonly read: (name: string) => Value[],
  ) {}

  get(): { name: string; help: string; type: string; values: Value[]; aggregator: string } {
    const { name, help, type, aggregator } = this;
    return { name, help, type, values: this.read(name), aggregator };
  }

  /** Counts are the limiters': a registry cannot take them back. */
  reset(): void {}
}

/** Ends of buckets in microseconds, each one of the histogram's own: 64 µs to 2.1 s. */
const ENDS_US = Array.from({ length: 16 }, (_, i) => 2 ** (6 + i));

function histogram(name: string, limiters: Named, labelsOf: (stats: LimiterStats) => Labels): Value[] {
  return [...limiters].flatMap(([limiter, one]) => {
    const stats = one.stats();
    const { latency } = stats;
    const labels = { limiter, ...labelsOf(stats) };
    const upTo = (endUs: number) =>
      latency.buckets.reduce((sum, { toUs, count }) => (toUs <= endUs ? sum + count : sum), 0);
    return [
      ...ENDS_US.map((endUs) => ({
        metricName: `${name}_bucket`,
        labels: { ...labels, le: `${endUs / 1e6}` },
        value: upTo(endUs),
      })),
      { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: latency.count },
      { metricName: `${name}_sum`, labels, value: latency.sumUs / 1e6 },
      { metricName: `${name}_count`, labels, value: latency.count },
    ];
  });
}

function plain(metric: Metric, limiters: Named): Series {
  return new Series(metric.name, metric.help, metric.type, () =>
    [...limiters].flatMap(([limiter, one]) =>
      metric.read(one.stats()).map(({ labels, value }) => ({ labels: { limiter, ...labels }, value })),
    ),
  );
}

/** Under its own names. */
export function seriesOf(limiters: Named): Series[] {
  const duration = new Series(
    'spillway_check_duration_seconds',
    'How long checks took from when they were sent off, unanswered ones included; in process nothing is timed.',
    'histogram',
    (name) => histogram(name, limiters, ({ store }) => ({ store })),
  );
  return [...METRICS.map((metric) => plain(metric, limiters)), duration];
}

/** Under the names that people come from, by limiter and rule. */
export function aliasesOf(limiters: Named): Series[] {
  const counter = (name: string, help: string, figure: 'checked' | 'denied') =>
    new Series(name, help, 'counter', () =>
      [...limiters].flatMap(([limiter, one]) => {
        const sums = new Map<string, number>();
        for (const row of one.stats().rules) sums.set(row.rule, (sums.get(row.rule) ?? 0) + row[figure]);
        return [...sums].map(([rule, value]) => ({ labels: { limiter, rule }, value }));
      }),
    );
  return [
    counter('rate_limit_requests_total', 'Checks by rule.', 'checked'),
    counter('rate_limit_exceeded_total', 'Checks that a rule denied.', 'denied'),
    counter('rate_limit_hits_total', 'Checks by rule.', 'checked'),
    counter('rate_limit_blocks_total', 'Checks that a rule denied.', 'denied'),
    new Series(
      'rate_limit_request_latency_seconds',
      'How long checks took from when they were sent off.',
      'histogram',
      (name) => histogram(name, limiters, () => ({})),
    ),
  ];
}
