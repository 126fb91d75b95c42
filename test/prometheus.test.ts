/** `spillway/prometheus`: in a registry of prom-client, in Prometheus itself, and the files of `monitoring/`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { Registry, Counter, register } from 'prom-client';
import { createRateLimiter } from 'spillway';
import { registerMetrics } from 'spillway/prometheus';
import { parse } from 'yaml';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { reportsOf, ROOT } from './support/process';
import { PrometheusServer, promtool } from './support/prometheus';
import { RedisServer } from './support/redis';

const own = owner();
const textOf = (name: string) => readFileSync(join(ROOT, 'monitoring', name), 'utf8');
const invalid = (message: string) =>
  expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(message) });

/** Lines of a metric. */
const linesOf = (text: string, name: string) =>
  text.split('\n').filter((line) => line.startsWith(`${name}{`));

let prefixes = 0;
const limiterOf = (rate: '1/h' | '2/h' = '2/h') =>
  own(createRateLimiter({ rate, prefix: `prometheus${prefixes++}:` }));

test('shows exact counts with HELP and TYPE, read when it is asked', async () => {
  const registry = new Registry();
  const limiter = await limiterOf();
  registerMetrics(limiter, { name: 'api', registry, aliases: true });
  await times(5, () => limiter.check('k'));
  const text = await registry.metrics();
  expect(linesOf(text, 'spillway_decisions_total').filter((line) => !line.endsWith(' 0'))).toEqual([
    'spillway_decisions_total{limiter="api",reason="ok"} 2',
    'spillway_decisions_total{limiter="api",reason="limit"} 3',
  ]);
  expect(linesOf(text, 'spillway_rule_checks_total')).toEqual([
    'spillway_rule_checks_total{limiter="api",rule="rate",source="memory",outcome="admitted"} 2',
    'spillway_rule_checks_total{limiter="api",rule="rate",source="memory",outcome="denied"} 3',
    'spillway_rule_checks_total{limiter="api",rule="rate",source="memory",outcome="would_deny"} 0',
  ]);
  for (const [name, value] of [
    ['rate_limit_requests_total', 5],
    ['rate_limit_exceeded_total', 3],
    ['rate_limit_hits_total', 5],
    ['rate_limit_blocks_total', 3],
  ]) {
    expect(linesOf(text, `${name}`)).toEqual([`${name}{limiter="api",rule="rate"} ${value}`]);
  }
  expect(text).toContain('# TYPE rate_limit_request_latency_seconds histogram');
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(15);
  for (const name of names) expect(text).toMatch(new RegExp(`^# HELP ${name} \\S.*\\.$`, 'm'));
  await limiter.check('k');
  expect(await registry.metrics()).toContain('{limiter="api",reason="limit"} 4');
});

test('no label holds a subject, and a million of them make no more lines', async () => {
  const registry = new Registry();
  const limiter = await limiterOf('1/h');
  registerMetrics(limiter, { registry, aliases: true });
  await limiter.check('secret-0');
  const lines = (await registry.metrics()).split('\n').length;
  for (let i = 0; i < 10_000; i++) await limiter.check(`secret-${i >> 1}`);
  const text = await registry.metrics();
  // And when the rule denied last.
  expect(text.split('\n').length).toBe(lines + 1);
  expect(text).not.toContain('secret');
});

test('what promtool checks is clean, in both of the formats', async () => {
  const registry = new Registry();
  const limiter = await limiterOf();
  registerMetrics(limiter, { registry, aliases: true });
  await limiter.check('k');
  expect(promtool(['check', 'metrics'], await registry.metrics())).toBe('');
  const open = new Registry();
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  registerMetrics(limiter, { registry: open });
  const text = await open.metrics();
  expect(text).toContain('# TYPE spillway_decisions counter');
  expect(text).toContain('spillway_decisions_total{limiter="default",reason="ok"} 1');
  expect(text).not.toContain('_total_total');
  // A registry of workers' merges them, and asks by JSON.
  expect((await registry.getMetricsAsJSON()).length).toBeGreaterThan(15);
});

test('registering again, others under their names, and taking out', async () => {
  const registry = new Registry();
  const [one, other] = [await limiterOf(), await limiterOf()];
  const takeOut = registerMetrics(one, { registry });
  registerMetrics(one, { registry, aliases: true });
  expect(() => registerMetrics(other, { registry })).toThrow(
    invalid('Another limiter is registered as "default"'),
  );
  registerMetrics(other, { registry, name: 'other' });
  await other.check('k');
  expect(linesOf(await registry.metrics(), 'spillway_decisions_total')).toHaveLength(20);
  registerMetrics(other, { registry, replace: true });
  takeOut();
  expect(linesOf(await registry.metrics(), 'spillway_decisions_total')).toHaveLength(20);
  registerMetrics(other, { registry })();
  registerMetrics(other, { registry, name: 'other' })();
  expect(await registry.metrics()).toBe('\n');
  registerMetrics(one, { registry });
  registry.clear();
  registerMetrics(one, { registry });
  expect(linesOf(await registry.metrics(), 'spillway_decisions_total')).toHaveLength(10);
});

test('a metric of somebody else’s is left alone, and said', async () => {
  const registry = new Registry();
  const limiter = await limiterOf();
  const theirs = new Counter({ name: 'rate_limit_requests_total', help: 'Theirs.', registers: [registry] });
  registerMetrics(limiter, { registry });
  expect(() => registerMetrics(limiter, { registry, aliases: true })).toThrow(
    invalid('rate_limit_requests_total'),
  );
  expect(registry.getSingleMetric('rate_limit_requests_total')).toBe(theirs);
  expect(registry.getSingleMetric('rate_limit_hits_total')).toBeUndefined();
});

test('what cannot be used is refused with what to do', async () => {
  const limiter = await limiterOf();
  expect(() => registerMetrics({} as never)).toThrow(invalid('takes a limiter'));
  expect(() => registerMetrics(limiter, { registry: {} as never })).toThrow(
    invalid('Registry of prom-client'),
  );
  expect(() => registerMetrics(limiter, { name: '' })).toThrow(invalid('name'));
  expect(() => registerMetrics(limiter, { alias: true } as never)).toThrow(invalid('aliases'));
  expect(() => registerMetrics(limiter, { aliases: 'yes' } as never)).toThrow(invalid('aliases'));
});

test('by default in the register of prom-client; where that is not installed it says what is', async () => {
  const limiter = await limiterOf();
  const takeOut = registerMetrics(limiter);
  expect(await register.metrics()).toContain('spillway_decisions_total');
  takeOut();
  const script = `
    const Module = require('node:module');
    const { _load } = Module;
    Module._load = (name, ...rest) => {
      if (name === 'prom-client') throw Object.assign(new Error('no'), { code: 'MODULE_NOT_FOUND' });
      return _load(name, ...rest);
    };
    const limiter = require('spillway').createRateLimiter({ rate: '1/h' });
    try { require('spillway/prometheus').registerMetrics(limiter); } catch ({ code, message }) { report([code, message]); }`;
  expect(await reportsOf(script)).toEqual([
    ['ERR_INVALID_OPTION', expect.stringContaining('npm install prom-client')],
  ]);
});

test('Prometheus scrapes it, and its queries find what alerts and dashboard ask for', async () => {
  const redis = await own(RedisServer.start());
  const limiter = await own(createRateLimiter({ redis: redis.url, rate: '50/h' }));
  const registry = new Registry();
  registerMetrics(limiter, { name: 'api', registry, aliases: true });
  await times(60, (i) => limiter.check(i < 55 ? 'k' : `k${i}`));
  const prometheus = await own(PrometheusServer.scraping(() => registry.metrics(), registry.contentType));
  const [denied] = await prometheus.seen('spillway_rule_checks_total{outcome="denied"}');
  expect(denied).toMatchObject({
    metric: { limiter: 'api', rule: 'rate', source: 'redis', job: 'app' },
    value: 5,
  });
  const [p99] = await prometheus.query('histogram_quantile(0.99, spillway_check_duration_seconds_bucket)');
  expect(p99!.value).toBeGreaterThan(0);
  expect(p99!.value).toBeLessThan(2.1);
  expect((await prometheus.query('rate_limit_request_latency_seconds_count'))[0]!.value).toBe(60);
  expect((await prometheus.query('spillway_store_breaker_state{state="closed"}'))[0]!.value).toBe(1);

  // Every name that a file asks for is one that was scraped; those of a failover are not there without one.
  const asked = new Set(
    [textOf('alerts.yml'), textOf('grafana.json')].flatMap(
      (text) => text.match(/spillway_[a-z_]+(?=[{[),])/g) ?? [],
    ),
  );
  expect(asked.size).toBeGreaterThan(10);
  asked.delete('spillway_failover_in_use');
  for (const name of asked) {
    expect([name, (await prometheus.query(name)).length > 0]).toEqual([name, true]);
  }
}, 60_000);

test('alert rules fire when they should, and promtool has nothing to object to', () => {
  const folder = join(ROOT, 'monitoring');
  expect(promtool(['check', 'rules', join(folder, 'alerts.yml')])).toContain('SUCCESS: 6 rules found');
  expect(promtool(['test', 'rules', join(folder, 'alerts.test.yml')])).toContain('SUCCESS');
  const { groups } = parse(textOf('alerts.yml')) as { groups: { rules: { alert: string }[] }[] };
  const { tests } = parse(textOf('alerts.test.yml')) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
  };
  const fired = tests.flatMap((one) => one.alert_rule_test).filter((one) => one.exp_alerts.length > 0);
  expect(fired.map(({ alertname }) => alertname).sort()).toEqual(
    groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)).sort(),
  );
});

test('the dashboard is one that Grafana imports', () => {
  const schema = JSON.parse(readFileSync(join(__dirname, 'support/dashboard.schema.json'), 'utf8')) as object;
  const dashboard = JSON.parse(textOf('grafana.json')) as { panels: { id: number }[] };
  const validate = new Ajv({ strict: false }).compile(schema);
  expect([validate(dashboard), validate.errors]).toEqual([true, null]);
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  expect(validate({ ...dashboard, panels: [{ title: 'a panel of nothing' }] })).toBe(false);
});
