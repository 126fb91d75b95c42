// The example app as `npm start` runs it, and a Redis of one's own: for what asks from outside.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { root } from './addon.mjs';
import { freePort } from './example.mjs';

/** Starts the app; resolves once it has printed its address. What it prints is shown, and kept in `text()`. */
export async function serveExample(env) {
  const child = spawn(process.execPath, [join(root, 'scripts/start.mjs')], {
    env: {
      ...process.env,
      PORT: String(await freePort(3400)),
      REDIS_URL: '',
      REDIS_SENTINELS: '',
      ADMIN_PASSWORD: '',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let text = '';
  const address = await new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      process.stdout.write(chunk);
      text += chunk;
      const found = /^\s*(http:\/\/localhost:\d+)$/m.exec(text);
      if (found) resolve(found[1]);
    });
    ended.then(() => reject(new Error('npm start ended before it printed an address.')));
  });
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  return { address, text: () => text, stop };
}

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
  return { url: `redis://127.0.0.1:${port}`, cli, start, stop };
}
