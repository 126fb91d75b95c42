import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Shim } from './shim';

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
  private readonly shim = new Shim('clock-shim');
  private readonly fd: number;

  constructor(private readonly options: SetClockOptions = {}) {
    this.file = join(this.shim.folder, 'clock');
    this.fd = openSync(this.file, 'w+');
    writeSync(this.fd, Buffer.alloc(4096));
    const inNode = options.node || options.monotonic;
    this.env = {
      LD_PRELOAD: inNode ? this.shim.preloadForNode : this.shim.library,
      TEST_CLOCK_FILE: this.file,
    };
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
    this.shim.close();
  }

  private write(...numbers: bigint[]): void {
    writeSync(this.fd, Buffer.from(new BigInt64Array(numbers).buffer), 0, 24, 0);
  }
}
