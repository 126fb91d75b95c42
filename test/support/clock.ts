import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SetClockOptions {
  /** For a node process: what is preloaded into this one (a sanitizer) comes first there too. */
  node?: boolean;
  /** Also set the monotonic clock: for a node process that is to live in the test's time altogether. */
  monotonic?: boolean;
}

/** A clock that the test sets, for a child process started with `env`. Linux only: it rests on LD_PRELOAD. */
export class SetClock {
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
  private readonly folder = mkdtempSync(join(tmpdir(), 'spillway-clock-'));
  private readonly fd: number;

  constructor(private readonly options: SetClockOptions = {}) {
    const library = join(this.folder, 'clock-shim.so');
    this.file = join(this.folder, 'clock');
    const source = join(__dirname, 'clock-shim.c');
    // A sanitizer that is preloaded for the addon is none of the compiler's business.
    const env = { ...process.env, LD_PRELOAD: '' };
    try {
      execFileSync(process.env.CC ?? 'cc', ['-shared', '-fPIC', '-O1', '-o', library, source], { env });
    } catch (reason) {
      rmSync(this.folder, { recursive: true });
      throw reason;
    }
    this.fd = openSync(this.file, 'w+');
    writeSync(this.fd, Buffer.alloc(4096));
    const preload = options.node || options.monotonic ? [process.env.LD_PRELOAD, library] : [library];
    this.env = { LD_PRELOAD: preload.filter(Boolean).join(':'), TEST_CLOCK_FILE: this.file };
  }

  /** Stops the clock at this instant, in milliseconds since the epoch. */
  set(ms: number): void {
    const ns = BigInt(ms) * 1_000_000n;
    this.write(ns, this.options.monotonic ? ns : 0n, 0n);
  }

  /** Lets the clock run by itself, so much ahead of (or behind) the machine's. */
  skew(ms: number): void {
    this.write(0n, 0n, BigInt(ms) * 1_000_000n);
  }

  close(): void {
    closeSync(this.fd);
    rmSync(this.folder, { recursive: true });
  }

  private write(...numbers: bigint[]): void {
    writeSync(this.fd, Buffer.from(new BigInt64Array(numbers).buffer), 0, 24, 0);
  }
}
