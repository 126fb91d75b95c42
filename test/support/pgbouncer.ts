import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { foreignEnv } from './foreign';
import { freePort } from './ports';
import { folderFor, PASSWORD, unprivileged, type PostgresServer } from './postgres';
import { until } from './wait';

const DEBIAN = '/usr/sbin/pgbouncer';

/** A real PgBouncer in transaction mode, with SCRAM on both sides, in front of a server. */
export async function pgbouncer(server: PostgresServer, connections: number) {
  const folder = folderFor('pgbouncer');
  const port = await freePort();
  const users = join(folder, 'users');
  const settings = join(folder, 'pgbouncer.ini');
  writeFileSync(users, `"owner" "${PASSWORD}"\n`);
  writeFileSync(
    settings,
    `[databases]
postgres = host=127.0.0.1 port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
max_client_conn = 500
default_pool_size = ${connections}
logfile = ${join(folder, 'log')}
`,
  );
  const child = spawn(existsSync(DEBIAN) ? DEBIAN : 'pgbouncer', [settings], {
    cwd: folder,
    env: foreignEnv(),
    stdio: 'ignore',
    ...unprivileged(),
  });
  const config = { host: '127.0.0.1', port };
  const probe = server.pool({ ...config, max: 1 });
  await until('PgBouncer answers', () =>
    probe.query('SELECT 1').then(
      () => true,
      () => false,
    ),
  );
  return {
    config,
    async close() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
