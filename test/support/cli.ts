import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './process';
import { until } from './wait';

const BIN = join(ROOT, 'dist/cli/bin.js');

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}

/** The command while it runs. */
export class Running {
  out = '';
  err = '';
  readonly ended: Promise<Ran>;

  /** @param env besides what is needed to run at all */
  constructor(
    args: readonly string[],
    env: NodeJS.ProcessEnv,
    cwd: string,
    readonly child: ChildProcess = start(args, env, cwd),
  ) {
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.err += text));
    this.ended = new Promise((resolve) =>
      child.once('close', (code) => resolve({ code, out: this.out, err: this.err })),
    );
  }

  /** What it has printed, once that fits. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    await until(`it prints ${pattern}`, () => pattern.test(this.out) || this.child.exitCode !== null);
    const found = pattern.exec(this.out);
    if (found === null) throw new Error(`It ended without a word of ${pattern}: ${this.out}${this.err}`);
    return found;
  }

  async close(): Promise<void> {
    if (this.child.exitCode === null) this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** As start(), with a terminal for its output. */
const TERMINAL = ['python3', '-c', 'import pty, sys; pty.spawn(sys.argv[1:])', process.execPath];

function start(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
  [program, ...before]: readonly string[] = [process.execPath],
): ChildProcess {
  const { PATH, LD_PRELOAD, ASAN_OPTIONS, LSAN_OPTIONS, UBSAN_OPTIONS } = process.env;
  const inherited = { PATH, LD_PRELOAD, ASAN_OPTIONS, LSAN_OPTIONS, UBSAN_OPTIONS };
  return spawn(program!, [...before, BIN, ...args], { cwd, env: { ...inherited, ...env } });
}

/** Runs the command `spillway` on a terminal, until it is closed. */
export function onTerminal(args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Running {
  return new Running(args, env, cwd, start(args, env, cwd, TERMINAL));
}

/** Runs the command `spillway` in a folder, to its end. */
export function runIn(folder: string) {
  return (args: string[], env: NodeJS.ProcessEnv = {}, cwd = folder): Promise<Ran> =>
    new Running(args, env, cwd).ended;
}
