import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreignEnv } from './foreign';
import { freePort } from './ports';
import { RawClient } from './raw-client';
import type { Reply } from './resp';
import { delay } from './wait';

export interface RedisOptions {
  /** More of redis.conf, as arguments: `['--maxmemory', '1mb']`. */
  args?: string[];
  password?: string;
  /** Environment of the server, such as a SetClock's. */
  env?: NodeJS.ProcessEnv;
}

/** A real redis-server of the test's own, on a free port, in a folder of its own. */
export class RedisServer {
  private child: ChildProcess | undefined;
  private admin: RawClient | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), 'spillway-redis-'));

  private constructor(
    readonly port: number,
    private readonly options: RedisOptions,
  ) {}

  static async start(options: RedisOptions = {}): Promise<RedisServer> {
    for (;;) {
      const server = new RedisServer(await freePort(), options);
      try {
        await server.start();
        return server;
      } catch (reason) {
        const log = server.log();
        server.removeFolder();
        // Another test was faster; anything else is a real failure.
        if (!log.includes('Address already in use')) throw new Error(`${String(reason)}\n${log}`);
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts the server (again), on the same port, and waits until it answers. Its data is gone. */
  async start(...more: string[]): Promise<void> {
    const { args = [], password, env } = this.options;
    const own = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.folder, '--save', ''];
    const log = ['--logfile', join(this.folder, 'log'), '--enable-debug-command', 'local'];
    const auth = password === undefined ? [] : ['--requirepass', password];
    const child = spawn('redis-server', [...own, ...log, ...auth, ...args, ...more], {
      env: foreignEnv(env),
      stdio: 'ignore',
    });
    this.child = child;
    await this.ready(child);
  }

  /** A connection of the test's own, logged in. */
  async connect(): Promise<RawClient> {
    const client = await RawClient.connect(this.port);
    if (this.options.password !== undefined) await client.send('AUTH', this.options.password);
    return client;
  }

  /** Sends one command on the test's standing connection. */
  async command(...args: (string | number)[]): Promise<Reply> {
    if (this.admin === undefined || this.admin.socket.destroyed) this.admin = await this.connect();
    return this.admin.send(...args);
  }

  /** Calls of each command since the last CONFIG RESETSTAT: `{ incr: 3 }`. */
  async calls(): Promise<Record<string, number>> {
    const text = String(await this.command('INFO', 'commandstats'));
    const lines = text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
    return Object.fromEntries(
      [...lines].map(([, name = '', calls]): [string, number] => [name, Number(calls)]),
    );
  }

  async info(field: string): Promise<string> {
    const text = String(await this.command('INFO', 'everything'));
    return new RegExp(`^${field}:(.*)\\r$`, 'm').exec(text)?.[1] ?? '';
  }

  /** Units charged to a key, 0 where there is none: the ledger's side of the server. */
  async charged(key: string): Promise<number> {
    return Number((await this.command('GET', key)) ?? 0);
  }

  get running(): boolean {
    const { child } = this;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** SIGSTOP: connections stay open and nothing answers. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  /** Ends the server now; its port stays ours. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.admin?.close();
    const { child } = this;
    if (child === undefined || !this.running) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async close(): Promise<void> {
    await this.kill();
    this.removeFolder();
  }

  private removeFolder(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private log(): string {
    try {
      return readFileSync(join(this.folder, 'log'), 'utf8');
    } catch {
      return '(no log)';
    }
  }

  private async ready(child: ChildProcess): Promise<void> {
    let failed: Error | undefined;
    child.once('error', (reason) => (failed = reason));
    child.once('exit', (code) => (failed ??= new Error(`redis-server ended with ${code}`)));
    const deadline = performance.now() + 10_000;
    for (;;) {
      if (failed !== undefined) throw failed;
      if (performance.now() > deadline) throw new Error('redis-server does not answer');
      try {
        await this.command('PING');
        // Anybody may answer on a port; only ours writes this process id.
        if ((await this.info('process_id')) === `${child.pid}`) return;
      } catch {
        // Not listening yet, or still loading.
      }
      await delay(10);
    }
  }
}
