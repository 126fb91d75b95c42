import { invalidOption, shown } from '../base/errors';
import { refuseUnknown, requireObject } from '../base/validate';
import { ResultKind, type AnyResultKind } from '../decision/result-kind';
import type { RateLimitRequest } from '../rules/identity';
import { readNearLimit } from '../rules/rule';
import type { Decision, RuleResult } from '../decision/types';
import type { DecisionObservers } from '../decision/rule-set';
import type { Change } from '../rules/change';
import { decisionChannel, type DecisionMessage } from './channels';
import { later } from './later';
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

/** Told of a change, who made it and from where, as the call said. */
export type OnChange = (change: Change) => unknown;

/** From where a limit is near, and who is told when it comes near. */
export interface NearLimit {
  /** The part of a limit from which decisions say `nearLimit`: above 0, up to 1. Default 0.8. */
  at?: number;
  tell?: OnNearLimit;
}

/** A part of the decisions. */
export interface Sampled {
  tell: OnDecision;
  /** Of which part it is told: above 0, up to 1. */
  sample: number;
}

/** The functions of an application that watch a limiter. */
export interface ObserverOptions {
  onDecision?: OnDecision | Sampled;
  /** As `onDecision`, of denials only. */
  onDenied?: OnDecision | Sampled;
  /** Told of each change of limits that is made in this process: resets, blocks, overrides, lists, plans and rules. */
  onChange?: OnChange;
}

export const OBSERVERS = [
  'onDecision',
  'onDenied',
  'onChange',
] as const satisfies readonly (keyof ObserverOptions)[];

/** A function that fails may fail at each request. */
const FAILURE_EVERY_MS = 60_000;

/** Those of one limiter; none of them can delay or break an answer. */
export class Observers implements DecisionObservers {
  watchDecisions: boolean;
  readonly watchNearLimit: boolean;
  /** When a failure of each function was last said, by its name. */
  private readonly failureSaidMs = new Map<string, number>();
  private count: ((decision: Decision, request: RateLimitRequest | undefined) => void) | undefined;

  constructor(
    private readonly options: ReadObservers,
    private readonly nearTell: OnNearLimit | undefined,
    private readonly log: Log,
  ) {
    this.watchDecisions = options.onDecision !== undefined || options.onDenied !== undefined;
    this.watchNearLimit = nearTell !== undefined;
  }

  /** Counts decisions, before the application is told of them. */
  countBy(count: (decision: Decision, request: RateLimitRequest | undefined) => void): void {
    this.count = count;
    this.watchDecisions = true;
  }

  runOnDecision(decision: Decision, request: RateLimitRequest | undefined): void {
    this.count?.(decision, request);
    const { onDecision, onDenied } = this.options;
    if (isTaken(onDecision)) this.run('onDecision', () => onDecision.tell(decision, request));
    if (isTaken(onDenied) && !decision.allowed) this.run('onDenied', () => onDenied.tell(decision, request));
  }

  changed(change: Change): void {
    const { onChange } = this.options;
    if (onChange !== undefined) later(() => this.run('onChange', () => onChange(change)));
  }

  /** Listeners are so slow that they were not told of one. */
  skipped(): void {
    this.failed('A listener', 'it is too slow, and not told of everything');
  }

  tellNear(place: number, decision: Decision): void {
    later(() => this.run('nearLimit.tell', () => this.nearTell?.(decision.rules[place]!, decision)));
  }

  private run(name: string, act: () => unknown): void {
    const failed = (error: unknown) => this.failed(name, error);
    try {
      const answer = act();
      // Also what is no Promise of this realm.
      if (isThenable(answer)) answer.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }

  private failed(name: string, error: unknown): void {
    const nowMs = performance.now();
    if (nowMs - (this.failureSaidMs.get(name) ?? -Infinity) < FAILURE_EVERY_MS) return;
    this.failureSaidMs.set(name, nowMs);
    this.log.warn(`${name} failed; decisions do not depend on it: ${String(error)}`);
  }
}

/** Those options, read. */
interface ReadObservers {
  readonly onDecision?: Sampled;
  readonly onDenied?: Sampled;
  readonly onChange?: OnChange;
}

function isTaken(observer: Sampled | undefined): observer is Sampled {
  return observer !== undefined && (observer.sample === 1 || Math.random() < observer.sample);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
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
  const isTold = later(() => {
    observers?.runOnDecision(decision, request);
    if (decisionChannel.hasSubscribers) {
      decisionChannel.publish({ decision, request } satisfies DecisionMessage);
    }
  });
  if (!isTold) observers?.skipped();
}

/** Reads those options. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readObservers(
  options: Record<string, unknown>,
  nearTell: OnNearLimit | undefined,
  log: Log,
): Observers {
  const onChange = options['onChange'];
  refuseNoFunction(onChange, 'onChange');
  const given: ReadObservers = {
    onDecision: readSampled(options['onDecision'], 'onDecision'),
    onDenied: readSampled(options['onDenied'], 'onDenied'),
    onChange: onChange as OnChange | undefined,
  };
  return new Observers(given, nearTell, log);
}

function readSampled(value: unknown, name: string): Sampled | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null) {
    refuseNoFunction(value, name);
    return { tell: value as OnDecision, sample: 1 };
  }
  requireObject(value, name);
  refuseUnknown(value, ['tell', 'sample'], `${name}.`);
  const { tell, sample } = value as Partial<Sampled>;
  if (typeof tell !== 'function') throw invalidOption(`${name}.tell must be a function, not ${shown(tell)}.`);
  if (typeof sample === 'number' && sample > 0 && sample <= 1) return { tell, sample };
  throw invalidOption(`${name}.sample must be a number above 0 and up to 1, not ${shown(sample)}.`);
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
