import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreignEnv } from './foreign';
import { freePort } from './ports';
import { RawClient } from './raw-client';
import { RedisServer, type RedisOptions } from './redis';
import type { Reply } from './resp';
import { until } from './wait';

export const MASTER = 'mymaster';

/** A sentinel of the test's own: a process with a port, a folder and a configuration file that it may rewrite. */
export class Sentinel {
  private child: ChildProcess | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), 'spillway-sentinel-'));

  private constructor(
    readonly port: number,
    lines: readonly string[],
    private readonly password: string | undefined,
  ) {
    const own = [`port ${port}`, 'bind 127.0.0.1', `dir "${this.folder}"`, `logfile "${this.folder}/log"`];
    writeFileSync(join(this.folder, 'conf'), [...own, ...lines, ''].join('\n'));
  }

  static async start(lines: readonly string[], password?: string): Promise<Sentinel> {
    const sentinel = new Sentinel(await freePort(), lines, password);
    await sentinel.start();
    return sentinel;
  }

  /** Starts it (again), with what it wrote into its file. */
  async start(): Promise<void> {
    const child = spawn('redis-server', [join(this.folder, 'conf'), '--sentinel'], {
      env: foreignEnv(),
      stdio: 'ignore',
    });
    this.child = child;
    await until('the sentinel answers', async () => {
      if (child.exitCode !== null) throw new Error(`the sentinel ended:\n${this.log()}`);
      return this.command('PING').then(
        () => true,
        () => false,
      );
    });
  }

  async command(...args: (string | number)[]): Promise<Reply> {
    const client = await RawClient.connect(this.port);
    try {
      if (this.password !== undefined) await client.send('AUTH', this.password);
      return await client.send(...args);
    } finally {
      await client.close();
    }
  }

  /** The port of the master that it names. */
  async named(): Promise<number> {
    const address = (await this.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER)) as string[];
    return Number(address[1]);
  }

  async knows(field: string): Promise<string> {
    const fields = (await this.command('SENTINEL', 'MASTER', MASTER)) as string[];
    return fields[fields.indexOf(field) + 1] ?? '';
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8');
  }
}

export interface SentinelSetOptions {
  downAfterMs?: number;
  redis?: RedisOptions;
  /** What `redis` needs of a sentinel to be logged in to: `['sentinel auth-pass mymaster secret']`. */
  lines?: readonly string[];
  /** The sentinels' own password. */
  password?: string;
}

/** A master, two replicas and three sentinels that know each other. */
export class SentinelSet {
  readonly servers: RedisServer[] = [];
  readonly sentinels: Sentinel[] = [];

  private constructor(readonly downAfterMs: number) {}

  static async start(options: SentinelSetOptions = {}): Promise<SentinelSet> {
    const set = new SentinelSet(options.downAfterMs ?? 1_000);
    try {
      await set.start(options);
      return set;
    } catch (reason) {
      await set.close();
      throw reason;
    }
  }

  /** Where the sentinels are, as the option takes it. */
  get nodes(): { host: string; port: number }[] {
    return this.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  get redis() {
    return { sentinels: { name: MASTER, nodes: this.nodes } };
  }

  /** The server that all living sentinels name. */
  async master(): Promise<RedisServer> {
    const [first, ...others] = await Promise.all(
      this.sentinels.map((sentinel) => sentinel.named().catch(() => undefined)),
    );
    const agreed = others.every((port) => port === first || port === undefined);
    const master = this.servers.find(({ port }) => port === first);
    if (!agreed || master === undefined) throw new Error('the sentinels do not agree');
    return master;
  }

  /** Waits until all living sentinels name a master other than this one, and it is one; how long that took. */
  async promoted(old: RedisServer): Promise<number> {
    return until(
      'another master',
      async () => {
        const ports = await Promise.all(this.sentinels.map((one) => one.named().catch(() => undefined)));
        const [port, ...others] = [...new Set(ports.filter((named) => named !== undefined))];
        const server = this.servers.find((one) => one.port === port);
        if (server === undefined || server === old || others.length > 0) return false;
        return (await server.info('role')) === 'master';
      },
      { withinMs: 20_000 },
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.sentinels.map((sentinel) => sentinel.close()));
    await Promise.all(this.servers.map((server) => server.close()));
  }

  private async start({ redis = {}, lines = [], password }: SentinelSetOptions): Promise<void> {
    const args = ['--repl-diskless-sync-delay', '0', ...(redis.args ?? [])];
    const master = await RedisServer.start({ ...redis, args });
    this.servers.push(master);
    const replica = { ...redis, args: [...args, '--replicaof', '127.0.0.1', `${master.port}`] };
    this.servers.push(...(await Promise.all([RedisServer.start(replica), RedisServer.start(replica)])));
    await until('both replicas follow', async () => (await master.info('connected_slaves')) === '2');
    const auth =
      password === undefined ? [] : [`requirepass ${password}`, `sentinel sentinel-pass ${password}`];
    const watched = [
      `sentinel monitor ${MASTER} 127.0.0.1 ${master.port} 2`,
      `sentinel down-after-milliseconds ${MASTER} ${this.downAfterMs}`,
      `sentinel failover-timeout ${MASTER} 6000`,
      ...auth,
      ...lines,
    ];
    for (let i = 0; i < 3; i++) this.sentinels.push(await Sentinel.start(watched, password));
    for (const sentinel of this.sentinels) {
      await until(
        'a sentinel knows the whole set',
        async () =>
          (await sentinel.knows('num-slaves')) === '2' &&
          (await sentinel.knows('num-other-sentinels')) === '2' &&
          (await sentinel.knows('flags')) === 'master',
        { withinMs: 15_000 },
      );
    }
  }
}
