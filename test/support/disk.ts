import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Shim } from './shim';

/** A disk that the test fills, for a server that is started with `env`. Linux only: it rests on LD_PRELOAD. */
export class Disk {
  private readonly shim = new Shim('disk-shim');
  private readonly file = join(this.shim.folder, 'full');
  readonly env: NodeJS.ProcessEnv = { LD_PRELOAD: this.shim.library, TEST_DISK_FILE: this.file };

  /** No file below this folder grows from now on. */
  fill(folder: string): void {
    writeFileSync(this.file, folder);
  }

  free(): void {
    rmSync(this.file, { force: true });
  }

  close(): void {
    this.shim.close();
  }
}
