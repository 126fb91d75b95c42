/** Random calls through PostgreSQL and through the steps agree in every number, also where the clock moves back. */
import type { StoreRule } from 'spillway/store';
import { decode, encode, encodePlain } from '../lib/postgres/wire';
import type { Answer, Call } from '../lib/sql/calls';
import { States } from '../lib/sql/states';
import { PostgresServer, setClock } from './support/postgres';
import { random } from './support/sequences';

let server: PostgresServer;
let clock: Awaited<ReturnType<typeof setClock>>;
beforeAll(async () => {
  server = await PostgresServer.start();
  clock = await setClock(server, await server.schema('steps'));
}, 60_000);
afterAll(() => server.close());

const ALGORITHMS = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const;
const WINDOWS = [1, 7, 10, 98, 100, 1_000, 60_000, 86_400_000];
const MOST = Number.MAX_SAFE_INTEGER;

/** The store of the steps: what is kept for each key, and until when. */
class Steps {
  // What has ended is still there for a clock that goes back.
  private readonly kept = new Map<string, { state: string; untilMs: number }>();

  take(calls: readonly Call[], nowMs: number): Answer[] {
    const live = [...this.kept].filter(([, { untilMs }]) => nowMs < untilMs);
    const states = new States(new Map(live.map(([key, { state }]) => [key, state])), nowMs);
    const answers = calls.map((call) => states.take(call));
    for (const [key, { state, expiresInMs }] of states.written) {
      if (state === null) this.kept.delete(key);
      else this.kept.set(key, { state, untilMs: nowMs + expiresInMs });
    }
    return answers;
  }
}

function ruleOf(next: (below: number) => number, wide: boolean): StoreRule {
  const algorithm = ALGORITHMS[next(4)]!;
  const windowMs = WINDOWS[next(WINDOWS.length)]!;
  const huge = wide && next(4) === 0;
  const most =
    { 'sliding-log': 10_000, 'token-bucket': Math.floor(MOST / windowMs) }[algorithm as string] ?? MOST;
  const limit = huge ? most - next(3) : next(12);
  const burst = algorithm === 'token-bucket' && limit > 0 ? (huge ? most : 1 + next(14)) : limit;
  return { algorithm, limit, windowMs, burst, shadow: next(6) === 0 };
}

/** One call; refunds are of marks that were told, or nearly. */
function callOf(next: (below: number) => number, rules: StoreRule[], marks: number[], wide: boolean): Call {
  const mode = (
    ['charge', 'charge', 'charge', 'charge', 'peek', 'force', 'refund', 'refund', 'block', 'reset'] as const
  )[next(10)]!;
  const units = mode === 'block' ? 1 + next(200) : wide && next(8) === 0 ? MOST - next(5) : 1 + next(5);
  const keys = [...'abcdé"\\'].filter(() => next(4) === 0).map((name) => `k:${name}`);
  const chosen = keys.length > 0 ? keys : ['k:a'];
  const items = chosen.map((key) => {
    const rule = rules[next(rules.length)]!;
    const mark = marks.length > 0 ? marks[next(marks.length)]! + (next(4) === 0 ? next(3) - 1 : 0) : -1;
    return mode === 'refund' ? { key, rule, mark } : { key, rule };
  });
  return { mode, units: mode === 'refund' ? 1 + next(5) : units, items };
}

test.each([
  ['small numbers', 1, false],
  ['small numbers, others', 2, false],
  ['the largest numbers', 3, true],
  ['the largest numbers, others', 4, true],
])(
  '%s',
  async (_, seed, wide) => {
    const next = random(seed * 7_919);
    const steps = new Steps();
    await server.admin.query('TRUNCATE steps.spillway_counts');
    let nowMs = 1_716_000_000_123 + seed;
    const rules = Array.from({ length: 6 }, () => ruleOf(next, wide));
    const marks: number[] = [];
    for (let round = 0; round < 700; round++) {
      // To an edge, a little, a lot, or back as after a failover.
      const far = [
        0,
        0,
        1,
        next(12),
        next(120),
        next(2_000),
        next(90_000),
        -next(next(2) === 0 ? 30 : 3_000),
      ];
      nowMs += far[next(far.length)]!;
      if (next(20) === 0) rules[next(rules.length)] = ruleOf(next, wide);
      await clock.set(nowMs);
      const calls = Array.from({ length: 1 + next(6) }, () => callOf(next, rules, marks, wide));
      const expected = steps.take(calls, nowMs);
      const waits = calls.map(() => 10_000);
      const plain = encodePlain(calls, waits);
      const text = await (plain
        ? server.one('SELECT steps.spillway_counts_plain_v1($1, $2)::text', plain)
        : server.one('SELECT steps.spillway_counts_v1($1, $2, $3, $4)::text', encode(calls, waits)));
      for (const [i, told] of decode(text, calls).entries()) {
        try {
          expect(told).toEqual(expected[i]);
        } catch (error) {
          throw new Error(`round ${round} at ${nowMs}: ${JSON.stringify(calls[i])}\n${String(error)}`);
        }
        if (told !== null && typeof told === 'object') marks.push(...told.map(({ mark }) => mark));
      }
      marks.splice(0, marks.length - 12);
    }
  },
  120_000,
);
