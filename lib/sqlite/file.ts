import { invalidOption } from '../base/errors';
import { betterSqlite, fs, nodeSqlite } from '../base/lazy';
import { isUnloaded } from './errors';
import type { SqliteDatabase } from './types';

/** A database that is ours to open and to close, or somebody's that is open. */
export interface Source {
  /** Whether it is ours: its settings are, and it is opened anew after a failure. */
  readonly isOurs: boolean;
  open(): SqliteDatabase;
  /** Whether what was opened is no longer what the path names. */
  isGone(): boolean;
}

export const lent = (database: SqliteDatabase): Source => ({
  isOurs: false,
  open: () => database,
  isGone: () => false,
});

/** How long a file that was deleted or replaced may be counted in. */
const LOOK_MS = 500;

/** A file that better-sqlite3 opens, or node:sqlite where that is not there. */
export class FileSource implements Source {
  readonly isOurs = true;
  private opened = '';
  private lookedMs = 0;

  /** @throws RateLimitError `ERR_INVALID_OPTION` */
  constructor(private readonly path: string) {
    if (betterSqlite() !== undefined || nodeSqlite() !== undefined) return;
    throw invalidOption(
      'sqliteStore(path) needs better-sqlite3, or Node 22.13 and newer, which has SQLite itself: npm install better-sqlite3.',
    );
  }

  open(): SqliteDatabase {
    const database = this.openFile();
    this.opened = this.identity();
    this.lookedMs = performance.now();
    return database;
  }

  isGone(): boolean {
    const nowMs = performance.now();
    if (this.path === ':memory:' || nowMs - this.lookedMs < LOOK_MS) return false;
    this.lookedMs = nowMs;
    return this.identity() !== this.opened;
  }

  // Without a time to be busy for: waiting in SQLite would stop the event loop.
  private openFile(): SqliteDatabase {
    const Better = betterSqlite();
    const Own = nodeSqlite()?.DatabaseSync;
    try {
      if (Better !== undefined) return new Better(this.path, { timeout: 0 });
    } catch (error) {
      if (Own === undefined || !isUnloaded(error)) throw error;
    }
    return new Own!(this.path);
  }

  private identity(): string {
    const stat = fs().statSync(this.path, { throwIfNoEntry: false });
    return stat === undefined ? '' : `${stat.dev}:${stat.ino}`;
  }
}
