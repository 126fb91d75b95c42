import { invalidOption, RateLimitError, shown } from '../base/errors';
import { refuseUnknown, requireObject } from '../base/validate';
import { VERSION } from '../base/version';
import type { Decision } from '../decision/types';
import type { LimiterBase } from '../limiter/types';
import { readName, requireLimiter } from '../metrics/catalogue';
import type { CheckTracer } from './api';
import { neededApi } from './needed';

export interface TraceOptions {
  /** The attribute `spillway.limiter`. Default `default`. */
  name?: string;
  /** Default: the tracer `spillway` of the global provider. */
  tracer?: CheckTracer;
}

/** The last is what `spillway/next` asks. */
const CHECKS = ['check', 'checkRequest', 'checkRequestAs'] as const;
/** `TraceFlags.SAMPLED` and `SpanStatusCode.ERROR`. */
const SAMPLED = 1;
const ERROR = 2;

type Check = (...given: unknown[]) => Promise<Decision>;

/**
 * The same limiter, whose checks have a span each where the span that is active is sampled; elsewhere nothing is made. No
 * attribute names who asked.
 * @throws RateLimitError `ERR_INVALID_OPTION`, also without @opentelemetry/api
 */
export function traceChecks<L extends LimiterBase>(limiter: L, options: TraceOptions = {}): L {
  requireLimiter(limiter, 'traceChecks');
  requireObject(options, 'The options of traceChecks');
  refuseUnknown(options, ['name', 'tracer'], '');
  const { trace } = neededApi('traceChecks');
  const attributes = { 'spillway.limiter': readName(options.name) };
  const tracer = readTracer(options.tracer) ?? trace.getTracer('spillway', VERSION);
  const isSampled = () => ((trace.getActiveSpan()?.spanContext().traceFlags ?? 0) & SAMPLED) !== 0;
  const traced = Object.create(limiter) as L & Record<(typeof CHECKS)[number], Check>;
  for (const name of CHECKS) {
    const check = (limiter as Partial<Record<typeof name, Check>>)[name];
    if (check === undefined) continue;
    traced[name] = (...given: unknown[]) =>
      isSampled()
        ? spanned(tracer, attributes, () => check.apply(limiter, given))
        : check.apply(limiter, given);
  }
  return traced;
}

async function spanned(
  tracer: CheckTracer,
  attributes: { 'spillway.limiter': string },
  check: () => Promise<Decision>,
): Promise<Decision> {
  const span = tracer.startSpan('rate_limit.check', { attributes });
  try {
    const decision = await check();
    span.setAttributes({
      'spillway.allowed': decision.allowed,
      'spillway.reason': decision.reason,
      'spillway.source': decision.source,
      'spillway.rule': decision.rule,
    });
    return decision;
  } catch (error) {
    span.setAttributes({ 'error.type': error instanceof RateLimitError ? error.code : '_OTHER' });
    span.setStatus({ code: ERROR });
    throw error;
  } finally {
    span.end();
  }
}

function readTracer(value: CheckTracer | undefined): CheckTracer | undefined {
  if (value === undefined || typeof (value as Partial<CheckTracer> | null)?.startSpan === 'function')
    return value;
  throw invalidOption(`tracer must be a Tracer of OpenTelemetry, not ${shown(value)}.`);
}
