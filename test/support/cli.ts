import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './process';

const BIN = join(ROOT, 'dist/cli/bin.js');

interface Ran {
  code: number | null;
  out: string;
  err: string;
}

/** Runs the command `spillway` in a folder, to its end. */
export function runIn(folder: string) {
  /** @param env besides what is needed to run at all */
  return function spillway(args: string[], env: NodeJS.ProcessEnv = {}, cwd = folder): Promise<Ran> {
    const { PATH, LD_PRELOAD, ASAN_OPTIONS, LSAN_OPTIONS, UBSAN_OPTIONS } = process.env;
    const inherited = { PATH, LD_PRELOAD, ASAN_OPTIONS, LSAN_OPTIONS, UBSAN_OPTIONS };
    const child = spawn(process.execPath, [BIN, ...args], { cwd, env: { ...inherited, ...env } });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
  };
}
