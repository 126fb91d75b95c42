// A Redis of one's own, for scripts that ask from outside.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePort } from './example.mjs';

/** A redis-server in a folder of its own that goes with this process; it can be stopped and started again. */
export async function ownRedis() {
  const port = await freePort(7400);
  const folder = mkdtempSync(join(tmpdir(), 'spillway-redis-'));
  let server;
  const runs = () => server !== undefined && server.exitCode === null && server.signalCode === null;
  const cli = (...args) =>
    execFileSync('redis-cli', ['-p', String(port), ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
  const answers = () => {
    try {
      return cli('PING') === 'PONG';
    } catch {
      return false;
    }
  };

  async function start() {
    if (runs()) return;
    server = spawn('redis-server', ['--port', String(port), '--dir', folder, '--save', ''], {
      stdio: 'ignore',
    });
    while (!answers()) {
      if (!runs()) throw new Error('redis-server ended before it answered.');
      await setTimeout(50);
    }
  }

  async function stop() {
    if (!runs()) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }

  process.on('exit', () => {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  await start();
  return { url: `redis://127.0.0.1:${port}`, port, cli, start, stop };
}
