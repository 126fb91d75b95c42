/** Batches as the functions of migrations/postgres take them. All values are texts, which every driver has. */
import type { Answer, Call } from '../sql/calls';
import type { Outcome } from '../stores/custom/types';

const MODES = { peek: 0, charge: 1, force: 2, refund: 3, block: 4, reset: 5 } as const;
const ALGORITHMS = { 'fixed-window': 0, 'sliding-window': 1, 'sliding-log': 2, 'token-bucket': 3 } as const;

/** Numbers in an answer for each item. */
const FIELDS = 7;
const TOO_LATE = -1;
/** A bucket may be full a little later than any safe integer. */
const MOST = 2 ** 54;

/**
 * As the function of migrations/postgres/0004_calls.sql takes them.
 * @param waitMs of each call: until nobody waits for it any more
 */
export function encode(calls: readonly Call[], waitMs: readonly number[]): string[] {
  // Those that are only looked at stand behind: they are not locked.
  const places = new Map<string, number>();
  const place = (wanted: boolean) => {
    for (const { mode, items } of calls) {
      if ((mode !== 'peek') !== wanted) continue;
      for (const { key } of items) if (!places.has(key)) places.set(key, places.size + 1);
    }
    return places.size;
  };
  const locked = place(true);
  place(false);
  const heads: number[] = [];
  const bodies: number[] = [];
  calls.forEach(({ mode, units, items }, i) => {
    heads.push(MODES[mode], units, items.length, wholeMs(waitMs[i]!));
    for (const { key, rule, mark = 0 } of items) {
      bodies.push(places.get(key)!, ALGORITHMS[rule.algorithm], rule.limit, rule.windowMs, rule.burst);
      // A mark that was none of ours finds nothing.
      bodies.push(rule.shadow ? 1 : 0, isNumber(mark) ? mark : -1);
    }
  });
  return [texts([...places.keys()]), `${locked}`, `{${heads.join()}}`, `{${bodies.join()}}`];
}

/**
 * As the function of migrations/postgres/0006_plain.sql takes them: one charge of one fixed window.
 * @returns undefined where that is not what is asked
 */
export function encodePlain(calls: readonly Call[], waitMs: readonly number[]): string[] | undefined {
  const [call] = calls;
  if (calls.length !== 1 || call!.mode !== 'charge' || call!.items.length !== 1) return undefined;
  const { key, rule } = call!.items[0]!;
  if (rule.algorithm !== 'fixed-window') return undefined;
  return [key, `{${call!.units},${rule.limit},${rule.windowMs},${wholeMs(waitMs[0]!)}}`];
}

/**
 * The answer to each call; null where it was too late.
 * @throws Error where it is no answer to these calls
 */
export function decode(text: unknown, calls: readonly Call[]): (Answer | null)[] {
  const numbers = typeof text === 'string' ? text.slice(1, -1).split(',').map(Number) : [];
  const items = calls.reduce((sum, call) => sum + call.items.length, 0);
  if (numbers.length !== items * FIELDS || !numbers.every(isNumber)) {
    throw new Error('PostgreSQL answered what is no list of outcomes');
  }
  let at = 0;
  return calls.map(({ mode, items: { length } }) => {
    const first = at;
    at += length * FIELDS;
    if (numbers[first] === TOO_LATE) return null;
    const said = Array.from({ length }, (_, i) => outcomeOf(numbers, first + i * FIELDS));
    if (mode === 'peek' || mode === 'charge' || mode === 'force') return said;
    return said.filter(({ allowed }) => allowed).length;
  });
}

const outcomeOf = (numbers: readonly number[], at: number): Required<Outcome> => ({
  allowed: numbers[at] === 1,
  remaining: numbers[at + 1]!,
  resetInMs: numbers[at + 2]!,
  retryAfterMs: numbers[at + 3]!,
  used: numbers[at + 4]!,
  mark: numbers[at + 5]!,
  blocked: numbers[at + 6] === 1,
});

const wholeMs = (ms: number) => Math.max(1, Math.ceil(ms));

const isNumber = (value: number) => Number.isInteger(value) && Math.abs(value) < MOST;

/** An array of texts as PostgreSQL writes it. */
function texts(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join()}}`;
}
