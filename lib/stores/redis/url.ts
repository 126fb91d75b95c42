import { invalidOption } from '../../base/errors';
import { isIntegerIn } from '../../base/validate';

/** Where the Redis is, as numbers and decoded text. */
export interface RedisAddress {
  host: string;
  port: number;
  /** Of a unix socket; empty: host and port. */
  path: string;
  username: string;
  password: string;
  db: number;
  tls: boolean;
}

const DATABASE = /^(\/\d{0,9})?$/;
const AUTHORITY = /^(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([\w.-]+))(?::(\d{1,5}))?$/i;
const FORM = 'redis://[user[:password]@]host[:port][/db]';
const UNIX_FORM = 'redis+unix://[user[:password]@]/path[?db=number]';

/**
 * Reads `redis://` and `rediss://[user[:password]@]host[:port][/db]`, and `redis+unix://` or
 * `unix://[user[:password]@]/path[?db=number]`. No message quotes any part of the URL but the name of a parameter: it
 * may hold a password.
 * @param name the option or variable that it comes from
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function parseRedisUrl(url: string, name = 'redis'): RedisAddress {
  try {
    return parse(url);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw invalidOption(`The Redis URL in ${name} cannot be used: ${error.message}. Expected ${error.form}.`);
  }
}

/** What is wrong with a URL, as the middle of a sentence. */
class Malformed extends Error {
  constructor(
    why: string,
    readonly form = FORM,
  ) {
    super(why);
  }
}

function parse(url: string): RedisAddress {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  const rest = url.slice((scheme?.length ?? 0) + '://'.length);
  if (scheme === 'redis+unix' || scheme === 'unix') return parseUnix(rest);
  if (scheme !== 'redis' && scheme !== 'rediss') {
    throw new Malformed('it does not start with redis://, rediss://, redis+unix:// or unix://');
  }
  if (/[\s?#]/.test(rest)) {
    const parameter = parameterOf(rest);
    if (parameter !== undefined) {
      throw new Malformed(`the parameter "${parameter}" is not known, so it would be ignored; leave it out`);
    }
    throw new Malformed('it has a space, "?" or "#"; percent-encode these in a password (%20, %3F, %23)');
  }
  const [userinfo, host, path] = split(rest);
  const [username, password] = credentials(userinfo, FORM);
  const parts = AUTHORITY.exec(host);
  if (parts === null) {
    throw new Malformed(
      'host or port cannot be read; put IPv6 in brackets, percent-encode "/" and "@" in a password',
    );
  }
  const port = parts[3] === undefined ? 6379 : Number(parts[3]);
  if (!isIntegerIn(port, 1, 65_535)) throw new Malformed('the port must be from 1 to 65535');
  if (!DATABASE.test(path)) throw new Malformed('what follows the host must be a database number');
  return {
    host: (parts[1] ?? parts[2] ?? '').replace('%25', '%'),
    port,
    path: '',
    username,
    password,
    db: Number(path.slice(1)),
    tls: scheme === 'rediss',
  };
}

function parseUnix(rest: string): RedisAddress {
  const [location = '', ...queries] = rest.split('?');
  const [userinfo, host, path] = split(location);
  const [username, password] = credentials(userinfo, UNIX_FORM);
  if (host !== '' || path.length < 2 || /[\s#]/.test(rest)) {
    throw new Malformed(
      'three slashes and the path of the socket belong behind the scheme, percent-encoded',
      UNIX_FORM,
    );
  }
  const query = queries.join('?');
  const db = /^(?:db=(\d{1,9}))?$/.exec(query);
  if (db === null) {
    const unknown = query
      .split('&')
      .map(nameOf)
      .find((name) => name !== undefined && name !== 'db');
    const which = unknown === undefined ? '' : `, the parameter "${unknown}" is not`;
    throw new Malformed(`behind "?" only db=number is known${which}`, UNIX_FORM);
  }
  return {
    host: '',
    port: 0,
    path: decode(path, UNIX_FORM),
    username,
    password,
    db: Number(db[1] ?? 0),
    tls: false,
  };
}

/** The name of the first parameter, where an address stands in front of it: else it may be a part of a password. */
function parameterOf(rest: string): string | undefined {
  const [location = '', query = ''] = rest.split('?', 2);
  const [, host, path] = split(location);
  return AUTHORITY.test(host) && DATABASE.test(path) ? nameOf(query) : undefined;
}

/** The name of `name=value`; undefined where it is written in any other way, or may be a part of a password. */
function nameOf(parameter: string): string | undefined {
  return parameter.includes('@') ? undefined : /^([a-z][\w.-]{0,31})=/i.exec(parameter)?.[1];
}

/** `user:password`, the host and what follows it, from its slash on. */
function split(rest: string): [userinfo: string, host: string, path: string] {
  const slash = rest.indexOf('/');
  const authority = slash === -1 ? rest : rest.slice(0, slash);
  const at = authority.lastIndexOf('@');
  return [
    authority.slice(0, Math.max(at, 0)),
    authority.slice(at + 1),
    slash === -1 ? '' : rest.slice(slash),
  ];
}

function credentials(userinfo: string, form: string): [username: string, password: string] {
  const colon = userinfo.indexOf(':');
  const username = colon === -1 ? userinfo : userinfo.slice(0, colon);
  const password = colon === -1 ? '' : userinfo.slice(colon + 1);
  return [decode(username, form), decode(password, form)];
}

function decode(text: string, form: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Malformed('it has a "%" that starts no percent-encoding; write it as %25', form);
  }
}
