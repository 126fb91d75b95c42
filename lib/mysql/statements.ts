/**
 * The statements, with all values in them: keys and states as hexadecimal, and whole numbers. So nothing is escaped, which
 * NO_BACKSLASH_ESCAPES would make unsafe, and no statement is prepared, which a proxy would have to keep.
 */

import { hex, isCut } from './keys';

/** Epoch ms when the statement began. No time zone is in it, and no hour that comes twice. */
const NOW = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000";
/** MariaDB makes a join of a longer list, which may read the whole table. */
const MOST_LISTED = 500;
/** Of one statement, roughly: below max_allowed_packet wherever it was not made smaller. */
const MOST_BYTES = 1 << 20;

/** A row. */
export interface Row {
  readonly id: string;
  readonly endsAt: number;
  readonly state: string;
}

/** All keys are ids as hexadecimal: see keys.ts. */
export class Statements {
  /** @param table quoted */
  constructor(private readonly table: string) {}

  /**
   * Locks rows, one after the other as they stand here: what is there is held, what is not is made.
   * @param keys by their ids
   * @param waitMs MariaDB gives up then
   */
  lock(keys: ReadonlyMap<string, string>, waitMs: number): string {
    const rows = [...keys].map(([id, key]) => `(X'${id}',-1,'',${isCut(id) ? `X'${hex(key)}'` : 'NULL'})`);
    // A comment for MySQL, whose innodb_lock_wait_timeout is a matter of the session.
    const bounded = `/*M!100108 SET STATEMENT max_statement_time=${(waitMs / 1_000).toFixed(3)} FOR */`;
    return `${bounded} ${this.insert(rows)} ends_at = ends_at`;
  }

  /** Answers the time, and then each row that is there. */
  read(ids: readonly string[]): string {
    const parts = split(ids).map((some) => {
      const list = some.map((id) => `X'${id}'`).join();
      return `SELECT NULL, \`key\`, ends_at, state FROM ${this.table} FORCE INDEX (PRIMARY) WHERE \`key\` IN (${list})`;
    });
    return [`SELECT ${NOW}, NULL, NULL, NULL`, ...parts].join(' UNION ALL ');
  }

  /** Writes rows that are there. */
  write(rows: readonly Row[]): string[] {
    const statements: string[] = [];
    let values: string[] = [];
    let bytes = 0;
    rows.forEach(({ id, endsAt, state }, i) => {
      const one = `(X'${id}',${endsAt},X'${hex(state)}',NULL)`;
      values.push(one);
      bytes += one.length;
      if (bytes < MOST_BYTES && i < rows.length - 1) return;
      statements.push(`${this.insert(values)} ends_at = VALUES(ends_at), state = VALUES(state)`);
      values = [];
      bytes = 0;
    });
    return statements;
  }

  /** Keys above `after` and below `before`, which may be empty. */
  page(after: string, before: string, many: number): string {
    const below = before === '' ? '' : ` AND \`key\` < X'${before}'`;
    return `SELECT COALESCE(whole, \`key\`) FROM ${this.table} FORCE INDEX (PRIMARY) WHERE \`key\` > X'${after}'${below} ORDER BY \`key\` LIMIT ${many}`;
  }

  /** The last of so many keys above `after`; nothing where there are fewer. */
  edge(after: string, many: number): string {
    return `SELECT \`key\` FROM ${this.table} FORCE INDEX (PRIMARY) WHERE \`key\` > X'${after}' ORDER BY \`key\` LIMIT 1 OFFSET ${many - 1}`;
  }

  /** Which of so many keys above `after` have ended. */
  ended(after: string, many: number): string {
    const page = `SELECT \`key\`, ends_at FROM ${this.table} FORCE INDEX (PRIMARY) WHERE \`key\` > X'${after}' ORDER BY \`key\` LIMIT ${many}`;
    return `SELECT \`key\` FROM (${page}) page WHERE ends_at < ${NOW}`;
  }

  /** Locks those of the keys that have ended and that nobody holds. */
  lockEnded(keys: readonly string[]): string[] {
    return split(keys).map(
      (some) => `SELECT \`key\` FROM ${this.oneByOne(some)} WHERE ends_at < ${NOW} FOR UPDATE SKIP LOCKED`,
    );
  }

  /** Deletes what is locked. */
  delete(keys: readonly string[]): string[] {
    return split(keys).map((some) => `DELETE ${this.table} FROM ${this.oneByOne(some)}`);
  }

  /** Rows looked up each by itself. A range may become a scan of the index, which would wait for rows that others hold. */
  private oneByOne(keys: readonly string[]): string {
    const list = keys.map((key, i) => `SELECT X'${key}'${i === 0 ? ' AS id' : ''}`).join(' UNION ALL ');
    return `(${list}) list STRAIGHT_JOIN ${this.table} FORCE INDEX (PRIMARY) ON \`key\` = list.id`;
  }

  private insert(rows: readonly string[]): string {
    return `INSERT INTO ${this.table} (\`key\`, ends_at, state, whole) VALUES ${rows.join()} ON DUPLICATE KEY UPDATE`;
  }
}

function split(keys: readonly string[]): (readonly string[])[] {
  const parts = [];
  for (let at = 0; at < keys.length; at += MOST_LISTED) parts.push(keys.slice(at, at + MOST_LISTED));
  return parts;
}
