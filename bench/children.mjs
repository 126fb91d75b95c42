// Child processes of the benchmark: pinned, bounded in time, ended by their id.
import { execFileSync, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

export const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Redis on core 1 and the client on core 0, where taskset and two cores are there; else the scheduler decides. */
export function pinning() {
  const free = { pinned: false, client: [], server: [] };
  if (process.platform !== 'linux' || availableParallelism() < 2) return free;
  try {
    for (const core of ['0', '1']) execFileSync('taskset', ['-c', core, 'true'], { stdio: 'ignore' });
  } catch {
    return free;
  }
  return { pinned: true, client: ['taskset', '-c', '0'], server: ['taskset', '-c', '1'] };
}

/** Runs node with `args` behind `prefix` and gives its standard output; `onOutput` sees the first of it at once. */
export function runNode(prefix, args, limitMs, onOutput = () => {}) {
  const [command, ...rest] = [...prefix, process.execPath, ...args];
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    const stop = () => child.kill('SIGKILL');
    const late = setTimeout(stop, limitMs);
    process.once('exit', stop);
    let output = '';
    child.stdout.on('data', (chunk) => {
      if (output === '') onOutput();
      output += chunk;
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(late);
      process.off('exit', stop);
      if (code === 0) resolve(output);
      else reject(new Error(`${args.join(' ')} ended with ${signal ?? code}`));
    });
  });
}
