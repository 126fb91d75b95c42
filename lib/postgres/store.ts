import { Batches, GIVEN_UP_MS } from '../sql/batches';
import { CallStore, PATIENCE_MS, type Answer, type Call } from '../sql/calls';
import type { Documents } from '../stores/documents';
import { PostgresDocuments } from './documents';
import { asOutage, isOfData, isRetried, tooLate } from './errors';
import type { NameOf } from './names';
import type { SweepSettings } from './options';
import { isPg, queryWithin } from './pool';
import { Sweep } from './sweep';
import type { Queryable } from './types';
import { decode, encode, encodePlain } from './wire';

/** Counts in a table, by a function of the database: see migrations/postgres. */
export class PostgresStore extends CallStore {
  private readonly batches: Batches;
  private readonly sweep: Sweep | undefined;

  constructor(
    name: string,
    private readonly pool: Queryable,
    private readonly nameOf: NameOf,
    sweep: SweepSettings | undefined,
  ) {
    super(name);
    const one = `SELECT ${nameOf('_plain_v1')}($1::text, $2::text::bigint[])::text AS said`;
    const many = `SELECT ${nameOf('_v1')}($1::text::text[], $2::text::int, $3::text::bigint[], $4::text::bigint[])::text AS said`;
    this.batches = new Batches({
      take: async (calls, waitMs) => {
        const plain = encodePlain(calls, waitMs);
        const said = await (plain
          ? this.ask(one, plain, waitMs[0]!)
          : this.ask(many, encode(calls, waitMs), Math.max(...waitMs)));
        return decode(said, calls);
      },
      ...{ isRetried, isOfData, asOutage, tooLate },
    });
    const ended = `SELECT ${nameOf('_sweep')}($1::text::bigint, $2::text::int)::text AS said`;
    this.sweep = sweep && new Sweep(sweep, (values) => this.ask(ended, values, PATIENCE_MS));
  }

  protected async call(call: Call, deadlineMs: number): Promise<Answer> {
    const answer = await this.batches.call(call, deadlineMs);
    if (call.mode === 'charge' || call.mode === 'force') this.sweep?.charged(call.items.length);
    return answer;
  }

  documents(prefix: string): Documents {
    return new PostgresDocuments(prefix, (...asked) => this.rows(...asked), this.nameOf);
  }

  protected async keys(after: string, before: string, many: number): Promise<readonly string[]> {
    const page = `SELECT key FROM ${this.nameOf('')} WHERE key > $1::text AND ($2::text = '' OR key < $2::text)
      ORDER BY key LIMIT $3::text::int`;
    try {
      const rows = await this.rows(page, [after, before, `${many}`], PATIENCE_MS);
      return rows.map((row) => (row as { key: string }).key);
    } catch (error) {
      throw asOutage(error);
    }
  }

  private async ask(text: string, values: string[], waitMs: number): Promise<unknown> {
    const [row] = await this.rows(text, values, waitMs);
    return (row as { said?: unknown } | undefined)?.said;
  }

  private async rows(text: string, values: string[], waitMs: number): Promise<readonly unknown[]> {
    const { pool } = this;
    if (!isPg(pool)) return (await pool.query(text, values)).rows;
    return queryWithin(pool, Math.ceil(waitMs) + GIVEN_UP_MS, text, values);
  }
}
