import { invalidOption, shown } from './errors';
import { parseRate } from './rate';
import { parseRedisUrl, type RedisAddress } from './redis-url';
import type { RuleSet } from './rule';
import type { CheckOptions, OnError } from './types';
import { readInteger, readOnError, refuseUnknown, requireObject } from './validate';

/** The options of a limiter, validated and complete. */
export interface Settings {
  /** Undefined: the in-process store. */
  readonly redis: RedisAddress | undefined;
  /** By plan; the one rate of a limiter without plans stands under `undefined`. */
  readonly sets: ReadonlyMap<string | undefined, RuleSet>;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly maxKeys: number;
}

const OPTIONS = ['redis', 'plans', 'rate', 'prefix', 'timeoutMs', 'connectTimeoutMs', 'onError', 'maxKeys'];
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
    sets: readSets(options['plans'], options['rate'], readOnError(options['onError'])),
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

/** The units of one check. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readCost(options: CheckOptions): number {
  if (typeof options !== 'object' || options === null) {
    throw invalidOption(
      `The options of a check must be an object such as { cost: 2 }, not ${shown(options)}.`,
    );
  }
  refuseUnknown(options, ['cost'], '');
  const { cost = 1 } = options;
  if (Number.isSafeInteger(cost) && cost >= 1) return cost;
  throw invalidOption(`cost must be an integer from 1 to 2^53-1, not ${shown(cost)}.`);
}

function readSets(plans: unknown, rate: unknown, onError: OnError): Map<string | undefined, RuleSet> {
  if ((plans === undefined) === (rate === undefined)) {
    throw invalidOption("Give either plans, such as { FREE: '100/h' }, or one rate, such as '10/s'.");
  }
  if (plans === undefined) return new Map([[undefined, readSet('rate', rate, 'rate', onError)]]);

  requireObject(plans, 'plans');
  const sets = new Map<string | undefined, RuleSet>();
  for (const [name, planRate] of Object.entries(plans)) {
    if (name === '') throw invalidOption('plans: a plan needs a name.');
    sets.set(name, readSet(name, planRate, `plans.${name}`, onError));
  }
  if (sets.size === 0) throw invalidOption("plans is empty; name at least one, such as { FREE: '100/h' }.");
  return sets;
}

function readSet(id: string, rate: unknown, where: string, onError: OnError): RuleSet {
  const { requests, windowMs } = parseRate(rate, where);
  return { index: -1, rules: [{ id, algorithm: 'fixed-window', limit: requests, windowMs }], onError };
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
