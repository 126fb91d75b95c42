import { spawn } from 'node:child_process';
import { join } from 'node:path';

export const ROOT = join(__dirname, '..', '..');

export interface ScriptOptions {
  /** How the script is read: `import` or `require`. */
  type?: 'module' | 'commonjs';
  env?: NodeJS.ProcessEnv;
  /** What the script finds in the variable `given`. */
  given?: unknown;
  nodeArgs?: string[];
  /** Another Node than this one. */
  node?: string;
  /** The script ends by process.exit or an exception: node then frees little, and a leak check would name that. */
  abrupt?: boolean;
  /** The script reports its memory: a sanitizer holds back little of what was freed. */
  measured?: boolean;
  /** The script is killed, and `late` is true, when it still runs then. */
  withinMs?: number;
}

export interface ScriptResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What the script gave to `report(...)`, in order. */
  reports: unknown[];
  stdout: string;
  stderr: string;
  /** From start to exit. */
  ms: number;
  late: boolean;
}

const PREFIX = '@report ';
/** Instrumented builds run several times slower. */
const PATIENCE_MS = /asan|tsan/.test(process.env.LD_PRELOAD ?? '') ? 50_000 : 20_000;

/** A running script; `line` waits for its reports while it runs, `ended` for its end. */
export class Script {
  readonly ended: Promise<ScriptResult>;
  private readonly child;
  private readonly reports: unknown[] = [];
  private readonly waiters: (() => void)[] = [];
  private over = false;

  constructor(source: string, options: ScriptOptions = {}) {
    const {
      type = 'commonjs',
      env = {},
      given,
      nodeArgs = [],
      node = process.execPath,
      abrupt = false,
      measured = false,
      withinMs = PATIENCE_MS,
    } = options;
    const prelude =
      `const report = (value) => process.stdout.write(${JSON.stringify(PREFIX)} + JSON.stringify(value) + '\\n');` +
      `const given = ${JSON.stringify(given ?? null)};`;
    const args = [...nodeArgs, `--input-type=${type}`, '--eval', `${prelude}\n${source}`];
    const inherited = { ...process.env };
    for (const name of ['REDIS_URL', 'REDIS_PASSWORD', 'RATELIMIT_ENABLE']) delete inherited[name];
    const more = [...(abrupt ? ['detect_leaks=0'] : []), ...(measured ? ['quarantine_size_mb=8'] : [])];
    if (more.length > 0) inherited.ASAN_OPTIONS = [inherited.ASAN_OPTIONS ?? '', ...more].join(':');
    this.child = spawn(node, args, { cwd: ROOT, env: { ...inherited, ...env } });
    this.ended = this.run(withinMs);
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** What it has reported until now. */
  get soFar(): readonly unknown[] {
    return this.reports;
  }

  get hasEnded(): boolean {
    return this.over;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Writes a line to the script's standard input. */
  tell(line: string): void {
    this.child.stdin.write(`${line}\n`);
  }

  /** The report with this number, 0 for the first, as soon as it is there. */
  async report(index: number): Promise<unknown> {
    while (this.reports.length <= index) {
      if (this.over) throw new Error(`the script ended early: ${JSON.stringify(await this.ended)}`);
      await new Promise<void>((resolve) => this.waiters.push(resolve));
    }
    return this.reports[index];
  }

  private run(withinMs: number): Promise<ScriptResult> {
    const start = performance.now();
    let late = false;
    let stdout = '';
    let stderr = '';
    let partial = '';
    const timer = setTimeout(() => {
      late = true;
      this.child.kill('SIGKILL');
    }, withinMs);
    this.child.stdin.on('error', () => {});
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const lines = (partial + text).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith(PREFIX)) this.reports.push(JSON.parse(line.slice(PREFIX.length)));
      }
      this.wake();
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    return new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => {
        clearTimeout(timer);
        const ms = performance.now() - start;
        resolve({ code, signal, reports: this.reports, stdout, stderr, ms, late });
        this.over = true;
        this.wake();
      });
    });
  }

  private wake(): void {
    for (const waiter of this.waiters.splice(0)) waiter();
  }
}

/** Runs a script to its end. It ends with an error where a promise is rejected and nobody handles it. */
export function runScript(source: string, options?: ScriptOptions): Promise<ScriptResult> {
  return new Script(source, options).ended;
}

/** As runScript, and fails the test unless the script ended by itself and without error; gives its reports. */
export async function reportsOf<T = unknown>(source: string, options?: ScriptOptions): Promise<T[]> {
  const result = await runScript(source, options);
  if (result.code !== 0 || result.late) {
    const how = result.late ? 'a timeout' : (result.signal ?? `code ${result.code}`);
    throw new Error(
      `the script ended with ${how} and ${result.reports.length} reports:\n${result.stderr}${result.stdout}`,
    );
  }
  return result.reports as T[];
}
