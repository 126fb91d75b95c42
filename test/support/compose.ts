import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { parse } from 'yaml';
import { foreignEnv } from './foreign';
import { freePort } from './ports';
import { ROOT } from './process';
import { until } from './wait';

export const DEPLOY = join(ROOT, 'examples/deploy');

interface ServiceFile {
  command: string[];
  /** The service runs an image of ours, which the test gives. */
  build?: unknown;
  environment?: Record<string, string>;
  volumes?: string[];
  secrets?: string[];
  healthcheck?: { test: ['CMD-SHELL', string] };
  depends_on?: string[] | Record<string, unknown>;
}

/** What stands for the image that a service builds. */
export interface BuiltImage {
  /** Starts a command where the image would: in its folder, with its environment and this. */
  spawn(command: readonly string[], env: NodeJS.ProcessEnv, log: string): ChildProcess;
}

/** Ports inside of containers. A cluster's bus is 10,000 above its server's. */
const INSIDE = [3000, 6379, 8080, 8443, 16379, 26379];

interface ComposeFile {
  services: Record<string, ServiceFile>;
  volumes?: Record<string, null>;
  secrets?: Record<string, { file: string }>;
}

/** Debian keeps nginx where only root's PATH leads. */
const env = () => foreignEnv({ PATH: `${process.env.PATH}:/usr/sbin` });

/**
 * A compose file played without containers. Each service runs its own command with its own copies of what is mounted
 * into it, nothing else; the contents are those of the repository, but for three things that containers would isolate:
 * `<service> <port>` becomes localhost and a free port, a service's own port a free one, and `/conf`, `/data` and
 * `/run/secrets` folders of the test's. A service that is built gets `PORT`, and is healthy once `/api/health` is.
 */
export class Compose {
  readonly folder = mkdtempSync(join(tmpdir(), 'spillway-compose-'));
  private readonly ports = new Map<string, number>();
  private readonly children = new Map<string, ChildProcess>();
  private readonly file: ComposeFile;

  private constructor(
    private readonly path: string,
    private readonly built: BuiltImage | undefined,
  ) {
    this.file = parse(readFileSync(path, 'utf8'), { merge: true }) as ComposeFile;
  }

  /** Starts `examples/deploy/<name>/compose.yaml` and waits until every service is healthy. */
  static async start(name: string, built?: BuiltImage): Promise<Compose> {
    const compose = new Compose(join(DEPLOY, name, 'compose.yaml'), built);
    try {
      await compose.up();
      return compose;
    } catch (reason) {
      const logs = compose.services.map((service) => `${service}:\n${compose.log(service)}`);
      await compose.close();
      throw new Error(`${String(reason)}\n${logs.join('\n')}`);
    }
  }

  get services(): string[] {
    return Object.keys(this.file.services);
  }

  /** Where a service's port is on this machine. */
  port(service: string, inside = 6379): number {
    const port = this.ports.get(`${service} ${inside}`);
    if (port === undefined) throw new Error(`no ${service} with port ${inside}`);
    return port;
  }

  pid(service: string): number {
    return this.children.get(service)?.pid ?? -1;
  }

  secret(name: string): string {
    return readFileSync(join(this.folder, 'secrets', name), 'utf8');
  }

  /** Runs a command as `docker compose exec` would: with the service's files. */
  exec(service: string, command: string): string {
    const line = this.localized(command, service);
    return execFileSync('sh', ['-c', line], {
      encoding: 'utf8',
      env: env(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Ends a service now, as the loss of its machine would. */
  async kill(service: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.children.get(service);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  /** Ends a service as `docker compose stop` would; its exit code. */
  async stop(service: string): Promise<number | null> {
    await this.kill(service, 'SIGTERM');
    return this.children.get(service)?.exitCode ?? null;
  }

  /** Starts a service (again): its volume is as it left it. */
  async run(service: string): Promise<void> {
    const words = this.of(service).command.map((part) => this.localized(part, service));
    const log = join(this.folder, service, 'log');
    const child = this.isBuilt(service)
      ? this.spawnBuilt(service, words, log)
      : this.spawnHere(service, words, log);
    this.children.set(service, child);
    await this.healthy(service, child);
  }

  private spawnHere(service: string, words: string[], log: string): ChildProcess {
    return spawn('sh', ['-c', 'exec "$0" "$@" >> "$LOG" 2>&1', ...words], {
      cwd: join(this.folder, service, 'data'),
      env: { ...env(), LOG: log },
      stdio: 'ignore',
    });
  }

  private spawnBuilt(service: string, words: string[], log: string): ChildProcess {
    if (this.built === undefined) throw new Error(`${service} needs an image`);
    const given = Object.entries(this.of(service).environment ?? {});
    const env = Object.fromEntries(given.map(([name, value]) => [name, this.localized(value, service)]));
    return this.built.spawn(words, { ...env, PORT: `${this.port(service, 3000)}` }, log);
  }

  private isBuilt(service: string): boolean {
    return this.of(service).build !== undefined;
  }

  async close(): Promise<void> {
    await Promise.all([...this.children.keys()].map((service) => this.kill(service)));
    // A server's forked child, which rewrites its file, may outlive it by a moment.
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  private async up(): Promise<void> {
    if (this.file.secrets !== undefined) this.makeSecrets();
    for (const service of this.services) {
      for (const inside of INSIDE) this.ports.set(`${service} ${inside}`, await freePort());
    }
    for (const service of this.services) this.mount(service);
    const waiting = new Set(this.services);
    while (waiting.size > 0) {
      const next = [...waiting].filter((service) => !this.needs(service).some((other) => waiting.has(other)));
      if (next.length === 0) throw new Error('services wait for each other');
      await Promise.all(next.map((service) => this.run(service)));
      for (const service of next) waiting.delete(service);
    }
  }

  private makeSecrets(): void {
    const made = spawnSync('sh', [join(DEPLOY, 'make-secrets.sh'), join(this.folder, 'secrets')], {
      env: env(),
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(`make-secrets.sh failed:\n${made.stderr}`);
  }

  private needs(service: string): string[] {
    const { depends_on: needed = [] } = this.of(service);
    return Array.isArray(needed) ? needed : Object.keys(needed);
  }

  private mount(service: string): void {
    for (const name of ['conf', 'data', 'run'])
      mkdirSync(join(this.folder, service, name), { recursive: true });
    for (const volume of this.of(service).volumes ?? []) {
      const [from = '', to = '', mode] = volume.split(':');
      if (from.startsWith('.')) {
        if (mode !== 'ro') throw new Error(`${volume} is written to by a container`);
        const text = readFileSync(join(dirname(this.path), from), 'utf8');
        writeFileSync(this.inside(service, to), this.localized(text, service));
      } else if (this.file.volumes?.[from] === undefined) {
        throw new Error(`the volume ${from} is not declared`);
      }
    }
    for (const name of this.of(service).secrets ?? []) {
      const secret = this.file.secrets?.[name];
      if (secret?.file !== `../secrets/${name}`) throw new Error(`the secret ${name} is not declared`);
      copyFileSync(
        join(this.folder, 'secrets', basename(secret.file)),
        join(this.folder, service, 'run', name),
      );
    }
  }

  private async healthy(service: string, child: ChildProcess): Promise<void> {
    const { healthcheck } = this.of(service);
    const isBuilt = this.isBuilt(service);
    if (healthcheck === undefined && !isBuilt) {
      // A service that runs once.
      const [code] = (await once(child, 'exit')) as [number | null];
      if (code !== 0) throw new Error(`${service} ended with ${code}:\n${this.log(service)}`);
      return;
    }
    await until(
      `${service} is healthy`,
      () => {
        if (child.exitCode !== null) throw new Error(`${service} ended with ${child.exitCode}`);
        if (isBuilt) return answers(`http://127.0.0.1:${this.port(service, 3000)}/api/health`);
        const line = this.localized(healthcheck!.test[1], service);
        return spawnSync('sh', ['-c', line], { env: env(), stdio: 'ignore' }).status === 0;
      },
      { withinMs: 20_000, everyMs: 50 },
    );
  }

  private of(service: string): ServiceFile {
    const found = this.file.services[service];
    if (found === undefined) throw new Error(`no service ${service}`);
    return found;
  }

  /**
   * With this machine's ports and paths. A cluster's bus gets a port of ours too: its own choice, 10,000 above, may be one
   * that the kernel gave to a connection.
   */
  private localized(text: string, service: string): string {
    const names = this.services.join('|');
    return text
      .replaceAll('$$', '$')
      .replace(
        new RegExp(`\\b(${names})([ :])(6379|26379|3000)\\b`, 'g'),
        (_all, name: string, gap: string, port: string) => {
          // nginx takes a name for each of its addresses, and servers of the app listen on one.
          const host = port === '3000' ? '127.0.0.1' : 'localhost';
          return `${host}${gap}${this.port(name, Number(port))}`;
        },
      )
      .replace(/((?:^|[\s-])(?:port|-p)) (6379|26379)\b/gm, (_all, before: string, port: string) => {
        return `${before} ${this.port(service, Number(port))}`;
      })
      .replace(/(\blisten |\blocalhost:)(8080|8443)\b/g, (_all, before: string, port: string) => {
        return `${before}${this.port(service, Number(port))}`;
      })
      .replace(/^cluster-enabled yes$/m, (line) => `${line}\ncluster-port ${this.port(service, 16379)}`)
      .replace(new RegExp(`announce-ip (?:${names})\\b`, 'g'), 'announce-ip localhost')
      .replace(/(?<![\w.])\/(?:conf|data|run\/secrets)\b/g, (path) => this.inside(service, path));
  }

  private inside(service: string, path: string): string {
    return join(this.folder, service, path.replace('/run/secrets', '/run'));
  }

  /** What a service has printed. */
  log(service: string): string {
    try {
      return readFileSync(join(this.folder, service, 'log'), 'utf8');
    } catch {
      return '(no log)';
    }
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
