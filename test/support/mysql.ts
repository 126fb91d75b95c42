import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPool, type Pool, type PoolOptions, type RowDataPacket } from 'mysql2/promise';
import { migrate, type MysqlConnection, type MysqlPromisePool } from 'spillway/mysql';
import { foreignEnv } from './foreign';
import { freePort } from './ports';
import { delay } from './wait';

export const PASSWORD = 'pa55';
/** Of asynchronous reads a machine has so many, for all servers on it. */
const AIO = '--skip-innodb-use-native-aio';

const program = (name: string) =>
  ['/usr/sbin', '/usr/bin'].map((folder) => join(folder, name)).find(existsSync) ?? name;

/** MariaDB does not run as root. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'mysql'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** A real MariaDB of the test's own, on a free port, in a folder of its own. Its superuser is `root`, the users' is `app`. */
export class MysqlServer {
  readonly admin: Pool;
  private child: ChildProcess | undefined;
  private readonly pools: Pool[] = [];

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {
    this.admin = this.pool({ user: 'root', password: '', connectionLimit: 2, multipleStatements: true });
  }

  /** @param env of the server, such as a Disk's */
  static async start(env: NodeJS.ProcessEnv = {}): Promise<MysqlServer> {
    const folder = mkdtempSync(join(tmpdir(), 'spillway-mysql-'));
    const { uid, gid } = unprivileged();
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary);
    for (const owned of [folder, temporary]) if (uid !== undefined) chownSync(owned, uid, gid!);
    const options = [
      `--tmpdir=${temporary}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      '--skip-name-resolve',
      AIO,
    ];
    execFileSync(
      program('mariadb-install-db'),
      ['--no-defaults', `--datadir=${join(folder, 'data')}`, ...options],
      { cwd: folder, env: foreignEnv(), stdio: 'pipe', ...unprivileged() },
    );
    const server = new MysqlServer(await freePort(), folder, env);
    await server.start();
    await server.admin.query(`CREATE USER app@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'`);
    return server;
  }

  /** The folder of its files. */
  get data(): string {
    return join(this.folder, 'data');
  }

  /** Starts it (again), on the same port and data, and waits until it answers. */
  async start(): Promise<void> {
    const settings = {
      datadir: this.data,
      // A server that starts removes the temporary tables of every other in the same folder.
      tmpdir: join(this.folder, 'tmp'),
      socket: join(this.folder, 'socket'),
      'pid-file': join(this.folder, 'pid'),
      'bind-address': '127.0.0.1',
      port: this.port,
      'max-connections': 200,
      'innodb-flush-log-at-trx-commit': 0,
      'innodb-buffer-pool-size': '64M',
    };
    const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    const child = spawn(program('mariadbd'), ['--no-defaults', '--skip-name-resolve', AIO, ...args], {
      cwd: this.folder,
      env: foreignEnv(this.env),
      stdio: 'ignore',
      ...unprivileged(),
    });
    this.child = child;
    const deadline = performance.now() + 20_000;
    for (;;) {
      try {
        await this.admin.query('SELECT 1');
        return;
      } catch (error) {
        if (child.exitCode !== null || performance.now() > deadline) throw error;
      }
      await delay(20);
    }
  }

  /** Who logs in as the application does. */
  get login() {
    return { host: '127.0.0.1', port: this.port, user: 'app', password: PASSWORD };
  }

  /** Ended with the server. */
  pool(options: PoolOptions = {}): Pool {
    const pool = createPool({ ...this.login, ...options });
    this.pools.push(pool);
    return pool;
  }

  /** A database of one's own with the counts in it, which `app` may use as the docs say. */
  async database(name: string): Promise<string> {
    await this.admin.query(`CREATE DATABASE ${name}`);
    await migrate(this.admin, { database: name });
    await this.admin.query(
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ${name}.spillway_counts TO app@'127.0.0.1'`,
    );
    return name;
  }

  /** The one value of the one row. */
  async one<T = number>(text: string): Promise<T> {
    const [[row]] = await this.admin.query<RowDataPacket[]>(text);
    return Object.values(row!)[0] as T;
  }

  /** SIGSTOP: connections stay open and nothing answers. */
  freeze(): void {
    this.child!.kill('SIGSTOP');
  }

  thaw(): void {
    this.child!.kill('SIGCONT');
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async close(): Promise<void> {
    this.thaw();
    await Promise.all(this.pools.map((pool) => pool.end()));
    await this.kill('SIGTERM');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What stands between a store and its pool: it sees each statement before it is sent, and may throw or wait. */
export function watched(
  pool: Pool,
  before: (sql: string, connection: MysqlConnection) => unknown,
): MysqlPromisePool & { readonly open: () => number; readonly ended: () => number } {
  let open = 0;
  let ended = 0;
  return {
    open: () => open,
    ended: () => ended,
    async getConnection() {
      const connection: MysqlConnection = await pool.getConnection();
      open++;
      return {
        async query(statement) {
          await before(statement.sql, connection);
          return connection.query(statement);
        },
        release: () => (open--, connection.release()),
        destroy: () => (open--, ended++, connection.destroy()),
      };
    },
  };
}

/** Notes the statements that go to a pool, and the numbers of the errors that come back. */
export function counted(pool: Pool) {
  const asked: string[] = [];
  const failures: unknown[] = [];
  return {
    asked,
    failures,
    /** Batches and other transactions. */
    transactions: () => asked.filter((sql) => sql === 'START TRANSACTION').length,
    async getConnection(): Promise<MysqlConnection> {
      const connection: MysqlConnection = await pool.getConnection();
      return {
        async query(statement) {
          asked.push(statement.sql);
          try {
            return await connection.query(statement);
          } catch (error) {
            failures.push((error as { errno?: number }).errno);
            throw error;
          }
        },
        release: () => connection.release(),
        destroy: () => connection.destroy(),
      };
    },
  };
}

/** A clock that is set and stands still, for the statements of one pool. */
export function clocked(pool: Pool) {
  let nowMs = Date.now();
  const asked: MysqlPromisePool = {
    async getConnection() {
      const connection = await pool.getConnection();
      await connection.query(`SET timestamp = ${nowMs / 1_000}`);
      return connection;
    },
  };
  return { asked, advance: (ms: number) => void (nowMs += ms) };
}
