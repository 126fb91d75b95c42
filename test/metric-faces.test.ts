/** Both faces of the figures, of a limiter whose figures all differ: each name, label, value and unit, and the tables about them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { Registry } from 'prom-client';
import type { LimiterStats } from 'spillway';
import { observeMetrics } from 'spillway/opentelemetry';
import { registerMetrics } from 'spillway/prometheus';
import { ROOT } from './support/process';

const page = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8');

const withoutStore = {
  ...{ timeout: 20, disconnected: 21, refused: 22, 'breaker-open': 23, 'queue-full': 24 },
  ...{ 'foreign-key': 25, closed: 26, 'not-opened': 27 },
};
const row = { wouldDeny: 13, nearLimit: 14, firstDeniedAt: 1_500, withoutStore };
const STATS = {
  store: 'failover',
  decisions: { ok: 1, limit: 2 },
  rules: [
    { ...row, rule: 'api', source: 'redis', checked: 33, admitted: 11, denied: 22, lastDeniedAt: 2_500 },
    { ...row, rule: 'api', source: 'none', checked: 7, admitted: 3, denied: 4, lastDeniedAt: null },
  ],
  latency: {
    ...{ count: 6, sumUs: 3_000_000, p50Us: 60, p99Us: 1_500_000, p999Us: 1_500_000 },
    buckets: [
      { fromUs: 56, toUs: 64, count: 4 },
      { fromUs: 64, toUs: 72, count: 1 },
      { fromUs: 1_441_792, toUs: 1_572_864, count: 1 },
    ],
  },
  ...{ commands: 41, roundTrips: 42, reconnects: 43, timeouts: 44, foreign: 45, pending: 46, keys: 47 },
  connected: true,
  breaker: { state: 'half-open' },
  stores: [
    { store: 'redis', inUse: false },
    { store: 'memory', inUse: true },
  ],
};
const limiter = { stats: () => STATS as unknown as LimiterStats };

const counted = (name: string, labels: string, value: number) => `${name}{limiter="x",${labels}} ${value}`;
const ofStore = (name: string, value: number) => counted(`spillway_store_${name}`, 'store="failover"', value);

/** In seconds, by the ends of the buckets. */
function durations(name: string, labels: string): string[] {
  const ends = Array.from({ length: 16 }, (_, i) => 2 ** (6 + i) / 1e6);
  const upTo = (end: number) => (end < 72e-6 ? 4 : end < 1.572_864 ? 5 : 6);
  return [
    ...ends.map((end) => `${name}_bucket{limiter="x"${labels},le="${end}"} ${upTo(end)}`),
    `${name}_bucket{limiter="x"${labels},le="+Inf"} 6`,
    `${name}_sum{limiter="x"${labels}} 3`,
    `${name}_count{limiter="x"${labels}} 6`,
  ];
}

test('spillway/prometheus', async () => {
  const registry = new Registry();
  registerMetrics(limiter, { name: 'x', registry, aliases: true });
  const lines = (await registry.metrics()).split('\n').filter((line) => /^[a-z]/.test(line));
  const api = (source: string, more = '') => `rule="api",source="${source}"${more}`;
  expect(lines.sort()).toEqual(
    [
      counted('spillway_decisions_total', 'reason="ok"', 1),
      counted('spillway_decisions_total', 'reason="limit"', 2),
      counted('spillway_rule_checks_total', api('redis', ',outcome="admitted"'), 11),
      counted('spillway_rule_checks_total', api('redis', ',outcome="denied"'), 22),
      counted('spillway_rule_checks_total', api('redis', ',outcome="would_deny"'), 13),
      counted('spillway_rule_checks_total', api('none', ',outcome="admitted"'), 3),
      counted('spillway_rule_checks_total', api('none', ',outcome="denied"'), 4),
      counted('spillway_rule_checks_total', api('none', ',outcome="would_deny"'), 13),
      counted('spillway_rule_near_limit_total', api('redis'), 14),
      counted('spillway_rule_near_limit_total', api('none'), 14),
      ...Object.entries(withoutStore).map(([reason, value]) =>
        counted('spillway_rule_without_store_total', api('redis', `,reason="${reason}"`), value),
      ),
      counted('spillway_rule_last_denied_timestamp_seconds', api('redis'), 2.5),
      ...durations('spillway_check_duration_seconds', ',store="failover"'),
      ...[ofStore('commands_total', 41), ofStore('round_trips_total', 42), ofStore('reconnects_total', 43)],
      ...[ofStore('timeouts_total', 44), ofStore('foreign_keys_total', 45), ofStore('pending_calls', 46)],
      ...[ofStore('keys', 47), ofStore('connected', 1)],
      ...['closed', 'open', 'half-open'].map((state) =>
        counted(
          'spillway_store_breaker_state',
          `store="failover",state="${state}"`,
          state === 'half-open' ? 1 : 0,
        ),
      ),
      counted('spillway_failover_in_use', 'store="redis",place="0"', 0),
      counted('spillway_failover_in_use', 'store="memory",place="1"', 1),
      counted('rate_limit_requests_total', 'rule="api"', 40),
      counted('rate_limit_hits_total', 'rule="api"', 40),
      counted('rate_limit_exceeded_total', 'rule="api"', 26),
      counted('rate_limit_blocks_total', 'rule="api"', 26),
      ...durations('rate_limit_request_latency_seconds', ''),
    ].sort(),
  );
});

test('the tables of docs/metrics.md name all of it, with type, labels and unit', async () => {
  const registry = new Registry();
  registerMetrics(limiter, { name: 'x', registry, aliases: true });
  const text = await registry.metrics();
  const types = Array.from(
    text.matchAll(/^# TYPE (\S+) (\S+)$/gm),
    ([, name, type]) => [name, type] as const,
  );
  const cells = (line: string) => line.split('|').map((cell) => cell.trim().replaceAll('`', ''));
  const rows = page.split('\n').filter((line) => /^\| `(spillway|rate_limit)_/.test(line));
  const named = new Map(rows.map((line) => [cells(line)[1]!, cells(line)] as const));
  expect([...named.keys()].sort()).toEqual(types.map(([name]) => name!).sort());
  for (const [name, type] of types) {
    const [, , second = '', labels = '', unit = ''] = named.get(name!)!;
    const one = text
      .split('\n')
      .find((line) => line.startsWith(`${name}{`) || line.startsWith(`${name}_count{`))!;
    const shown = Array.from(one.matchAll(/[{,](\w+)=/g), ([, label]) => label!).filter(
      (label) => label !== 'le',
    );
    const isAlias = name!.startsWith('rate_limit_');
    const said = (isAlias ? labels : `limiter, ${labels}`).replace(/\([^)]*\)/g, '').match(/\w+/g);
    expect([name, said]).toEqual([name, shown]);
    if (isAlias) continue;
    expect([name, second]).toEqual([name, type]);
    if (name!.includes('_seconds')) expect([name, unit]).toEqual([name, 'seconds']);
  }
  // Each reason that failureMode may have.
  for (const reason of Object.keys(withoutStore))
    expect(page).toMatch(new RegExp(`^\\| \`${reason}\` +\\|`, 'm'));
});

class Reader extends MetricReader {
  protected onForceFlush = () => Promise.resolve();
  protected onShutdown = () => Promise.resolve();
}

test('spillway/opentelemetry has the same, in the same units', async () => {
  const registry = new Registry();
  registerMetrics(limiter, { name: 'x', registry });
  const reader = new Reader();
  const provider = new MeterProvider({ readers: [reader] });
  observeMetrics(limiter, { name: 'x', meter: provider.getMeter('test') });
  const { resourceMetrics, errors } = await reader.collect();
  expect(errors).toEqual([]);
  const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  const shown = metrics.flatMap(({ descriptor, dataPoints }) =>
    dataPoints.map(({ attributes, value }) => {
      const labels = Object.entries(attributes).map(([name, text]) => `${name}=${String(text)}`);
      return `${descriptor.name} ${descriptor.unit} ${labels.join()} ${JSON.stringify(value)}`;
    }),
  );
  const duration = 'spillway.check.duration s spillway.limiter=x,spillway.store=failover,quantile=';
  const prometheus = (await registry.metrics()).split('\n').filter((line) => /^[a-z]/.test(line));
  const others = prometheus.filter((line) => !line.startsWith('spillway_check_duration'));
  const named = (line: string) => /^(\w+)\{(.*)\} (\S+)$/.exec(line)!.slice(1) as [string, string, string];
  const expected = others.map((line) => {
    const [name, labels, value] = named(line);
    const dotted = name
      .replace(/_total$|_timestamp_seconds$/, '')
      .replace(/^spillway_(rule_|store_|failover_)?/, (front) => front.replaceAll('_', '.'));
    return `${dotted} ${labels.replaceAll('"', '').replace(/(^|,)/g, '$1spillway.')} ${value}`;
  });
  const unitless = shown
    .map((line) => line.replace(/^(\S+) \S+/, '$1'))
    .filter((line) => !line.includes('quantile='));
  expect(unitless.sort()).toEqual(expected.sort());
  const durationsShown = shown.filter((line) => line.startsWith(duration));
  const values = durationsShown.map((line) => Number(line.split(' ').at(-1)));
  expect(durationsShown.map((line) => line.slice(duration.length).split(' ')[0])).toEqual([
    '0.5',
    '0.99',
    '0.999',
  ]);
  expect(values[0]).toBeGreaterThan(55e-6);
  expect(values[0]).toBeLessThanOrEqual(64e-6);
  expect(values[1]).toBeGreaterThan(1.4);
  expect(values[1]).toBeLessThanOrEqual(1.6);
  const units = new Map(metrics.map(({ descriptor: { name, unit } }) => [name, unit]));
  expect(units.get('spillway.rule.last_denied')).toBe('s');
  for (const [name, unit] of units) {
    const isTime = name.endsWith('duration') || name.endsWith('last_denied');
    const isState = /connected|breaker_state|in_use/.test(name);
    expect([name, unit]).toEqual([name, isTime ? 's' : isState ? '1' : expect.stringMatching(/^\{\w+\}$/)]);
  }
  await provider.shutdown();
});
