import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreignEnv } from './foreign';

/** A C file of this folder, compiled for LD_PRELOAD into a temporary folder that close() removes. Linux only. */
export class Shim {
  readonly folder = mkdtempSync(join(tmpdir(), 'spillway-shim-'));
  readonly library: string;

  constructor(name: string) {
    // Databases run as users of their own.
    chmodSync(this.folder, 0o755);
    this.library = join(this.folder, `${name}.so`);
    const source = join(__dirname, `${name}.c`);
    // A sanitizer that is preloaded for the addon is none of the compiler's business.
    const env = foreignEnv();
    try {
      execFileSync(process.env.CC ?? 'cc', ['-shared', '-fPIC', '-O1', '-o', this.library, source], { env });
    } catch (reason) {
      this.close();
      throw reason;
    }
  }

  /** For a node process: what is preloaded into this one (a sanitizer) comes first there too. */
  get preloadForNode(): string {
    return [process.env.LD_PRELOAD, this.library].filter(Boolean).join(':');
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
