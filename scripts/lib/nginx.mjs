// nginx in front of several servers, as a deployment has it, with a configuration and a folder of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { onPath } from './addon.mjs';
import { freePort } from './example.mjs';

/** Hands requests to the servers in turn; each answer names in `X-Upstream` the one that it came from. */
export async function startNginx(addresses) {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-nginx-'));
  const port = await freePort(20_000 + Math.floor(Math.random() * 20_000));
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr;
events { worker_connections 1024; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`).join(' ')}
  upstream app { ${addresses.map((address) => `server ${new URL(address).host};`).join(' ')} keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      add_header X-Upstream $upstream_addr always;
    }
  }
}
`,
  );
  // Debian keeps it where only root's PATH leads.
  const nginx = onPath('nginx') ?? '/usr/sbin/nginx';
  const child = spawn(nginx, ['-p', folder, '-c', file, '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  for (let tries = 0; !existsSync(join(folder, 'nginx.pid')); tries++) {
    if (child.exitCode !== null || tries === 100) throw new Error(`nginx does not start:\n${said}`);
    await setTimeout(50);
  }
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { address: `http://127.0.0.1:${port}`, stop };
}
