/** What a terminal shows. */
import { UsageError } from './usage';

const UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds of a text such as `90s`, `15m`, `1h` or `2d`; undefined: it is none. */
function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS];
}

/** Milliseconds of a text such as `90s`. @throws UsageError */
export function lasting(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new UsageError(`A time is written as 90s, 15m, 1h or 2d, not ${JSON.stringify(text)}.`);
}

/** A line of columns of fixed widths; what is longer pushes the rest. */
export function columns(values: readonly string[], widths: readonly number[]): string {
  return values
    .map((value, i) => value.padEnd(widths[i] ?? 0))
    .join('  ')
    .trimEnd();
}

const COLOURS = { red: 31, green: 32, yellow: 33 } as const;

/** In colour on a terminal, unless NO_COLOR is set. */
export function coloured(text: string, colour: keyof typeof COLOURS): string {
  const isOn = process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '';
  return isOn ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function sayJson(value: unknown): void {
  say(JSON.stringify(value, undefined, 2));
}
