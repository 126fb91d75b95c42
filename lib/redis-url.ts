import { invalidOption } from './errors';
import { isIntegerIn } from './validate';

/** Where the Redis is, as numbers and decoded text. */
export interface RedisAddress {
  host: string;
  port: number;
  username: string;
  password: string;
  db: number;
}

const AUTHORITY = /^(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([\w.-]+))(?::(\d{1,5}))?$/i;
const FORM = 'redis://[user[:password]@]host[:port][/db]';

/**
 * Reads `redis://[user[:password]@]host[:port][/db]`. No message quotes any part of the URL: it may hold a password.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function parseRedisUrl(url: string): RedisAddress {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme === 'rediss') {
    throw invalidOption(
      'rediss:// (TLS) is not supported by this version of spillway; use redis:// inside a private network.',
    );
  }
  if (scheme !== 'redis') throw malformed('it does not start with redis://');

  const rest = url.slice('redis://'.length);
  if (/[\s?#]/.test(rest)) {
    throw malformed('it has a space, "?" or "#"; percent-encode these in a password (%20, %3F, %23)');
  }
  const slash = rest.indexOf('/');
  const authority = slash === -1 ? rest : rest.slice(0, slash);
  const path = slash === -1 ? '' : rest.slice(slash + 1);

  const at = authority.lastIndexOf('@');
  const [username, password] = at === -1 ? ['', ''] : credentials(authority.slice(0, at));

  const parts = AUTHORITY.exec(authority.slice(at + 1));
  if (parts === null) {
    throw malformed(
      'host or port cannot be read; put IPv6 in brackets, percent-encode "/" and "@" in a password',
    );
  }
  const port = parts[3] === undefined ? 6379 : Number(parts[3]);
  if (!isIntegerIn(port, 1, 65_535)) throw malformed('the port must be from 1 to 65535');
  if (path !== '' && !/^\d{1,9}$/.test(path))
    throw malformed('what follows the host must be a database number');
  return {
    host: (parts[1] ?? parts[2] ?? '').replace('%25', '%'),
    port,
    username,
    password,
    db: path === '' ? 0 : Number(path),
  };
}

function credentials(userinfo: string): [username: string, password: string] {
  const colon = userinfo.indexOf(':');
  const username = colon === -1 ? userinfo : userinfo.slice(0, colon);
  const password = colon === -1 ? '' : userinfo.slice(colon + 1);
  try {
    return [decodeURIComponent(username), decodeURIComponent(password)];
  } catch {
    throw malformed('user or password has a "%" that starts no percent-encoding; write it as %25');
  }
}

function malformed(why: string) {
  return invalidOption(`The Redis URL cannot be used: ${why}. Expected ${FORM}.`);
}
