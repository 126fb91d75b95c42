import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './process';
import { until } from './wait';

const BIN = join(ROOT, 'dist/cli/bin.js');

export interface ServiceOptions {
  /** What `spillway.config.json` holds; undefined: there is none. */
  config?: object;
  /** The same as a module. */
  module?: string;
  env?: NodeJS.ProcessEnv;
  args?: string[];
}

/** A line of its log. */
export interface Line {
  level: string;
  event: string;
  [more: string]: unknown;
}

export interface Answer {
  status: number;
  headers: Headers;
  /** Of whatever form. */
  body: ReturnType<typeof JSON.parse>;
}

/** `spillway serve` in a process and a folder of its own, on a free port. */
export class Service {
  readonly folder = mkdtempSync(join(tmpdir(), 'spillway-serve-'));
  readonly lines: Line[] = [];
  err = '';
  private readonly child: ChildProcess;
  private readonly closed: Promise<number | null>;

  private constructor({ config, module, env = {}, args = [] }: ServiceOptions) {
    if (config !== undefined) this.write(JSON.stringify(config));
    if (module !== undefined) this.write(module, 'spillway.config.mjs');
    const { PATH } = process.env;
    this.child = spawn(process.execPath, [BIN, 'serve', '--port', '0', ...args], {
      cwd: this.folder,
      env: { PATH, ...env },
    });
    let partial = '';
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (partial + text).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) this.lines.push(JSON.parse(line) as Line);
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.err += text));
    this.closed = once(this.child, 'close').then(([code]: (number | null)[]) => code ?? null);
  }

  /** As soon as it listens; throws what it says where it does not. */
  static async start(options: ServiceOptions = {}): Promise<Service> {
    const service = new Service(options);
    const isOver = () => service.child.exitCode !== null;
    await until('it starts', () => isOver() || service.said('started') !== undefined, { withinMs: 15_000 });
    if (!isOver()) return service;
    await service.closed;
    await service.close();
    throw new Error(`code ${service.child.exitCode}: ${service.err}`);
  }

  get port(): number {
    return this.said('started')?.['port'] as number;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get ended(): Promise<number | null> {
    return this.closed;
  }

  said(event: string): Line | undefined {
    return this.lines.find((line) => line.event === event);
  }

  /** The next line of an event, after so many that were there. */
  async hears(event: string, after = 0): Promise<Line> {
    const all = () => this.lines.filter((line) => line.event === event);
    await until(`it says ${event}`, () => all().length > after);
    return all()[after]!;
  }

  write(text: string, name = 'spillway.config.json'): void {
    writeFileSync(join(this.folder, name), text);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** @param key an API key; undefined: none */
  async ask(path: string, init: RequestInit & { key?: string } = {}): Promise<Answer> {
    const { key, ...rest } = init;
    const headers = new Headers(rest.headers);
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`);
    const response = await fetch(this.url + path, { ...rest, headers });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    const body: unknown = isJson && text !== '' ? JSON.parse(text) : text;
    return { status: response.status, headers: response.headers, body };
  }

  post(path: string, body: unknown, key?: string): Promise<Answer> {
    return this.ask(path, {
      method: 'POST',
      key,
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  async close(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGKILL');
      await this.closed;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
