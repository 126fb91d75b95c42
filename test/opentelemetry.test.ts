/** `spillway/opentelemetry`, against its SDK. */
import { context, trace, TraceFlags } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider, MetricReader, type CollectionResult } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { createRateLimiter, type Decision } from 'spillway';
import { rateLimited } from 'spillway/next';
import { observeMetrics, traceChecks } from 'spillway/opentelemetry';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { RedisServer } from './support/redis';

const own = owner();
const invalid = (message: string) =>
  expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(message) });

class Reader extends MetricReader {
  protected onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
  protected onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** Points of one instrument, those of 0 left out. */
function pointsOf({ resourceMetrics, errors }: CollectionResult, name: string) {
  expect(errors).toEqual([]);
  const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  const found = metrics.find(({ descriptor }) => descriptor.name === name);
  return (found?.dataPoints ?? [])
    .map(({ attributes, value }) => ({ attributes, value: value as number }))
    .filter(({ value }) => value !== 0);
}

const spans = new InMemorySpanExporter();
const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(tracers);
});
beforeEach(() => spans.reset());

/** Runs what has an active span. */
function under<T>(traceFlags: TraceFlags, act: () => T): T {
  const parent = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags };
  return context.with(trace.setSpanContext(context.active(), parent), act);
}

test('instruments show what limiters count when they are collected, each by its name', async () => {
  const reader = new Reader();
  const provider = new MeterProvider({ readers: [reader] });
  const meter = provider.getMeter('test');
  const redis = await own(RedisServer.start());
  const limiter = await own(createRateLimiter({ redis: redis.url, rate: '2/h' }));
  const other = await own(createRateLimiter({ rate: '2/h', prefix: 'otel:' }));
  observeMetrics(limiter, { name: 'api', meter });
  const takeOut = observeMetrics(other, { name: 'other', meter });
  await times(5, () => limiter.check('k'));
  await other.check('k');
  const first = await reader.collect();
  expect(pointsOf(first, 'spillway.decisions')).toEqual([
    { attributes: { 'spillway.limiter': 'api', 'spillway.reason': 'ok' }, value: 2 },
    { attributes: { 'spillway.limiter': 'api', 'spillway.reason': 'limit' }, value: 3 },
    { attributes: { 'spillway.limiter': 'other', 'spillway.reason': 'ok' }, value: 1 },
  ]);
  const durations = pointsOf(first, 'spillway.check.duration');
  expect(durations.map(({ attributes }) => attributes['quantile'])).toEqual([0.5, 0.99, 0.999]);
  expect(durations.every(({ value }) => value > 0 && value < 10)).toBe(true);
  takeOut();
  await times(2, (i) => [limiter, other][i]!.check('k'));
  const second = pointsOf(await reader.collect(), 'spillway.decisions');
  // The SDK goes on to tell what it heard last.
  expect(second.map(({ value }) => value)).toEqual([2, 4, 1]);
  await provider.shutdown();
});

test('a check has a span where its parent is sampled, and none elsewhere', async () => {
  const limiter = traceChecks(await own(createRateLimiter({ rate: '1/h', prefix: 'spans:' })), {
    name: 'api',
  });
  await limiter.check('who-asked');
  await under(TraceFlags.NONE, () => limiter.check('who-asked'));
  expect(spans.getFinishedSpans()).toEqual([]);
  const decision: Decision = await under(TraceFlags.SAMPLED, () => limiter.check('who-asked'));
  expect(decision).toMatchObject({ allowed: false, reason: 'limit' });
  const [span, ...more] = spans.getFinishedSpans();
  expect(more).toEqual([]);
  expect(span).toMatchObject({ name: 'rate_limit.check', parentSpanContext: { spanId: 'b7ad6b7169203331' } });
  expect(span!.attributes).toEqual({
    'spillway.limiter': 'api',
    'spillway.allowed': false,
    'spillway.reason': 'limit',
    'spillway.source': 'memory',
    'spillway.rule': 'rate',
  });
  expect(JSON.stringify([span!.name, span!.attributes])).not.toContain('who-asked');
  // It is the same limiter.
  expect(await limiter.refund(decision)).toBe(false);
  expect(limiter.stats().decisions.limit).toBe(2);
});

test('a check that rejects has a span that says so, and rejects', async () => {
  const limiter = traceChecks(await own(createRateLimiter({ rate: '1/h', prefix: 'spans:' })));
  await expect(under(TraceFlags.SAMPLED, () => limiter.check(''))).rejects.toMatchObject({
    code: 'ERR_INVALID_KEY',
  });
  const [span] = spans.getFinishedSpans();
  expect(span).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': 'ERR_INVALID_KEY' } });
});

test('route handlers take it', async () => {
  const limiter = traceChecks(await own(createRateLimiter({ rate: '1/h', prefix: 'spans-next:' })));
  const GET = rateLimited(() => new Response('ok'), { limiter, identify: () => 'k' });
  const answer = () => under(TraceFlags.SAMPLED, () => GET(new Request('http://localhost/a') as never, {}));
  expect([(await answer()).status, (await answer()).status]).toEqual([200, 429]);
  expect(spans.getFinishedSpans()).toHaveLength(2);
});

test('what cannot be used is refused with what to do', async () => {
  const limiter = await own(createRateLimiter({ rate: '1/h', prefix: 'spans:' }));
  expect(() => observeMetrics({} as never)).toThrow(invalid('takes a limiter'));
  expect(() => observeMetrics(limiter, { meter: {} as never })).toThrow(invalid('Meter'));
  expect(() => traceChecks(limiter, { tracer: {} as never })).toThrow(invalid('Tracer'));
  expect(() => traceChecks(limiter, { names: 'x' } as never)).toThrow(invalid('name'));
  observeMetrics(limiter)();
  const script = `
    const Module = require('node:module');
    const { _load } = Module;
    Module._load = (name, ...rest) => {
      if (name === '@opentelemetry/api') throw Object.assign(new Error('no'), { code: 'MODULE_NOT_FOUND' });
      return _load(name, ...rest);
    };
    const limiter = require('spillway').createRateLimiter({ rate: '1/h' });
    for (const name of ['observeMetrics', 'traceChecks']) {
      try { require('spillway/opentelemetry')[name](limiter); } catch ({ code, message }) { report([code, message]); }
    }`;
  const told = ['ERR_INVALID_OPTION', expect.stringContaining('npm install @opentelemetry/api')];
  expect(await reportsOf(script)).toEqual([told, told]);
});
