import { invalidOption, shown } from './errors';
import { readHeaderFormat, type HeaderFormat } from './headers/emit';
import type { OnNearLimit } from './limiter-options';
import { parseRedisUrl, type RedisAddress } from './redis-url';
import { compileRules, RULE_OPTIONS, type CompiledRules, type RuleOptions } from './rules/compile';
import type { CheckOptions } from './types';
import { isIntegerIn, readInteger, readOnError, refuseUnknown, requireObject } from './validate';

/** The options of a limiter, validated and complete. */
export interface Settings {
  /** Undefined: the in-process store. */
  readonly redis: RedisAddress | undefined;
  readonly rules: CompiledRules;
  readonly onNearLimit: OnNearLimit | undefined;
  readonly headers: HeaderFormat;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly maxKeys: number;
}

const OPTIONS = [
  'redis',
  ...RULE_OPTIONS,
  'onNearLimit',
  'headers',
  'prefix',
  'timeoutMs',
  'connectTimeoutMs',
  'maxKeys',
];
const REDIS_OPTIONS = ['url', 'host', 'port', 'username', 'password', 'db'];
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const MAX_KEYS = 100_000_000;

/**
 * Checks every option by name and value.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function readOptions(given: unknown): Settings {
  requireObject(given, 'The options of a rate limiter');
  refuseUnknown(given, OPTIONS, '');
  const options = given as Record<string, unknown>;
  return {
    redis: readRedis(options['redis']),
    rules: compileRules(pick(options, RULE_OPTIONS)),
    onNearLimit: readFunction(options['onNearLimit'], 'onNearLimit') as OnNearLimit | undefined,
    headers: readHeaderFormat(options['headers']),
    prefix: readPrefix(options['prefix']),
    timeoutMs: readInteger(options['timeoutMs'], 'timeoutMs', 250, 1, MAX_TIMEOUT_MS),
    connectTimeoutMs: readInteger(options['connectTimeoutMs'], 'connectTimeoutMs', 5_000, 1, MAX_TIMEOUT_MS),
    maxKeys: readInteger(options['maxKeys'], 'maxKeys', 1_000_000, 1, MAX_KEYS),
  };
}

/** Whether `RATELIMIT_ENABLE` in the environment says that nothing is limited: false, 0, no or off. */
export function isSwitchedOff(): boolean {
  return /^(false|0|no|off)$/i.test(process.env['RATELIMIT_ENABLE']?.trim() ?? '');
}

/** Refuses what the options of one check do not have. @throws RateLimitError `ERR_INVALID_OPTION` */
export function refuseCheckOptions(options: CheckOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidOption(
      `The options of a check must be an object such as { cost: 2 }, not ${shown(options)}.`,
    );
  }
  refuseUnknown(options, ['cost', 'onError'], '');
  if (options.onError !== undefined) readOnError(options.onError);
}

/** Units to charge or give back. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readUnits(value: unknown, name: string): number {
  if (value === undefined) return 1;
  if (isIntegerIn(value, 1, Number.MAX_SAFE_INTEGER)) return value;
  throw invalidOption(`${name} must be an integer from 1 to 2^53-1, not ${shown(value)}.`);
}

function pick(options: Record<string, unknown>, names: readonly string[]): RuleOptions {
  return Object.fromEntries(names.map((name) => [name, options[name]]));
}

function readFunction(value: unknown, name: string): unknown {
  if (value === undefined || typeof value === 'function') return value;
  throw invalidOption(`${name} must be a function, not ${shown(value)}.`);
}

function readPrefix(value: unknown): string {
  if (value === undefined) return 'ratelimit:';
  const problem =
    typeof value !== 'string'
      ? `must be a string, not ${shown(value)}`
      : value === ''
        ? 'is empty; without one the keys would mix with everything else in the database'
        : value.length > 256
          ? 'is longer than 256 characters'
          : /[\p{Cc}\p{Surrogate}]/u.test(value)
            ? 'holds a control character or broken text'
            : undefined;
  if (problem !== undefined) throw invalidOption(`prefix ${problem}.`);
  return value as string;
}

function readRedis(value: unknown): RedisAddress | undefined {
  // An empty environment variable is one that is not set.
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string') return parseRedisUrl(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidOption(
      "redis must be a URL such as 'redis://localhost:6379' or an object { url } or { host, port }.",
    );
  }
  refuseUnknown(value, REDIS_OPTIONS, 'redis.');
  const { url, host, port, username, password, db } = value as Record<string, unknown>;
  if (url !== undefined && (host !== undefined || port !== undefined)) {
    throw invalidOption('redis: give either url, or host and port.');
  }
  const base = url === undefined ? readHost(host, port) : parseRedisUrl(readText(url, 'redis.url'));
  // What the URL says wins, as in the other clients; the rest completes it.
  return {
    host: base.host,
    port: base.port,
    username: base.username || readText(username, 'redis.username'),
    password: base.password || readText(password, 'redis.password'),
    db: base.db || readInteger(db, 'redis.db', 0, 0, 999_999_999),
  };
}

function readHost(host: unknown, port: unknown): RedisAddress {
  const name = readText(host, 'redis.host');
  if (name === '' || !/^[\w.:%-]+$/.test(name)) {
    throw invalidOption('redis.host must be a host name or an address, without scheme, port or credentials.');
  }
  return {
    host: name,
    port: readInteger(port, 'redis.port', 6379, 1, 65_535),
    username: '',
    password: '',
    db: 0,
  };
}

/** Text, empty where nothing is given. The value is never quoted: it may be a secret. */
function readText(value: unknown, name: string): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  throw invalidOption(`${name} must be a string.`);
}
