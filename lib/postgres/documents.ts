import {
  MOST_SUMS,
  MOST_TEXT_BYTES,
  type Addition,
  type Documents,
  type Versioned,
} from '../stores/documents';
import { asOutage, isRetried, isUnsent } from './errors';
import type { NameOf } from './names';

/** Asks a statement within a time; values are texts. */
export type Rows = (text: string, values: string[], waitMs: number) => Promise<readonly unknown[]>;

const WAIT_MS = 2_000;
const MOST_TRIES = 10;
const HOUR_MS = 3_600_000;
/** Of sums that have ended, leave with one call. */
const MOST_ENDED = 1_000;

/** In two tables beside that of the counts: see migrations/postgres/0007_fleet.sql. */
export class PostgresDocuments implements Documents {
  private readonly texts: string;
  private readonly all: string;
  private readonly now: string;

  constructor(
    private readonly prefix: string,
    private readonly rows: Rows,
    nameOf: NameOf,
  ) {
    this.texts = nameOf('_texts');
    this.all = nameOf('_sums');
    this.now = `${nameOf('_now')}()`;
  }

  async version(name: string): Promise<string> {
    const [row] = await this.ask(`SELECT version FROM ${this.texts} WHERE name = $1::text`, [this.key(name)]);
    return (row as { version: string } | undefined)?.version ?? '';
  }

  async read(name: string): Promise<Versioned> {
    const [row] = await this.ask(
      `SELECT version, CASE WHEN octet_length(text) > ${MOST_TEXT_BYTES} THEN '' ELSE text END AS text FROM ${this.texts}
        WHERE name = $1::text`,
      [this.key(name)],
    );
    return (row as Versioned | undefined) ?? { version: '', text: '' };
  }

  async compareAndSet(name: string, from: string, { version, text }: Versioned): Promise<boolean> {
    const values = [this.key(name), version, text];
    const statement =
      from === ''
        ? `INSERT INTO ${this.texts} VALUES ($1::text, $2::text, $3::text) ON CONFLICT DO NOTHING RETURNING 1 AS set`
        : `UPDATE ${this.texts} SET version = $2::text, text = $3::text WHERE name = $1::text AND version = $4::text
            RETURNING 1 AS set`;
    try {
      return (await this.rows(statement, from === '' ? values : [...values, from], WAIT_MS)).length > 0;
    } catch (error) {
      // Where transactions see what was when they began, it is this that says that another was faster.
      if (isRetried(error)) return false;
      throw asOutage(error);
    }
  }

  async add(additions: readonly Addition[]): Promise<boolean> {
    const rows = additions.flatMap(({ name, expiresInMs: ms, amounts }) =>
      Array.from(amounts, ([field, amount]) => ({ name: this.key(name), field, amount, ms })),
    );
    // In one order, so that no two processes wait for each other. Some of what has ended leaves with each call; what another
    // call is about to delete is left to it. Arrays and LIMIT keep a plan to the indexes, whatever is known of the tables.
    const statement = `
      WITH gone AS (
        DELETE FROM ${this.all} WHERE ctid = ANY (ARRAY(
          SELECT ctid FROM ${this.all} WHERE ends_at < (SELECT ${this.now})
            ORDER BY ends_at LIMIT ${MOST_ENDED} FOR UPDATE SKIP LOCKED))
      ), given AS (
        SELECT * FROM jsonb_to_recordset($1::text::jsonb) AS x(name text, field text, amount bigint, ms bigint)
      ), full_ones AS (
        SELECT name FROM ${this.all} WHERE name = ANY (ARRAY(SELECT DISTINCT name FROM given))
          GROUP BY name HAVING count(*) >= ${MOST_SUMS}
      )
      INSERT INTO ${this.all} AS kept (name, field, amount, ends_at)
        SELECT name, field, amount, ((SELECT ${this.now}) + ms + ${HOUR_MS - 1}) / ${HOUR_MS} * ${HOUR_MS} FROM given
          LEFT JOIN LATERAL (
            SELECT true AS has FROM ${this.all} k WHERE k.name = given.name AND k.field = given.field LIMIT 1
          ) AS before ON true
          WHERE has OR name NOT IN (SELECT name FROM full_ones)
          ORDER BY name, field
        ON CONFLICT (name, field) DO UPDATE SET amount = kept.amount + EXCLUDED.amount, ends_at = EXCLUDED.ends_at`;
    for (let tries = 1; ; tries++) {
      try {
        await this.rows(statement, [JSON.stringify(rows)], WAIT_MS);
        return true;
      } catch (error) {
        if (isUnsent(error)) return false;
        if (!isRetried(error)) throw asOutage(error);
        // Undone, because of others that add to the same: they have by now.
        if (tries === MOST_TRIES) return false;
      }
    }
  }

  async sums(names: readonly string[]): Promise<ReadonlyMap<string, number>[]> {
    const keys = names.map((name) => this.key(name));
    const rows = (await this.ask(
      `SELECT name, field, amount::text FROM ${this.all}
        WHERE name = ANY (ARRAY(SELECT jsonb_array_elements_text($1::text::jsonb))) AND ends_at >= (SELECT ${this.now})`,
      [JSON.stringify(keys)],
    )) as { name: string; field: string; amount: string }[];
    const byName = new Map(keys.map((key) => [key, new Map<string, number>()]));
    for (const { name, field, amount } of rows) byName.get(name)?.set(field, Number(amount));
    return keys.map((key) => byName.get(key)!);
  }

  private key(name: string): string {
    return this.prefix + name;
  }

  private async ask(text: string, values: string[]): Promise<readonly unknown[]> {
    try {
      return await this.rows(text, values, WAIT_MS);
    } catch (error) {
      throw asOutage(error);
    }
  }
}
