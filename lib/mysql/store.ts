import { Batches } from '../sql/batches';
import { CallStore, PATIENCE_MS, type Answer, type Call } from '../sql/calls';
import { States } from '../sql/states';
import { asOutage, isOfData, isRetried, tooLate } from './errors';
import { idOf } from './keys';
import type { SweepSettings } from './options';
import { Statements, type Row } from './statements';
import { Sweep } from './sweep';
import { inTransaction, type Ask, type Done } from './transaction';
import type { MysqlPromisePool } from './types';

// Taken at the start: clocks that a test replaces are not ours to wait for.
const monotonicMs = performance.now.bind(performance);

/** What stands where a key has no state: it has ended, whatever the clock says. */
const NOTHING = { endsAt: -1, state: '' };

/** Counts in a table. A batch of calls is one transaction that holds their keys while they are decided here. */
export class MysqlStore extends CallStore {
  private readonly statements: Statements;
  private readonly batches: Batches;
  private readonly sweep: Sweep | undefined;

  constructor(
    name: string,
    private readonly pool: MysqlPromisePool,
    table: string,
    sweep: SweepSettings | undefined,
  ) {
    super(name);
    this.statements = new Statements(table);
    this.batches = new Batches({
      take: (calls, waitMs) => this.take(calls, waitMs),
      ...{ isRetried, isOfData, asOutage, tooLate },
    });
    this.sweep = sweep && new Sweep(sweep, this.statements, (work) => inTransaction(pool, PATIENCE_MS, work));
  }

  protected async call(call: Call, deadlineMs: number): Promise<Answer> {
    const answer = await this.batches.call(call, deadlineMs);
    const { mode, items } = call;
    if (mode === 'charge' || mode === 'force') this.sweep?.charged(items.length, idOf(items[0]!.key));
    return answer;
  }

  protected async keys(after: string, before: string, many: number): Promise<readonly string[]> {
    const page = this.statements.page(idOf(after), idOf(before), many);
    try {
      // In a transaction of its own: a session without autocommit would show what was there long ago.
      return await inTransaction(this.pool, PATIENCE_MS, async (ask) => {
        const rows = await ask(page);
        return { value: rows.map(([key]) => key!.toString()), wrote: false };
      });
    } catch (error) {
      throw asOutage(error);
    }
  }

  private take(calls: readonly Call[], waitMs: readonly number[]): Promise<(Answer | null)[]> {
    const startMs = monotonicMs();
    const passedMs = () => monotonicMs() - startMs;
    const longestMs = Math.max(...waitMs);
    return inTransaction(this.pool, longestMs, async (ask): Promise<Done<(Answer | null)[]>> => {
      const leftMs = longestMs - passedMs();
      if (leftMs <= 0) return { value: calls.map(() => null), wrote: false };
      const { locked, looked } = keysOf(calls);
      if (locked.size > 0) await ask(this.statements.lock(locked, Math.max(1, leftMs)));
      const keys = new Map([...locked, ...looked]);
      const { nowMs, rows } = read(await ask(this.statements.read([...keys.keys()])), keys);
      // A row that is locked and not seen would be counted anew.
      if (![...locked.values()].every((key) => rows.has(key))) throw new Error(NO_STATES);
      const live = [...rows].filter(([, { endsAt }]) => nowMs < endsAt);
      const states = new States(new Map(live.map(([key, { state }]) => [key, state])), nowMs);
      const passed = passedMs();
      const value = calls.map((call, i) =>
        call.mode !== 'peek' && passed >= waitMs[i]! ? null : states.take(call),
      );
      const writes = writesOf(states, rows, nowMs);
      for (const sql of this.statements.write(writes)) await ask(sql);
      return { value, wrote: writes.length > 0 };
    });
  }
}

type Keys = ReadonlyMap<string, string>;

/** By their ids, those that may be written, in one order for everybody, so that no two batches wait for each other; and the others. */
function keysOf(calls: readonly Call[]): { locked: Keys; looked: Keys } {
  const locked = new Map<string, string>();
  const looked = new Map<string, string>();
  for (const { mode, items } of calls) {
    for (const { key } of items) (mode === 'peek' ? looked : locked).set(idOf(key), key);
  }
  return { locked: new Map([...locked].sort(([a], [b]) => (a < b ? -1 : 1))), looked };
}

const NO_STATES = 'MySQL answered what is no list of states';

/** @param keys by their ids */
function read(answer: Awaited<ReturnType<Ask>>, keys: Keys): { nowMs: number; rows: Map<string, Row> } {
  const [head, ...found] = answer;
  const nowMs = Number(head?.[0]?.toString() ?? NaN);
  if (!Number.isSafeInteger(nowMs)) throw new Error(NO_STATES);
  const rows = new Map<string, Row>();
  for (const [, binary, endsAt, state] of found) {
    const id = binary!.toString('hex');
    rows.set(keys.get(id)!, { id, endsAt: Number(endsAt!.toString()), state: state!.toString('latin1') });
  }
  return { nowMs, rows };
}

function writesOf(states: States, rows: ReadonlyMap<string, Row>, nowMs: number): Row[] {
  const writes: Row[] = [];
  for (const [key, { state, expiresInMs }] of states.written) {
    const { id, endsAt } = rows.get(key)!;
    if (state !== null) writes.push({ id, endsAt: nowMs + expiresInMs, state });
    else if (endsAt !== NOTHING.endsAt) writes.push({ id, ...NOTHING });
  }
  return writes;
}
