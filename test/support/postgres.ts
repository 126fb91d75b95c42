import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool, type PoolConfig } from 'pg';
import { migrate, type MigrateOptions } from 'spillway/postgres';
import { foreignEnv } from './foreign';
import { freePort } from './ports';
import { delay } from './wait';

const DEBIAN = '/usr/lib/postgresql';
export const PASSWORD = 'pa55';

/** Debian's programs of the newest version, else those of the path. */
function program(name: string): string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(DEBIAN, version, 'bin', name)).find(existsSync) ?? name;
}

/** Neither PostgreSQL nor PgBouncer runs as root. */
export function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** A folder that servers of the tests may use. */
export function folderFor(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `spillway-${name}-`));
  const { uid, gid } = unprivileged();
  if (uid !== undefined) chownSync(folder, uid, gid!);
  return folder;
}

/** To a process that may have ended. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has.
  }
}

/** A real PostgreSQL of the test's own, on a free port, in a folder of its own. Its superuser is `owner`. */
export class PostgresServer {
  readonly admin: Pool;
  private child: ChildProcess | undefined;
  private readonly pools: Pool[] = [];
  private frozen: number[] = [];

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {
    this.admin = this.pool({ max: 2 });
  }

  /** @param env of the server, such as a Disk's */
  static async start(env: NodeJS.ProcessEnv = {}): Promise<PostgresServer> {
    const folder = folderFor('postgres');
    const secret = join(folder, 'secret');
    writeFileSync(secret, PASSWORD, { mode: 0o644 });
    const options = ['-U', 'owner', '-A', 'scram-sha-256', '--pwfile', secret, '-E', 'UTF8', '--locale', 'C'];
    execFileSync(program('initdb'), ['-D', join(folder, 'data'), '--no-sync', ...options], {
      cwd: folder,
      env: foreignEnv(),
      stdio: 'ignore',
      ...unprivileged(),
    });
    const server = new PostgresServer(await freePort(), folder, env);
    await server.start();
    return server;
  }

  /** The folder of its files. */
  get data(): string {
    return join(this.folder, 'data');
  }

  /** Starts it (again), on the same port and data, and waits until it answers. */
  async start(): Promise<void> {
    const settings = [
      'fsync=off',
      'max_connections=100',
      'unix_socket_directories=',
      'autovacuum_naptime=1h',
    ];
    const args = ['-D', this.data, '-p', `${this.port}`, '-h', '127.0.0.1'];
    const deadline = performance.now() + 20_000;
    for (;;) {
      const { child } = this;
      // One that was killed leaves processes which hold its memory for a moment, and lets no other begin.
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
        this.child = spawn(program('postgres'), [...args, ...settings.flatMap((one) => ['-c', one])], {
          cwd: this.folder,
          env: foreignEnv(this.env),
          stdio: 'ignore',
          ...unprivileged(),
        });
      }
      try {
        await this.admin.query('SELECT 1');
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
      await delay(20);
    }
  }

  get login() {
    return {
      host: '127.0.0.1',
      port: this.port,
      user: 'owner',
      password: PASSWORD,
      database: 'postgres',
    };
  }

  /** Ended with the server; what its idle connections meet is nobody's. */
  pool(config: PoolConfig = {}): Pool {
    const pool = new Pool({ ...this.login, ...config });
    pool.on('error', () => {});
    this.pools.push(pool);
    return pool;
  }

  /** A schema of one's own with the counts in it. */
  async schema(name: string, options: MigrateOptions = {}): Promise<string> {
    await this.admin.query(`CREATE SCHEMA ${name}`);
    await migrate(this.admin, { schema: name, ...options });
    return name;
  }

  /** The one value of the one row. */
  async one<T = number>(text: string, values: unknown[] = []): Promise<T> {
    const { rows } = await this.admin.query<Record<string, T>>(text, values);
    return Object.values(rows[0]!)[0]!;
  }

  /** SIGSTOP to every process of it: connections stay open and nothing answers. */
  freeze(): void {
    process.kill(this.child!.pid!, 'SIGSTOP');
    // It has no further children from here on.
    this.frozen = this.processes();
    for (const pid of this.frozen) signal(pid, 'SIGSTOP');
  }

  private processes(): number[] {
    const postmaster = this.child!.pid!;
    const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').split(' ');
    return [postmaster, ...children.filter(Boolean).map(Number)];
  }

  thaw(): void {
    for (const pid of this.frozen.splice(0)) signal(pid, 'SIGCONT');
  }

  /** All of it, where it is SIGKILL: what outlives its postmaster may answer once more. */
  async kill(how: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    const others = how === 'SIGKILL' ? this.processes().slice(1) : [];
    child.kill(how);
    for (const pid of others) signal(pid, how);
    await exited;
  }

  async close(): Promise<void> {
    this.thaw();
    await Promise.all(this.pools.map((pool) => pool.end()));
    await this.kill('SIGINT');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What stands between a store and its pool, and may count or alter. */
export interface Asked {
  readonly text: string;
  readonly values: string[];
}

/** Notes the statements that go to a pool, and the codes of those that fail. */
export function counted(pool: Pool) {
  const asked: Asked[] = [];
  const failures: string[] = [];
  return {
    asked,
    failures,
    query(text: string, values: string[] = []) {
      asked.push({ text, values });
      const answer = pool.query(text, values);
      answer.catch(({ code }: { code?: string }) => failures.push(`${code}`));
      return answer;
    },
  };
}

/** Every plan of a connection, as the server notes it. @param settings further ones of that connection */
export async function explained(pool: Pool, settings = ''): Promise<string[]> {
  const client = await pool.connect();
  const said: string[] = [];
  client.on('notice', ({ message }) => said.push(message ?? ''));
  await client.query(`LOAD 'auto_explain'; SET client_min_messages = log; SET auto_explain.log_min_duration = 0;
    ${settings}`);
  client.release();
  return said;
}

/** A clock that is set: in this schema all read it, and it stands still. */
export async function setClock(server: PostgresServer, schema: string) {
  await server.admin.query(`
    CREATE TABLE ${schema}.clock (ms bigint); INSERT INTO ${schema}.clock VALUES (${Date.now()});
    CREATE OR REPLACE FUNCTION ${schema}.spillway_counts_now() RETURNS bigint LANGUAGE sql VOLATILE
      AS $$ SELECT ms FROM ${schema}.clock $$;`);
  return {
    set: (ms: number) => server.admin.query(`UPDATE ${schema}.clock SET ms = $1`, [ms]),
    advance: async (ms: number) => {
      await server.admin.query(`UPDATE ${schema}.clock SET ms = ms + $1`, [ms]);
    },
  };
}
