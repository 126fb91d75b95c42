// examples/next-app: its packages, its build, its server.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { quietly, root } from './addon.mjs';
import { isFresh } from './files.mjs';
import { installWithTarball, pack } from './packages.mjs';
import { step } from './steps.mjs';

const folder = join(root, 'examples/next-app');
const next = join(folder, 'node_modules/next/dist/bin/next');
const WRITTEN_BY_OTHERS = ['node_modules', '.next', 'next-env.d.ts', 'tsconfig.tsbuildinfo'];
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' };

/** Installs and builds what is out of date. */
export function buildExample() {
  const tarball = step('Packing spillway', pack);
  step("Installing the example's packages", () => installWithTarball(folder, tarball));
  const inputs = [folder, join(folder, 'node_modules/.spillway-tarball')];
  if (isFresh(join(folder, '.next/BUILD_ID'), inputs, WRITTEN_BY_OTHERS)) return;
  step('Building the example app', () => quietly(process.execPath, [next, 'build'], { cwd: folder, env }));
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}

export async function freePort(first) {
  for (let port = first; port <= 65_535; port++) if (await isFree(port)) return port;
  throw new Error(`No port is free from ${first} up.`);
}

async function answers(port) {
  try {
    return (await fetch(`http://localhost:${port}/api/health`)).ok;
  } catch {
    return false;
  }
}

/** Starts the built app, with more environment. */
export function spawnExample(port, more = {}) {
  const args = [next, 'start', '--port', String(port)];
  return spawn(process.execPath, args, {
    cwd: folder,
    env: { ...env, ...more },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Resolves once the app answers; rejects when it ends before that. */
export async function answering(server, port) {
  // Its banner names another address than ours; it is shown only if the start fails.
  let banner = '';
  let started = false;
  server.stdout.on('data', (chunk) => (started ? process.stdout.write(chunk) : (banner += chunk)));
  while (!(await answers(port))) {
    if (server.exitCode !== null || server.signalCode !== null) {
      throw new Error(`${banner}The example app ended before it answered.`);
    }
    await setTimeout(100);
  }
  started = true;
}
