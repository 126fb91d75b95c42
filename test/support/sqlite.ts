import { createRequire } from 'node:module';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Better from 'better-sqlite3';
import type { SqliteDatabase } from 'spillway/sqlite';

/** A Node that has node:sqlite. */
export const { NODE_WITH_SQLITE } = createRequire(__filename)('../../scripts/lib/node-with-sqlite.cjs') as {
  NODE_WITH_SQLITE: string;
};

/** Paths in a folder of the test's own, which goes with it. */
export function files(): () => string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-sqlite-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let many = 0;
  return () => join(folder, `${many++}.db`);
}

/** What somebody else sees in the file. */
export function lookAt(path: string): Better.Database {
  return new Better(path, { timeout: 5_000 });
}

/** Notes the statements that run on a database; `before` may throw in place of one. */
export function watched(database: SqliteDatabase, before: (sql: string) => void = () => {}) {
  const ran: string[] = [];
  const wrapped: SqliteDatabase = {
    prepare(sql) {
      const statement = database.prepare(sql);
      const noted =
        <T>(run: (values: (string | number)[]) => T) =>
        (...values: (string | number)[]) => {
          ran.push(sql);
          before(sql);
          return run(values);
        };
      return {
        run: noted((values) => statement.run(...values)),
        get: noted((values) => statement.get(...values)),
        all: noted((values) => statement.all(...values)),
      };
    },
    exec(sql) {
      ran.push(sql);
      before(sql);
      return database.exec(sql);
    },
    close: () => database.close(),
  };
  return { database: wrapped, ran };
}
