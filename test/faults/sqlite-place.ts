import Better from 'better-sqlite3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStore } from 'spillway/sqlite';
import type { Place } from './play';

/** A file of SQLite that two processes share, and the test. */
export class SqlitePlace implements Place {
  readonly store = 'sqlite';
  readonly perSecond = 60;
  private readonly folder = mkdtempSync(join(tmpdir(), 'spillway-sqlite-'));
  readonly path = join(this.folder, 'counts.db');
  readonly given = { kind: 'sqlite', path: this.path };
  readonly nowhere = { kind: 'sqlite', path: join(this.folder, 'none', 'counts.db') };

  direct() {
    return { store: sqliteStore(this.path) };
  }

  /** As another program would. */
  connect(): Better.Database {
    return new Better(this.path, { timeout: 5_000 });
  }

  close(): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
    return Promise.resolve();
  }
}
