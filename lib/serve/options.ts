import { clientIp, type ClientIpOptions } from '../index';
import { invalidOption, shown } from '../base/errors';
import { readInteger, refuseUnknown, requireObject } from '../base/validate';
import { keyOfDigest, type ApiKey } from './keys';

/** What a configuration file says under `serve`. */
export interface ServeOptions {
  /** Where it listens: a host name or an address. Default `127.0.0.1`, this machine alone. */
  host?: string;
  /** 0 to 65535; 0: any that is free. Default `PORT` of the environment, or 8080. */
  port?: number;
  /** Who may ask, besides those of `SPILLWAY_API_KEYS`: of each key its SHA-256, never the key. */
  keys?: readonly { name: string; sha256: string }[];
  /** As `trustedProxies` of `clientIp`: who is named as the sender of a reset. Default 0. */
  trustedProxies?: ClientIpOptions['trustedProxies'];
  /** How many calls may wait for the store at a time; more are answered 503. 1 to 1,000,000; default 10,000. */
  maxWaiting?: number;
  /** How long it still listens after SIGTERM, with 503 at `/health`, so that load balancers turn away. Default 0. */
  drainMs?: number;
  /** After how long connections that are still busy then are cut. 100 to 600,000; default 10,000. */
  stopMs?: number;
}

/** The same, complete. */
export interface ServeSettings {
  readonly host: string;
  /** Undefined: it is not said. */
  readonly port: number | undefined;
  readonly keys: readonly ApiKey[];
  readonly trustedProxies: ClientIpOptions['trustedProxies'];
  readonly maxWaiting: number;
  readonly drainMs: number;
  readonly stopMs: number;
}

const NAMES = ['host', 'port', 'keys', 'trustedProxies', 'maxWaiting', 'drainMs', 'stopMs'];
const TEN_MINUTES = 600_000;
const MOST_KEYS = 1_000;

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function readServe(given: unknown = {}): ServeSettings {
  requireObject(given, 'serve');
  refuseUnknown(given, NAMES, 'serve.');
  const options = given as Record<keyof ServeOptions, unknown>;
  return {
    host: readHost(options.host),
    port: options.port === undefined ? undefined : readInteger(options.port, 'serve.port', 0, 0, 65_535),
    keys: readKeys(options.keys),
    trustedProxies: readProxies(options.trustedProxies),
    maxWaiting: readInteger(options.maxWaiting, 'serve.maxWaiting', 10_000, 1, 1_000_000),
    drainMs: readInteger(options.drainMs, 'serve.drainMs', 0, 0, TEN_MINUTES),
    stopMs: readInteger(options.stopMs, 'serve.stopMs', 10_000, 100, TEN_MINUTES),
  };
}

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function readHost(value: unknown, name = 'serve.host'): string {
  if (value === undefined) return '127.0.0.1';
  if (typeof value === 'string' && /^[\w.:%-]+$/.test(value)) return value;
  throw invalidOption(
    `${name} must be a host name or an address such as 0.0.0.0, without scheme or port, not ${shown(value)}.`,
  );
}

function readKeys(value: unknown = []): ApiKey[] {
  if (!Array.isArray(value) || value.length > MOST_KEYS) {
    throw invalidOption(
      `serve.keys must be a list of at most ${MOST_KEYS} such as { "name": "web", "sha256": "…" }, not ${Array.isArray(value) ? value.length : shown(value)}.`,
    );
  }
  return value.map((key: unknown, i) => {
    const at = `serve.keys[${i}]`;
    requireObject(key, at);
    refuseUnknown(key, ['name', 'sha256'], `${at}.`);
    const { name, sha256 } = key as { name?: unknown; sha256?: unknown };
    return keyOfDigest(name, sha256, at);
  });
}

function readProxies(value: unknown): ServeSettings['trustedProxies'] {
  const trustedProxies = value as ServeSettings['trustedProxies'];
  // It is the one that knows what it takes.
  clientIp({}, { trustedProxies });
  return trustedProxies;
}

/** Whether nobody but this machine reaches a server that listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
