import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreignEnv } from './foreign';

/** A certificate and its key, as files and as PEM. */
export interface Identity {
  certFile: string;
  keyFile: string;
  cert: string;
  key: string;
}

export interface IssueOptions {
  /** Subject alternative names; default those of this machine. */
  names?: string;
  /** Valid for so many days; -1: until yesterday. */
  days?: number;
  /** May sign others. */
  authority?: boolean;
}

const HERE = 'DNS:localhost,IP:127.0.0.1,IP:::1';

/** A certificate authority of a test's own, made by the openssl command; its files go with close(). */
export class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), 'spillway-certificates-'));
  /** The authority's own certificate: whom to trust. */
  readonly root: Identity;

  /** Of its own making, or with what another authority issued. */
  constructor(root?: Identity) {
    this.root = root ?? this.make('ca', ['req', '-x509', '-days', '2', '-subj', '/CN=Test authority']);
  }

  /** A certificate of this authority's. */
  issue(name: string, { names = HERE, days = 2, authority = false }: IssueOptions = {}): Identity {
    const request = this.make(name, ['req', '-subj', `/CN=${name}`]);
    const extensions = join(this.folder, `${name}.ext`);
    writeFileSync(extensions, `subjectAltName=${names}\nbasicConstraints=CA:${authority}\n`);
    const signing = ['x509', '-req', '-in', request.certFile, '-days', `${days}`, '-extfile', extensions];
    const serial = ['-set_serial', `0x${randomBytes(8).toString('hex')}`];
    const by = ['-CA', this.root.certFile, '-CAkey', this.root.keyFile, ...serial];
    const certFile = join(this.folder, `${name}.pem`);
    openssl([...signing, ...by, '-out', certFile]);
    return { ...request, certFile, cert: readFileSync(certFile, 'utf8') };
  }

  /** A certificate that only itself vouches for. */
  selfSigned(name: string): Identity {
    return this.make(name, [
      'req',
      '-x509',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-addext',
      `subjectAltName=${HERE}`,
    ]);
  }

  /** The root once more, with the same key and its name in capitals: for X.509 the same name, in other bytes. */
  respelled(): string {
    const out = join(this.folder, 'respelled.crt');
    const subject = ['-subj', '/CN=TEST AUTHORITY'];
    openssl(['req', '-x509', '-days', '2', ...subject, '-key', this.root.keyFile, '-out', out]);
    return readFileSync(out, 'utf8');
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private make(name: string, args: string[]): Identity {
    const [certFile, keyFile] = [join(this.folder, `${name}.crt`), join(this.folder, `${name}.key`)];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
    openssl([...args, ...key, '-out', certFile]);
    return {
      certFile,
      keyFile,
      cert: readFileSync(certFile, 'utf8'),
      key: readFileSync(keyFile, 'utf8'),
    };
  }
}

function openssl(args: string[]): void {
  execFileSync('openssl', args, { env: foreignEnv(), stdio: 'pipe' });
}
