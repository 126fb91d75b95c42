/** `spillway/prometheus`: what limiters count, in a registry of prom-client, read when it is scraped. */
import { invalidOption, shown } from '../base/errors';
import { promClient } from '../base/lazy';
import { refuseUnknown, requireObject } from '../base/validate';
import { VERSION } from '../base/version';
import { readName, requireLimiter, type Measured } from '../metrics/catalogue';
import { readBoolean } from '../rules/rule';
import { aliasesOf, seriesOf, type Series } from './series';

export type { Measured } from '../metrics/catalogue';

/** As much of a `Registry` of prom-client as is used here. */
export interface MetricsRegistry {
  registerMetric(metric: never): void;
  getSingleMetric(name: string): unknown;
  removeSingleMetric(name: string): void;
}

export interface PrometheusOptions {
  /** The label `limiter`, by which limiters of one process are told apart. Default `default`. */
  name?: string;
  /** Default: the `register` of prom-client. */
  registry?: MetricsRegistry;
  /** Also under names that other limiters have, such as `rate_limit_requests_total`. Default false. */
  aliases?: boolean;
  /** Takes the place of another limiter of this name, as a module does that is reloaded. Default false. */
  replace?: boolean;
}

/** What one registry shows. */
interface Shown {
  readonly limiters: Map<string, Measured>;
  readonly own: readonly Series[];
  readonly aliases: readonly Series[];
}

/** On globalThis: a bundler evaluates modules several times, and a registry takes a name once. */
function shownBy(registry: MetricsRegistry): Shown {
  const name = Symbol.for(`spillway.prometheus@${VERSION}`);
  const holder = globalThis as { [name]?: WeakMap<MetricsRegistry, Shown> };
  const all = (holder[name] ??= new WeakMap());
  let known = all.get(registry);
  if (known === undefined) {
    const limiters = new Map<string, Measured>();
    all.set(registry, (known = { limiters, own: seriesOf(limiters), aliases: aliasesOf(limiters) }));
  }
  return known;
}

/**
 * Shows what a limiter counts in a registry, as metrics that are read when they are scraped and cost a check nothing.
 * Registering the same limiter again under its name changes nothing.
 * @returns what takes the limiter out again
 * @throws RateLimitError `ERR_INVALID_OPTION`, also where the name or a metric's name is taken, and without prom-client
 */
export function registerMetrics(limiter: Measured, options: PrometheusOptions = {}): () => void {
  requireLimiter(limiter, 'registerMetrics');
  requireObject(options, 'The options of registerMetrics');
  refuseUnknown(options, ['name', 'registry', 'aliases', 'replace'], '');
  const name = readName(options.name);
  const registry = readRegistry(options.registry);
  const { limiters, own, aliases } = shownBy(registry);
  const series = readBoolean(options.aliases, 'aliases') ? [...own, ...aliases] : own;
  const other = limiters.get(name);
  if (other !== undefined && other !== limiter && !readBoolean(options.replace, 'replace')) {
    throw invalidOption(
      `Another limiter is registered as ${shown(name)}. Give each a name, { name: 'api' }, or { replace: true } where a module is reloaded.`,
    );
  }
  const missing = series.filter((one) => !isThere(registry, one));
  for (const one of missing) registry.registerMetric(one as never);
  limiters.set(name, limiter);
  return () => {
    if (limiters.get(name) !== limiter) return;
    limiters.delete(name);
    if (limiters.size > 0) return;
    for (const one of [...own, ...aliases]) {
      if (registry.getSingleMetric(one.name) === one) registry.removeSingleMetric(one.name);
    }
  };
}

/** @throws RateLimitError `ERR_INVALID_OPTION` where somebody else's metric has the name */
function isThere(registry: MetricsRegistry, series: Series): boolean {
  const found = registry.getSingleMetric(series.name);
  if (found === series) return true;
  if (found === undefined) return false;
  throw invalidOption(
    `The registry has a metric ${series.name} that is not spillway's. Leave out aliases, or give a registry of its own.`,
  );
}

function readRegistry(value: MetricsRegistry | undefined): MetricsRegistry {
  if (value === undefined) {
    const client = promClient();
    if (client !== undefined) return client.register as MetricsRegistry;
    throw invalidOption(
      'registerMetrics needs prom-client, or a registry of it: npm install prom-client, or write { registry }.',
    );
  }
  if (typeof (value as Partial<MetricsRegistry> | null)?.registerMetric === 'function') return value;
  throw invalidOption(`registry must be a Registry of prom-client, not ${shown(value)}.`);
}
