import { invalidOption, shown } from '../base/errors';
import { refuseUnknown, requireObject } from '../base/validate';
import { ResultKind, type AnyResultKind } from '../decision/result-kind';
import type { RateLimitRequest } from '../rules/identity';
import { readNearLimit } from '../rules/rule';
import type { Decision, RuleResult } from '../decision/types';
import type { DecisionObservers } from '../decision/rule-set';
import { decisionChannel, type DecisionMessage } from './channels';
import type { Log } from './logger';

/**
 * Told of every check's decision after its answer is on its way, with the request where `checkRequest` was asked. What
 * it throws or rejects with is said to the logger.
 */
export type OnDecision = (decision: Decision, request?: RateLimitRequest) => unknown;

/**
 * Told once when a check or a penalty takes a rule to its threshold, in the process that asked: of a fixed window once
 * per window. As `onDecision`, it is told after the answer.
 */
export type OnNearLimit = (rule: RuleResult, decision: Decision) => unknown;

/** From where a limit is near, and who is told when it comes near. */
export interface NearLimit {
  /** The part of a limit from which decisions say `nearLimit`: above 0, up to 1. Default 0.8. */
  at?: number;
  tell?: OnNearLimit;
}

/** The functions of an application that watch a limiter. */
export interface ObserverOptions {
  onDecision?: OnDecision;
  /** As `onDecision`, of denials only. */
  onDenied?: OnDecision;
}

export const OBSERVERS = ['onDecision', 'onDenied'] as const satisfies readonly (keyof ObserverOptions)[];

/** A function that fails may fail at each request. */
const FAILURE_EVERY_MS = 60_000;

// Taken at the start: timers that a test replaces are not ours to wait for.
const { setImmediate: afterAnswers } = globalThis;

let waiting: (() => void)[] = [];

/** Runs what answers must not wait for. */
function later(act: () => void): void {
  if (waiting.push(act) === 1) afterAnswers(runWaiting);
}

function runWaiting(): void {
  const acts = waiting;
  waiting = [];
  for (const act of acts) act();
}

/** Those of one limiter; none of them can delay or break an answer. */
export class Observers implements DecisionObservers {
  readonly watchDecisions: boolean;
  readonly watchNearLimit: boolean;
  /** When a failure of each function was last said, by its name. */
  private readonly failureSaidMs = new Map<string, number>();

  constructor(
    private readonly options: ObserverOptions,
    private readonly nearTell: OnNearLimit | undefined,
    private readonly log: Log,
  ) {
    this.watchDecisions = options.onDecision !== undefined || options.onDenied !== undefined;
    this.watchNearLimit = nearTell !== undefined;
  }

  runOnDecision(decision: Decision, request: RateLimitRequest | undefined): void {
    const { onDecision, onDenied } = this.options;
    if (onDecision !== undefined) this.run('onDecision', () => onDecision(decision, request));
    if (onDenied !== undefined && !decision.allowed) this.run('onDenied', () => onDenied(decision, request));
  }

  tellNear(place: number, decision: Decision): void {
    later(() => this.run('nearLimit.tell', () => this.nearTell?.(decision.rules[place]!, decision)));
  }

  private run(name: string, act: () => unknown): void {
    const failed = (error: unknown) => {
      const nowMs = performance.now();
      if (nowMs - (this.failureSaidMs.get(name) ?? -Infinity) < FAILURE_EVERY_MS) return;
      this.failureSaidMs.set(name, nowMs);
      this.log.warn(`${name} failed; decisions do not depend on it: ${String(error)}`);
    };
    try {
      const answer = act();
      if (answer instanceof Promise) answer.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** Whether somebody is told how a call of this kind ends. On the hot path: two loads where nobody is. */
export function isWatched(kind: AnyResultKind, observers: DecisionObservers | undefined): boolean {
  return (
    (kind === ResultKind.Decision || kind === ResultKind.Result) &&
    (decisionChannel.hasSubscribers || observers?.watchDecisions === true)
  );
}

/** Tells a limiter's observers, and the channel, of a decision. */
export function tell(
  observers: DecisionObservers | undefined,
  decision: Decision,
  request: RateLimitRequest | undefined,
): void {
  later(() => {
    observers?.runOnDecision(decision, request);
    if (decisionChannel.hasSubscribers) {
      decisionChannel.publish({ decision, request } satisfies DecisionMessage);
    }
  });
}

/** Reads those options. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readObservers(
  options: Record<string, unknown>,
  nearTell: OnNearLimit | undefined,
  log: Log,
): Observers {
  const given: Record<string, unknown> = {};
  for (const name of OBSERVERS) {
    const value = options[name];
    refuseNoFunction(value, name);
    given[name] = value;
  }
  return new Observers(given, nearTell, log);
}

/** Reads the limiter's `nearLimit`, a number or both of its parts. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readNearLimitOption(value: unknown): {
  at: number | undefined;
  tell: OnNearLimit | undefined;
} {
  if (typeof value !== 'object' || value === null)
    return { at: readPart(value, 'nearLimit'), tell: undefined };
  requireObject(value, 'nearLimit');
  refuseUnknown(value, ['at', 'tell'], 'nearLimit.');
  const { at, tell } = value as { at?: unknown; tell?: unknown };
  refuseNoFunction(tell, 'nearLimit.tell');
  return { at: readPart(at, 'nearLimit.at'), tell: tell as OnNearLimit | undefined };
}

function readPart(value: unknown, where: string): number | undefined {
  return value === undefined ? undefined : readNearLimit(value, where, 0);
}

function refuseNoFunction(value: unknown, name: string): void {
  if (value === undefined || typeof value === 'function') return;
  throw invalidOption(`${name} must be a function, not ${shown(value)}.`);
}
