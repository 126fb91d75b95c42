import { CallStore, PATIENCE_MS, type Answer, type Call } from '../sql/calls';
import { Connection } from './connection';
import type { Source } from './file';
import type { Settings } from './options';

/** Counts in a table of SQLite, decided by the steps of the addon. It opens nothing before the first call. */
export class SqliteStore extends CallStore {
  private opened: Connection | undefined;

  constructor(
    name: string,
    private readonly source: Source,
    private readonly settings: Settings,
  ) {
    super(name);
  }

  /** Limiters that are made afterwards open it anew. */
  close(): void {
    this.opened?.close();
    this.opened = undefined;
  }

  protected call(call: Call, deadlineMs: number): Promise<Answer> {
    return this.connection().batches.call(call, deadlineMs);
  }

  protected keys(after: string, before: string, many: number): Promise<readonly string[]> {
    return this.connection().keys(after, before, many, PATIENCE_MS);
  }

  private connection(): Connection {
    return (this.opened ??= new Connection(this.source, this.settings));
  }
}
