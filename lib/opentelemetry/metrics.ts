import { invalidOption, shown } from '../base/errors';
import { refuseUnknown, requireObject } from '../base/validate';
import { VERSION } from '../base/version';
import { METRICS, readName, requireLimiter, type Measured } from '../metrics/catalogue';
import { quantilesOf, type LatencyBucket } from '../telemetry/histogram';
import type { Attributes, Instrument, MetricsMeter } from './api';
import { neededApi } from './needed';

export interface OpenTelemetryOptions {
  /** The attribute `spillway.limiter`, by which limiters of one process are told apart. Default `default`. */
  name?: string;
  /** Default: the meter `spillway` of the global provider, as it is when this is called. */
  meter?: MetricsMeter;
}

const DURATION = 'spillway.check.duration';
const QUANTILES = { p50Us: 0.5, p99Us: 0.99, p999Us: 0.999 } as const;

/** In the order of `METRICS`, the durations behind them. */
const instruments = new WeakMap<MetricsMeter, readonly Instrument[]>();

function instrumentsOf(meter: MetricsMeter): readonly Instrument[] {
  let made = instruments.get(meter);
  if (made === undefined) {
    const duration = meter.createObservableGauge(DURATION, {
      unit: 's',
      description:
        'How long checks took since the last collection, by quantile; in process nothing is timed.',
    });
    const others = METRICS.map(({ type, dotted, unit, help: description }) =>
      type === 'counter'
        ? meter.createObservableCounter(dotted, { unit, description })
        : meter.createObservableGauge(dotted, { unit, description }),
    );
    instruments.set(meter, (made = [...others, duration]));
  }
  return made;
}

/**
 * Shows what a limiter counts as instruments that are read when they are collected and cost a check nothing.
 * @returns what takes the limiter out again
 * @throws RateLimitError `ERR_INVALID_OPTION`, also without @opentelemetry/api where no meter is given
 */
export function observeMetrics(limiter: Measured, options: OpenTelemetryOptions = {}): () => void {
  requireLimiter(limiter, 'observeMetrics');
  requireObject(options, 'The options of observeMetrics');
  refuseUnknown(options, ['name', 'meter'], '');
  const name = readName(options.name);
  const meter = readMeter(options.meter);
  const made = instrumentsOf(meter);
  let before: readonly LatencyBucket[] = [];
  const observe = (result: Parameters<Parameters<MetricsMeter['addBatchObservableCallback']>[0]>[0]) => {
    const stats = limiter.stats();
    const limited = { 'spillway.limiter': name };
    METRICS.forEach((metric, i) => {
      for (const { labels, value } of metric.read(stats)) {
        const attributes: Attributes = { ...limited };
        for (const [label, text] of Object.entries(labels)) attributes[`spillway.${label}`] = text;
        result.observe(made[i] as never, value, attributes);
      }
    });
    const since = less(stats.latency.buckets, before);
    before = stats.latency.buckets;
    if (since.length === 0) return;
    const quantiles = quantilesOf(since);
    for (const [field, quantile] of Object.entries(QUANTILES)) {
      const seconds = quantiles[field as keyof typeof QUANTILES] / 1e6;
      const attributes = { ...limited, 'spillway.store': stats.store, quantile };
      result.observe(made[METRICS.length] as never, seconds, attributes);
    }
  };
  meter.addBatchObservableCallback(observe, made as never);
  return () => meter.removeBatchObservableCallback(observe, made as never);
}

/** What buckets have got since. A store that took over begins anew, and is shown from its start. */
function less(now: readonly LatencyBucket[], before: readonly LatencyBucket[]): LatencyBucket[] {
  const had = new Map(before.map(({ fromUs, count }) => [fromUs, count]));
  return now
    .map((bucket) => ({ ...bucket, count: bucket.count - (had.get(bucket.fromUs) ?? 0) }))
    .filter(({ count }) => count > 0);
}

function readMeter(value: MetricsMeter | undefined): MetricsMeter {
  if (value === undefined) return neededApi('observeMetrics').metrics.getMeter('spillway', VERSION);
  if (typeof (value as Partial<MetricsMeter> | null)?.addBatchObservableCallback === 'function') return value;
  throw invalidOption(`meter must be a Meter of OpenTelemetry, not ${shown(value)}.`);
}
