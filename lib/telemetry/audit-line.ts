import type { RateLimitRequest } from '../rules/identity';
import type { Decision } from '../decision/types';
import type { Change } from '../rules/change';

const LONGEST_TEXT = 1_024;
/** What is left of a line that is longer says that it was cut. */
const LONGEST_LINE = 16_384;

/** What JSON leaves as it is, and what a terminal or a reader of lines may take for more than text. */
const UNSAFE = /[\u007f-\u009f\u2028\u2029]/g;

/** One line of JSON, whatever a client has sent. */
function lineOf(fields: {
  readonly time: string;
  readonly kind: string;
  readonly [name: string]: unknown;
}): string {
  const text = JSON.stringify(fields, cut);
  const line =
    text.length <= LONGEST_LINE ? text : JSON.stringify({ time: fields.time, kind: fields.kind, cut: true });
  return `${line.replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}

function cut(_: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > LONGEST_TEXT
    ? `${value.slice(0, LONGEST_TEXT)}…`
    : value;
}

export function decisionLine(decision: Decision, request: RateLimitRequest | undefined): string {
  const { allowed, reason, rule, limit, remaining, retryAfterMs, source, rules } = decision;
  const subject = rules[0]?.subject;
  const asked = request && { method: request.method, path: request.path };
  const time = new Date().toISOString();
  return lineOf({
    ...{ time, kind: 'decision', allowed, reason, rule, subject, limit, remaining, retryAfterMs, source },
    ...asked,
  });
}

export function changeLine({ at, kind, ...change }: Change): string {
  return lineOf({ time: new Date(at).toISOString(), kind, ...change });
}

export function lostLine(lines: number): string {
  return lineOf({ time: new Date().toISOString(), kind: 'lost', lines });
}
