import {
  createRateLimiter,
  loadConfig,
  RATE_LIMITS,
  type AnyLimiter,
  type RateLimiterOptions,
} from '../index';
import { CONFIG_FILES } from '../base/config-files';
import { secret, variable } from '../base/environment';
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

/** The options that hold here: those of the configuration file, of the flags, and of the environment, in this order. */
export async function optionsOf(flags: StoreFlags): Promise<RateLimiterOptions> {
  const isThere = flags.config !== undefined || CONFIG_FILES.some((name) => existsSync(name));
  const read: RateLimiterOptions = isThere
    ? await loadConfig(flags.config)
    : { plans: RATE_LIMITS, failureMode: 'closed' };
  const { store, redis, ...rest } = read;
  const said = flags.redis ?? (store === undefined ? (redis ?? fromEnvironment()) : undefined);
  return {
    ...rest,
    ...(said === undefined ? { store } : { redis: said }),
    ...(flags.prefix !== undefined && { prefix: flags.prefix }),
    timeoutMs: Math.max(read.timeoutMs ?? 0, TIMEOUT_MS),
    // What there is to say is said by the commands.
    logger: false,
  };
}

function fromEnvironment(): RateLimiterOptions['redis'] {
  const url = variable('REDIS_URL');
  if (url === '') return undefined;
  const password = secret('REDIS_PASSWORD');
  return password === '' ? url : { url, password };
}

/** Opens the limiter that the flags mean, for as long as `act` takes. */
export async function withLimiter<T>(
  flags: StoreFlags,
  act: (limiter: AnyLimiter, options: RateLimiterOptions) => Promise<T>,
): Promise<T> {
  const options = await optionsOf(flags);
  if (options.store === undefined && options.redis === undefined) {
    throw new UsageError(
      'No store is named, and one inside this process would be empty. Set REDIS_URL, give --redis, or write a spillway.config.mjs.',
    );
  }
  const limiter = createRateLimiter<string, never>(options as never);
  try {
    return await act(limiter, options);
  } finally {
    await limiter.close();
  }
}
