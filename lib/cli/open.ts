import {
  createRateLimiter,
  loadConfig,
  RATE_LIMITS,
  type AnyLimiter,
  type RateLimiterOptions,
} from '../index';
import { CONFIG_FILES } from '../base/config-files';
import { redisOfEnvironment } from '../base/environment';
import { existsSync } from 'node:fs';
import { UsageError } from './usage';

/** What every command that asks a store may be told. */
export interface StoreFlags {
  readonly config?: string;
  readonly redis?: string;
  readonly prefix?: string;
  readonly json?: boolean;
}

/** A terminal waits longer than a request. */
const TIMEOUT_MS = 2_000;

const isConfigured = ({ config }: StoreFlags) =>
  config !== undefined || CONFIG_FILES.some((name) => existsSync(name));

/** The options that hold here: those of the configuration file, of the flags, and of the environment, in this order. */
export async function optionsOf(flags: StoreFlags): Promise<RateLimiterOptions> {
  const read: RateLimiterOptions = isConfigured(flags)
    ? await loadConfig(flags.config)
    : { plans: RATE_LIMITS, failureMode: 'closed' };
  const { store, redis, ...rest } = read;
  const said = flags.redis ?? (store === undefined ? (redis ?? redisOfEnvironment()) : undefined);
  return {
    ...rest,
    ...(said === undefined ? { store } : { redis: said }),
    ...(flags.prefix !== undefined && { prefix: flags.prefix }),
    timeoutMs: Math.max(read.timeoutMs ?? 0, TIMEOUT_MS),
    // What there is to say is said by the commands.
    logger: false,
  };
}

/** @throws UsageError where no store is named */
export function named(options: RateLimiterOptions): RateLimiterOptions {
  if (options.store !== undefined || options.redis !== undefined) return options;
  throw new UsageError(
    'No store is named, and one inside this process would be empty. Set REDIS_URL, give --redis, or write a spillway.config.mjs.',
  );
}

/** Opens the limiter that the flags mean, for as long as `act` takes. */
export async function withLimiter<T>(
  flags: StoreFlags,
  act: (limiter: AnyLimiter, options: RateLimiterOptions) => Promise<T>,
): Promise<T> {
  const options = named(await optionsOf(flags));
  const limiter = createRateLimiter<string, never>(options as never);
  try {
    return await act(limiter, options);
  } finally {
    await limiter.close();
  }
}

/** Which plans and rules a command had to do with: who finds nothing may have looked in the wrong place. */
export function placeOf(limiter: AnyLimiter, flags: StoreFlags): string {
  const { prefix, plans, rate, rules } = limiter.describe();
  const names = [...Object.keys(plans), ...(rate === null ? [] : ['rate']), ...rules.map(({ id }) => id)];
  const place = `${names.join(', ')} under the prefix ${prefix}`;
  if (isConfigured(flags)) return `${place}.`;
  return `${place}.\nThere is no configuration file here, so these are the plans of the drop-in functions. Where the application has others, give its file with --config.`;
}
