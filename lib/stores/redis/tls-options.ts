import { invalidOption } from '../../base/errors';
import { tls } from '../../base/lazy';
import { NO_TLS, type NativeTls } from '../native/native';
import { refuseUnknown } from '../../base/validate';

/** PEM text, or the bytes of such a file. */
export type Pem = string | Uint8Array;

/** How TLS is spoken, where it differs from the default: Node's trusted roots, and the name that is connected to. */
export interface TlsOptions {
  /** Whom to trust, in place of Node's roots. */
  ca?: Pem | readonly Pem[];
  /** The client's certificate, with its chain behind it. */
  cert?: Pem;
  /** The key of `cert`, not encrypted. */
  key?: Pem;
  /** The name to ask for and to verify, in place of the host that is connected to. */
  servername?: string;
  /** False: any certificate will do, so whoever is in between can read and answer. Default true. */
  rejectUnauthorized?: boolean;
}

const CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]+-----END \1-----/;
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[^-]+-----END \1-----/;

/**
 * Reads `tls`: absent or false, true, or an object. Messages quote nothing: a key is a secret.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function readTls(value: unknown, name: string): NativeTls {
  if (value === undefined || value === false) return NO_TLS;
  if (value === true) return { ...NO_TLS, enabled: true };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidOption(
      `${name} must be true, false, or an object with ca, cert, key, servername or rejectUnauthorized.`,
    );
  }
  refuseUnknown(value, ['ca', 'cert', 'key', 'servername', 'rejectUnauthorized'], `${name}.`);
  const { ca, cert, key, servername, rejectUnauthorized } = value as Record<string, unknown>;
  if (rejectUnauthorized !== undefined && typeof rejectUnauthorized !== 'boolean') {
    throw invalidOption(`${name}.rejectUnauthorized must be true or false.`);
  }
  if (servername !== undefined && (typeof servername !== 'string' || !/^[\w.:%-]+$/.test(servername))) {
    throw invalidOption(`${name}.servername must be a host name or an address.`);
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw invalidOption(`${name}: cert and key belong together; give both or neither.`);
  }
  const authorities: unknown[] = Array.isArray(ca) ? ca : ca === undefined ? [] : [ca];
  const config = {
    enabled: true,
    ca: authorities.map((one) => readPem(one, CERTIFICATE, `${name}.ca`)).join('\n'),
    cert: cert === undefined ? '' : readPem(cert, CERTIFICATE, `${name}.cert`),
    key: key === undefined ? '' : readPem(key, PRIVATE_KEY, `${name}.key`),
    servername: servername ?? '',
    verify: rejectUnauthorized ?? true,
  };
  if (config.cert !== '') tryOut(config, name);
  return config;
}

/** A bundle in `ca` is not read here: that takes long. Node reads PEM with the same OpenSSL as the connection will. */
function tryOut({ cert, key }: NativeTls, name: string): void {
  try {
    tls().createSecureContext({ cert, key });
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n', 1)[0] : 'no reason is known';
    throw invalidOption(
      `${name}: cert or key cannot be used; the key must be that of the certificate, and not encrypted. (${why})`,
    );
  }
}

function readPem(value: unknown, kind: RegExp, name: string): string {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value;
  if (typeof text === 'string' && kind.test(text)) return text;
  throw invalidOption(
    `${name} must be PEM: the contents of a file that begins with -----BEGIN, not its path.`,
  );
}
