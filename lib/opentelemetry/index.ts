/** `spillway/opentelemetry`: what limiters count as instruments, and a span for each check where its request is sampled. */
export { observeMetrics } from './metrics';
export { traceChecks } from './spans';
export type { CheckSpan, CheckTracer, MetricsMeter } from './api';
export type { Measured } from '../metrics/catalogue';
export type { OpenTelemetryOptions } from './metrics';
export type { TraceOptions } from './spans';
