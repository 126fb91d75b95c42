import { existsSync } from 'node:fs';
import { loadConfig, RATE_LIMITS, type RateLimiterOptions } from '../index';
import { CONFIG_FILES, SERVE } from '../base/config-files';
import { redisOfEnvironment, variable } from '../base/environment';
import { invalidOption, shown } from '../base/errors';
import { Keys, keysOfEnvironment } from './keys';
import { limiterLogger } from './log';
import { isLoopback, readHost, readServe, type ServeSettings } from './options';

/** What the command line says. */
export interface ServeFlags {
  readonly config?: string;
  readonly redis?: string;
  readonly prefix?: string;
  readonly host?: string;
  readonly port?: number;
}

/** Everything that a service is made of, read and checked. */
export interface Configuration {
  readonly options: RateLimiterOptions;
  readonly settings: ServeSettings;
  readonly host: string;
  readonly port: number;
  readonly keys: Keys;
}

const PORT = 8_080;

/** What the flags, the configuration file and the environment say together. @throws RateLimitError `ERR_INVALID_OPTION` */
export async function readConfiguration(flags: ServeFlags): Promise<Configuration> {
  const isThere = flags.config !== undefined || CONFIG_FILES.some((name) => existsSync(name));
  const read: RateLimiterOptions = isThere ? await loadConfig(flags.config) : { plans: RATE_LIMITS };
  const settings = settingsOf(read);
  const keys = Keys.of([...settings.keys, ...keysOfEnvironment()]);
  const host = flags.host === undefined ? settings.host : readHost(flags.host, '--host');
  if (keys.count === 0 && !isLoopback(host)) {
    throw invalidOption(
      `Without API keys the service listens on this machine alone, not on ${host}. Set SPILLWAY_API_KEYS, or serve.keys in the configuration.`,
    );
  }
  const port = flags.port ?? settings.port ?? portOfEnvironment();
  return { options: optionsOf(read, flags), settings, host, port, keys };
}

/** What a configuration says under `serve`. @throws RateLimitError `ERR_INVALID_OPTION` */
export function settingsOf(options: RateLimiterOptions): ServeSettings {
  return readServe((options as { [SERVE]?: unknown })[SERVE]);
}

function optionsOf(read: RateLimiterOptions, flags: ServeFlags): RateLimiterOptions {
  const { store, redis, ...rest } = read;
  const said = flags.redis ?? (store === undefined ? (redis ?? redisOfEnvironment()) : undefined);
  return {
    ...rest,
    ...(said === undefined ? { store } : { redis: said }),
    ...(flags.prefix !== undefined && { prefix: flags.prefix }),
    logger: read.logger ?? limiterLogger(),
  };
}

/** Where platforms say it. */
function portOfEnvironment(): number {
  const text = variable('PORT');
  if (text === '') return PORT;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw invalidOption(`PORT must be a number from 0 to 65535, not ${shown(text)}.`);
}
