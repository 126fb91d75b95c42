import { invalidOption } from '../../base/errors';
import { NO_TLS, type NativeRedisConfig } from '../native/native';
import { unwrapped } from '../../base/environment';
import { readBreaker, REDIS_MAX_OPEN_MS, type BreakerOptions } from '../breaker-options';
import { parseRedisUrl, type RedisAddress } from './url';
import { readTls, type TlsOptions } from './tls-options';
import { readInteger, refuseUnknown } from '../../base/validate';

/** Host name or address, and port. */
export interface RedisNode {
  host: string;
  /** 1 to 65535; default 6379, of a sentinel 26379. */
  port?: number;
}

/** How to log in to Redis, and over what. */
export interface RedisLogin {
  username?: string;
  password?: string;
  /** TLS: true with the trust that Node has, or what differs from it. */
  tls?: boolean | TlsOptions;
}

/** What every connection to Redis may say besides. */
export interface RedisConnection extends RedisLogin {
  /** The deadline of making a connection, login included, in milliseconds: 1 to 2^31-1. Default 5,000. */
  connectTimeoutMs?: number;
  /** When a node that does not answer is no longer asked. */
  breaker?: BreakerOptions;
}

/** One server. What a `url` says wins over the fields beside it. */
export interface SingleRedisOptions extends RedisConnection {
  /**
   * `redis://[user[:password]@]host[:port][/db]`, `rediss://` for TLS, or `redis+unix://[user[:password]@]/path[?db=1]`;
   * credentials percent-encoded, IPv6 hosts in brackets.
   */
  url?: string;
  /** Host name or address, instead of `url`. */
  host?: string;
  /** 1 to 65535; default 6379. */
  port?: number;
  /** A unix socket, instead of `url` or `host`. */
  path?: string;
  /** Database number; default 0. */
  db?: number;
  /** false: one server, also where it says that it is a node of a cluster. Otherwise a cluster is recognized. */
  cluster?: false;
}

/** The master that sentinels know by a name. */
export interface SentinelRedisOptions extends RedisConnection {
  sentinels: RedisLogin & {
    /** The name in `sentinel monitor`. */
    name: string;
    nodes: readonly RedisNode[];
  };
  /** Database number; default 0. */
  db?: number;
}

/** Nodes of a cluster; the others are found by asking these. */
export interface ClusterRedisOptions extends RedisConnection {
  cluster: readonly RedisNode[];
}

/** Where Redis is. */
export type RedisOptions = SingleRedisOptions | SentinelRedisOptions | ClusterRedisOptions;

/** Where Redis is, validated and complete. It holds secrets: not to be kept in a field that a dump shows. */
export type RedisTarget = Omit<NativeRedisConfig, 'clientName'>;

const LOGIN = ['username', 'password', 'tls'];
const CONNECTION = [...LOGIN, 'connectTimeoutMs', 'breaker'];
const SINGLE = ['url', 'host', 'port', 'path', 'db', ...CONNECTION];
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const MAX_DB = 999_999_999;
const EXAMPLE =
  "a URL such as 'redis://localhost:6379' or an object with url, host and port, path, sentinels, or cluster";

/**
 * Reads the option `redis`; undefined: the store inside this process.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function readRedis(value: unknown): RedisTarget | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string') {
    const url = unwrapped(value);
    // An empty environment variable is one that is not set.
    return url === '' ? undefined : single(parseRedisUrl(url, 'redis'), {});
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidOption(`redis must be ${EXAMPLE}.`);
  }
  const options = value as Record<string, unknown>;
  if (options['sentinels'] !== undefined) return readSentinels(options);
  const { cluster } = options;
  if (cluster !== undefined && cluster !== false) return readCluster(options);
  refuseUnknown(options, [...SINGLE, 'sentinels', 'cluster'], 'redis.');
  const { url, host, port, path } = options;
  const ways = [url, path, host ?? port].filter((way) => way !== undefined);
  if (ways.length > 1) throw invalidOption('redis: give one of url, path, or host and port.');
  if (url !== undefined)
    return single(parseRedisUrl(unwrapped(readText(url, 'redis.url')), 'redis.url'), options);
  if (path !== undefined) return single({ ...NOWHERE, path: readPath(path) }, options);
  return single({ ...NOWHERE, ...readNode({ host, port }, 'redis', 6379) }, options);
}

const NOWHERE: RedisAddress = { host: '', port: 0, path: '', username: '', password: '', db: 0, tls: false };

function single(base: RedisAddress, options: Record<string, unknown>): RedisTarget {
  const { host, port, path } = base;
  const login = readLogin(options, 'redis');
  const db = readDb(options['db']);
  // What the URL says wins, as in the other clients; the rest completes it.
  return {
    ...ABSENT,
    kind: options['cluster'] === false ? 'alone' : 'single',
    nodes: [{ host, port, path }],
    username: base.username || login.username,
    password: base.password || login.password,
    db: base.db || db,
    tls: base.tls ? { ...login.tls, enabled: true } : login.tls,
    ...readConnection(options),
  };
}

const ABSENT = {
  masterName: '',
  sentinelUsername: '',
  sentinelPassword: '',
  sentinelTls: NO_TLS,
} as const;

function readSentinels(options: Record<string, unknown>): RedisTarget {
  refuseUnknown(options, ['sentinels', 'db', ...CONNECTION], 'redis.');
  const sentinels = options['sentinels'];
  if (typeof sentinels !== 'object' || sentinels === null) {
    throw invalidOption("redis.sentinels must be an object such as { name: 'mymaster', nodes: [{ host }] }.");
  }
  refuseUnknown(sentinels, ['name', 'nodes', ...LOGIN], 'redis.sentinels.');
  const asked = sentinels as Record<string, unknown>;
  const masterName = readText(asked['name'], 'redis.sentinels.name');
  // What `sentinel monitor` takes.
  if (!/^[\w.-]+$/.test(masterName)) {
    throw invalidOption(
      "redis.sentinels.name must be the name that the sentinels have for the master, such as 'mymaster'.",
    );
  }
  const own = readLogin(asked, 'redis.sentinels');
  return {
    kind: 'sentinel',
    nodes: readNodes(asked['nodes'], 'redis.sentinels.nodes', 26379),
    ...readLogin(options, 'redis'),
    db: readDb(options['db']),
    masterName,
    sentinelUsername: own.username,
    sentinelPassword: own.password,
    sentinelTls: own.tls,
    ...readConnection(options),
  };
}

function readCluster(options: Record<string, unknown>): RedisTarget {
  if (options['db'] !== undefined && options['db'] !== 0) {
    throw invalidOption('redis.db cannot be set for a cluster: it has database 0 only.');
  }
  refuseUnknown(options, ['cluster', 'db', ...CONNECTION], 'redis.');
  const nodes = readNodes(options['cluster'], 'redis.cluster', 6379);
  return {
    ...ABSENT,
    ...readLogin(options, 'redis'),
    kind: 'cluster',
    nodes,
    db: 0,
    ...readConnection(options),
  };
}

function readNodes(value: unknown, name: string, port: number): RedisTarget['nodes'] {
  if (!Array.isArray(value) || value.length === 0) {
    const or = name === 'redis.cluster' ? ', or false beside a url' : '';
    throw invalidOption(
      `${name} must be a list of nodes such as [{ host: '10.0.0.1', port: ${port} }]${or}.`,
    );
  }
  return value.map((node: unknown, i) => {
    const at = `${name}[${i}]`;
    if (typeof node !== 'object' || node === null || Array.isArray(node)) {
      throw invalidOption(`${at} must be an object such as { host: '10.0.0.1', port: ${port} }.`);
    }
    refuseUnknown(node, ['host', 'port'], `${at}.`);
    return { ...readNode(node as Record<string, unknown>, at, port), path: '' };
  });
}

function readNode(
  node: Record<string, unknown>,
  name: string,
  otherwise: number,
): { host: string; port: number } {
  const host = readText(node['host'], `${name}.host`);
  if (!/^[\w.:%-]+$/.test(host)) {
    throw invalidOption(
      `${name}.host must be a host name or an address, without scheme, port or credentials.`,
    );
  }
  return { host, port: readInteger(node['port'], `${name}.port`, otherwise, 1, 65_535) };
}

function readPath(value: unknown): string {
  const path = readText(value, 'redis.path');
  if (path === '' || path.includes('\0'))
    throw invalidOption('redis.path must be the path of a unix socket.');
  return path;
}

function readLogin(options: Record<string, unknown>, name: string) {
  return {
    username: readText(options['username'], `${name}.username`),
    password: readText(options['password'], `${name}.password`),
    tls: readTls(options['tls'], `${name}.tls`),
  };
}

function readConnection(options: Record<string, unknown>) {
  return {
    connectTimeoutMs: readInteger(
      options['connectTimeoutMs'],
      'redis.connectTimeoutMs',
      5_000,
      1,
      MAX_TIMEOUT_MS,
    ),
    breaker: readBreaker(options['breaker'], 'redis.breaker', REDIS_MAX_OPEN_MS),
  };
}

function readDb(value: unknown): number {
  return readInteger(value, 'redis.db', 0, 0, MAX_DB);
}

/** Text, empty where nothing is given. The value is never quoted: it may be a secret. */
function readText(value: unknown, name: string): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  throw invalidOption(`${name} must be a string.`);
}
