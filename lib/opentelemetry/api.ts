/** As much of @opentelemetry/api as is used here: whoever compiles against this package need not have its types. */

export type Attributes = Record<string, string | number | boolean>;

export type Instrument = object;

interface Observations {
  observe(instrument: never, value: number, attributes?: Attributes): void;
}

/** As a `Meter`. */
export interface MetricsMeter {
  createObservableCounter(name: string, options?: { description?: string; unit?: string }): Instrument;
  createObservableGauge(name: string, options?: { description?: string; unit?: string }): Instrument;
  addBatchObservableCallback(callback: (result: Observations) => void, instruments: never): void;
  removeBatchObservableCallback(callback: (result: Observations) => void, instruments: never): void;
}

/** As a `Span`. */
export interface CheckSpan {
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { code: number }): unknown;
  end(): void;
}

/** As a `Tracer`. */
export interface CheckTracer {
  startSpan(name: string, options?: { attributes?: Attributes }): CheckSpan;
}

/** The package. */
export interface OpenTelemetryApi {
  readonly metrics: { getMeter(name: string, version?: string): MetricsMeter };
  readonly trace: {
    getTracer(name: string, version?: string): CheckTracer;
    getActiveSpan(): { spanContext(): { traceFlags: number } } | undefined;
  };
}
