/**
 * The algorithms as a pure function, for a store that can only read and write: a file, a table of a database, an item that
 * is written if it is still what was read. It keeps one text for each key, reads it, takes a step, and writes what comes of
 * it, all in one of its transactions. The decisions are those of the in-process store.
 */
import { invalidOption, shown } from '../base/errors';
import { isIntegerIn, refuseUnknown, requireObject } from '../base/validate';
import { native } from '../binary';
import { ALGORITHMS, type Algorithm } from '../rules/algorithm';
import { refuseTooLarge } from '../rules/quota';
import { MAX_WINDOW_MS } from '../rules/rate';
import { MAX_RULES } from '../rules/rule';
import type { Outcome } from './custom/types';
import { STEP_LENGTH, StepIn, StepOp, StepOut } from './native/native';

/** One limit, in numbers. */
export interface StepRule {
  readonly algorithm: Algorithm;
  /** Units admitted per window, which a token bucket gains in that time: 0 to 2^53-1, of a sliding log 10,000. */
  readonly limit: number;
  /** Length of the window in milliseconds: 1 to ten years. */
  readonly windowMs: number;
  /** Capacity of a token bucket, 1 to 2^53-1; default: the limit, which it is with any other algorithm. */
  readonly burst?: number;
  /** Counts and reports, never denies the call. */
  readonly shadow?: boolean;
}

/** What is to be kept after a step. */
export interface Kept {
  /** An opaque text of printable ASCII; null: nothing is to be kept. Where nothing changed it is the one that was given. */
  state: string | null;
  /** Whether it has to be written. */
  changed: boolean;
  /** Milliseconds for which it means anything: from then on it is the same as none, and may be forgotten. 0: it is now. */
  expiresInMs: number;
}

/** What one rule of a call comes to. */
export interface Stepped extends Kept {
  outcome: Required<Outcome>;
}

/** One call: what is asked of all of its rules. */
export interface StepCall {
  /** `charge`: where the units fit under all rules, or none; `peek`: nothing; `force`: also where they do not fit. */
  readonly mode: 'charge' | 'peek' | 'force';
  /** 1 to 2^53-1. */
  readonly units: number;
  /** 1 to 8 rules, each with the state that is kept for its key; null where there is none. */
  readonly items: readonly { readonly rule: StepRule; readonly state: string | null }[];
}

const MODES = new Map<unknown, number>([
  ['charge', StepOp.Charge],
  ['peek', StepOp.Peek],
  ['force', StepOp.Force],
]);
const RULE_FIELDS = ['algorithm', 'limit', 'windowMs', 'burst', 'shadow'];
/** The last moment that a Date holds. */
const MAX_TIME_MS = 8.64e15;
/** A bucket may be full a little later than any safe integer. */
const MAX_MARK = 2 ** 54 - 2;
/** A block is the same under any rule. */
const ANY_RULE: StepRule = { algorithm: 'fixed-window', limit: 0, windowMs: 1 };

/** Of the call under way; used again. */
const numbers = new Float64Array(MAX_RULES * STEP_LENGTH);

/**
 * Charges `units` to one rule where they fit.
 * @param state what is kept for the key; null: nothing
 * @param nowMs by a clock of the caller's, which all steps of a key share
 * @throws RateLimitError `ERR_INVALID_OPTION`, `ERR_NO_BINARY`
 */
export function step(rule: StepRule, state: string | null, units: number, nowMs: number): Stepped {
  putRule(0, rule, 'rule');
  const states = [stateOf(state, 'state')];
  take(StepOp.Charge, readUnits(units), nowMs, states, () => 'state');
  return stepped(0, states);
}

/**
 * Decides one call under all of its rules, all or none; the results are in the order of the items.
 * @throws RateLimitError `ERR_INVALID_OPTION`, `ERR_NO_BINARY`
 */
export function stepAll(call: StepCall, nowMs: number): Stepped[] {
  requireObject(call, 'The call of a step');
  refuseUnknown(call, ['mode', 'units', 'items'], '', 'field');
  const { mode, units, items } = call;
  const op = MODES.get(mode);
  if (op === undefined) throw invalidOption(`mode must be 'charge', 'peek' or 'force', not ${shown(mode)}.`);
  if (!Array.isArray(items) || items.length < 1 || items.length > MAX_RULES) {
    throw invalidOption(`items must be an array of 1 to ${MAX_RULES} rules with their states.`);
  }
  const states = Array.from(items as StepCall['items'], (item, i) => {
    requireObject(item, `items[${i}]`);
    refuseUnknown(item, ['rule', 'state'], `items[${i}].`, 'field');
    putRule(i, item.rule, `items[${i}].rule`);
    return stateOf(item.state, `items[${i}].state`);
  });
  take(op, readUnits(units), nowMs, states, (place) => `items[${place}].state`);
  return states.map((_, i) => stepped(i, states));
}

/**
 * Gives units back to the charge whose outcome had this mark, where it still counts: `changed` says whether it did.
 * @throws RateLimitError `ERR_INVALID_OPTION`, `ERR_NO_BINARY`
 */
export function stepRefund(
  rule: StepRule,
  state: string | null,
  units: number,
  mark: number,
  nowMs: number,
): Kept {
  if (!Number.isInteger(mark) || Math.abs(mark) > MAX_MARK) {
    throw invalidOption(`mark must be the mark of an outcome, not ${shown(mark)}.`);
  }
  putRule(0, rule, 'rule');
  numbers[StepIn.Mark] = mark;
  const states = [stateOf(state, 'state')];
  take(StepOp.Refund, readUnits(units), nowMs, states, () => 'state');
  return kept(0, states);
}

/**
 * The state of a key that is blocked for `ms` milliseconds, 1 to ten years, whatever its rule is and whatever was kept
 * before. To lift a block, or to reset a key, forget its state.
 * @throws RateLimitError `ERR_INVALID_OPTION`, `ERR_NO_BINARY`
 */
export function stepBlock(ms: number, nowMs: number): Kept & { state: string } {
  if (!isIntegerIn(ms, 1, MAX_WINDOW_MS)) {
    throw invalidOption(`ms must be an integer from 1 to ${MAX_WINDOW_MS}, not ${shown(ms)}.`);
  }
  putRule(0, ANY_RULE, 'rule');
  const states = [''];
  take(StepOp.Block, ms, nowMs, states, () => 'state');
  return kept(0, states) as Kept & { state: string };
}

/** Takes the step whose rules stand in `numbers`; `nameOf` names a state in an error. */
function take(
  op: number,
  units: number,
  nowMs: number,
  states: string[],
  nameOf: (place: number) => string,
): void {
  if (!isIntegerIn(nowMs, 0, MAX_TIME_MS)) {
    throw invalidOption(
      `nowMs must be whole milliseconds, such as those of Date.now(): an integer from 0 to ${MAX_TIME_MS}, not ${shown(nowMs)}.`,
    );
  }
  const done = native().step(op, units, nowMs, numbers, states);
  if (done !== states.length) throw noState(nameOf(done));
}

function stepped(place: number, states: readonly string[]): Stepped {
  const at = place * STEP_LENGTH;
  return {
    outcome: {
      allowed: numbers[at + StepOut.Allowed] === 1,
      remaining: numbers[at + StepOut.Remaining]!,
      resetInMs: numbers[at + StepOut.ResetInMs]!,
      retryAfterMs: numbers[at + StepOut.RetryAfterMs]!,
      used: numbers[at + StepOut.Used]!,
      blocked: numbers[at + StepOut.Blocked] === 1,
      mark: numbers[at + StepOut.Mark]!,
    },
    ...kept(place, states),
  };
}

function kept(place: number, states: readonly string[]): Kept {
  const at = place * STEP_LENGTH;
  return {
    state: states[place] === '' ? null : states[place]!,
    changed: numbers[at + StepOut.Changed] === 1,
    expiresInMs: numbers[at + StepOut.ExpiresInMs]!,
  };
}

/** Checks a rule, and writes it where `step` of the addon reads it. */
function putRule(place: number, rule: unknown, name: string): void {
  requireObject(rule, name);
  refuseUnknown(rule, RULE_FIELDS, `${name}.`, 'field');
  const { algorithm, limit, windowMs, burst = limit, shadow = false } = rule as StepRule;
  const number = ALGORITHMS.indexOf(algorithm);
  if (number < 0) {
    throw invalidOption(
      `${name}.algorithm must be one of ${ALGORITHMS.join(', ')}, not ${shown(algorithm)}.`,
    );
  }
  if (!isIntegerIn(limit, 0, Number.MAX_SAFE_INTEGER)) {
    throw invalidOption(`${name}.limit must be an integer from 0 to 2^53-1, not ${shown(limit)}.`);
  }
  if (!isIntegerIn(windowMs, 1, MAX_WINDOW_MS)) {
    throw invalidOption(
      `${name}.windowMs must be a whole number of milliseconds from 1 to ten years, not ${shown(windowMs)}.`,
    );
  }
  if (burst !== limit) refuseBurst(algorithm, limit, burst, `${name}.burst`);
  if (typeof shadow !== 'boolean') {
    throw invalidOption(`${name}.shadow must be true or false, not ${shown(shadow)}.`);
  }
  refuseTooLarge({ algorithm, limit, windowMs, burst }, `${name}.limit`);
  const at = place * STEP_LENGTH;
  numbers[at + StepIn.Algorithm] = number;
  numbers[at + StepIn.Limit] = limit;
  numbers[at + StepIn.WindowMs] = windowMs;
  numbers[at + StepIn.Burst] = burst;
  numbers[at + StepIn.Shadow] = shadow ? 1 : 0;
  numbers[at + StepIn.Mark] = 0;
}

/** A burst other than the limit is one of a bucket that gains something. */
function refuseBurst(algorithm: Algorithm, limit: number, burst: unknown, name: string): void {
  if (algorithm !== 'token-bucket') {
    throw invalidOption(`${name}: only algorithm 'token-bucket' has a burst; this one is '${algorithm}'.`);
  }
  if (limit === 0) throw invalidOption(`${name}: a limit of 0 denies everything, so it has no burst.`);
  if (!isIntegerIn(burst, 1, Number.MAX_SAFE_INTEGER)) {
    throw invalidOption(`${name} must be an integer from 1 to 2^53-1, not ${shown(burst)}.`);
  }
}

function noState(name: string) {
  return invalidOption(
    `${name} is not a state: it was cut or altered, or another version wrote it. Pass what a step gave, unchanged, or null to start afresh.`,
  );
}

function stateOf(state: unknown, name: string): string {
  if (state === null) return '';
  if (typeof state === 'string' && state !== '') return state;
  throw typeof state === 'string'
    ? noState(name)
    : invalidOption(`${name} must be what a step gave, or null where nothing is kept, not ${shown(state)}.`);
}

function readUnits(units: unknown): number {
  if (isIntegerIn(units, 1, Number.MAX_SAFE_INTEGER)) return units;
  throw invalidOption(`units must be an integer from 1 to 2^53-1, not ${shown(units)}.`);
}
