import type * as NodeTls from 'node:tls';
import { fs, tls } from '../../base/lazy';
import type { NativeTls } from '../native/native';

/** Since Node 22.15; it knows more than `rootCertificates`, such as `--use-system-ca`. */
type Tls = typeof NodeTls & { getCACertificates?: (type: 'default') => string[] };

/** A configuration whose trust is complete: without a `ca`, that of Node's own TLS. Nothing is read where none is used. */
export function withTrust(config: NativeTls): NativeTls {
  const given = !config.enabled || !config.verify || config.ca !== '';
  return given ? config : { ...config, ca: nodeRoots() };
}

/** Empty under `--use-openssl-ca`: OpenSSL's default paths, which SSL_CERT_FILE and SSL_CERT_DIR replace. */
function nodeRoots(): string {
  const { NODE_OPTIONS = '', NODE_EXTRA_CA_CERTS: extra } = process.env;
  if (process.execArgv.includes('--use-openssl-ca') || / --use-openssl-ca /.test(` ${NODE_OPTIONS} `))
    return '';
  const known = tls() as Tls;
  if (known.getCACertificates !== undefined) return known.getCACertificates('default').join('\n');
  return [...known.rootCertificates, extra ? readExtra(extra) : ''].join('\n');
}

function readExtra(path: string): string {
  try {
    return fs().readFileSync(path, 'utf8');
  } catch {
    // Node has warned of it.
    return '';
  }
}
