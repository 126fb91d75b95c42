import { Backend } from './backend';
import { Calls } from './calls';
import { Decided, type Charge } from '../decision/decision';
import { invalidOption, type RateLimitError } from '../base/errors';
import { rateLimitHeaders, type HeaderFormat } from '../http/headers/emit';
import { ResultKind, type Built, type AnyResultKind } from '../decision/result-kind';
import { RuleResolver } from './rule-resolver';
import type { PlanOptions, RateLimiterOptions } from './option-types';
import type { AnyLimiter, ResetOptions } from './types';
import { listed, readListOptions } from './list';
import { readOptions, readResetRule, readUnits, refuseCheckOptions, type Settings } from './options';
import { MAX_WINDOW_MS, type RateObject } from '../rules/rate';
import type { RuleSet } from '../decision/rule-set';
import type { AccessList } from '../rules/access';
import type { RateLimitRequest } from '../rules/identity';
import type { SubjectId } from '../rules/named';
import type { RequestRule } from '../rules/request-rule';
import type { StoredKey } from '../stores/listing';
import { refuseSurplus } from '../base/surplus';
import type { Log } from '../telemetry/logger';
import type { CheckOptions, Decision } from '../decision/types';
import type { Health, ListedKey, ListOptions, Stats } from '../stores/types';
import { isIntegerIn, requireObject } from '../base/validate';
import { readFailureMode } from '../rules/failure-mode';
import { isLocal } from '../stores/local-counts';
import { readKey } from '../decision/subjects';

/** Everything that a limiter does; the drop-in functions and the public limiters are thin layers over it. */
export class Limiter implements AnyLimiter {
  readonly backend: Backend;
  private readonly calls: Calls;
  private readonly resolver: RuleResolver;
  private readonly format: HeaderFormat;

  /** @param failure why the Redis that was meant cannot be used: an outage, which is no mistake of the options */
  constructor(options: RateLimiterOptions, failure?: RateLimitError) {
    const read = readOptions(options);
    const settings: Settings = failure === undefined ? read : { ...read, store: { kind: 'failed', failure } };
    this.format = settings.headers;
    this.resolver = new RuleResolver(
      settings.rules,
      settings.log,
      settings.observers,
      settings.headers,
      (...call) => this.backend.decideLocally(...call),
    );
    this.backend = new Backend(settings, () => this.resolver.meanwhile);
    this.calls = new Calls(this.backend, this.resolver, settings.observers);
  }

  get log(): Log {
    return this.backend.log;
  }

  get access(): AccessList {
    return this.resolver.access;
  }

  setPlans(plans: PlanOptions<string>['plans']): void {
    if (arguments.length > 1) refuseSurplus('setPlans', 1, arguments);
    this.resolver.setPlans(plans);
  }

  setRules(rules: readonly RequestRule[]): void {
    if (arguments.length > 1) refuseSurplus('setRules', 1, arguments);
    this.resolver.setRules(rules);
  }

  hasPlan(name: unknown): name is string {
    if (arguments.length > 1) refuseSurplus('hasPlan', 1, arguments);
    return this.resolver.hasPlan(name);
  }

  check(key: string, plan?: string | CheckOptions, options?: CheckOptions): Promise<Decision> {
    try {
      if (arguments.length > 3) refuseSurplus('check', 3, arguments);
      return this.ask(key, plan, options, ResultKind.Decision);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  peek(key: string, plan?: string | CheckOptions, options?: CheckOptions): Promise<Decision> {
    try {
      if (arguments.length > 3) refuseSurplus('peek', 3, arguments);
      return this.ask(key, plan, options, ResultKind.Look);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  penalize(of: string | Decision, plan?: string | number, units?: number): Promise<Decision> {
    try {
      if (arguments.length > 3) refuseSurplus('penalize', 3, arguments);
      if (typeof plan === 'number' && units === undefined) [plan, units] = [undefined, plan];
      const amount = readUnits(units, 'units');
      if (typeof of !== 'object' || of === null) {
        return this.calls.run(readKey(of), this.resolver.setOf(plan), amount, ResultKind.Penalty);
      }
      if (plan !== undefined) throw invalidOption('penalize takes a decision and units; it knows its plan.');
      const charge = this.chargeOf(of);
      if (charge === undefined) return Promise.resolve(of);
      return this.calls.call(charge.set.origin, charge.subjects, amount, ResultKind.Penalty);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  checkRequest(request: RateLimitRequest): Promise<Decision> {
    try {
      if (arguments.length > 1) refuseSurplus('checkRequest', 1, arguments);
      return this.askFor(request, ResultKind.Decision);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** For `spillway/next`: with whom the one rate counts, as `check` takes it, in place of `planBy`. */
  async checkRequestAs(request: RateLimitRequest, key: string): Promise<Decision> {
    return this.askFor(request, ResultKind.Decision, key);
  }

  /** Whether nothing but plans limits here. */
  get hasPlansOnly(): boolean {
    return this.resolver.hasPlansOnly;
  }

  /** False where there are rules and neither they nor one rate are for requests of this method and path. */
  limits(request: Pick<RateLimitRequest, 'method' | 'path'>): boolean {
    return this.resolver.hasRate || this.resolver.matches(request);
  }

  peekRequest(request: RateLimitRequest): Promise<Decision> {
    try {
      if (arguments.length > 1) refuseSurplus('peekRequest', 1, arguments);
      return this.askFor(request, ResultKind.Look);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * `check` at a cost of 1, with the result built as `kind` says; under `limit`, where there is one, instead of the plan.
   * What is refused is thrown at once.
   */
  checkAs<K extends AnyResultKind>(
    key: string,
    plan: string,
    kind: K,
    limit?: RateObject,
  ): Promise<Built[K]> {
    return this.calls.run(readKey(key), this.setOf(plan, limit), 1, kind);
  }

  /** As `checkAs`, on the in-process store, at once; a look where the kind is a status. */
  now<K extends typeof ResultKind.Result | typeof ResultKind.Status>(
    key: string,
    plan: string,
    kind: K,
    limit?: RateObject,
  ): Built[K] {
    return this.calls.now(readKey(key), this.setOf(plan, limit), kind);
  }

  async refund(decision: Decision, units?: number): Promise<boolean> {
    if (arguments.length > 2) refuseSurplus('refund', 2, arguments);
    const charge = this.chargeOf(decision);
    const given = units === undefined ? undefined : readUnits(units, 'units');
    if (charge === undefined || charge.left === 0) return false;
    const amount = given ?? charge.left;
    if (amount > charge.left) {
      throw invalidOption(
        `units: ${amount} are more than the ${charge.left} that this decision still holds.`,
      );
    }
    const { set, subjects } = charge;
    const marks = typeof charge.marks === 'number' ? [charge.marks] : charge.marks;
    if (isLocal(set)) {
      const taken = this.backend.localCounts?.refund(set, subjects, amount, marks);
      charge.left -= amount;
      return ((await taken) ?? 0) > 0;
    }
    const store = this.backend.need();
    if (store === undefined) return false;
    const outcome = store.refund(set, subjects, amount, marks);
    // Before the answer: what may have been given back is not given back again.
    charge.left -= amount;
    return this.backend.require(store, await outcome) > 0;
  }

  async block(subject: SubjectId, ms: number): Promise<void> {
    if (arguments.length > 2) refuseSurplus('block', 2, arguments);
    if (!isIntegerIn(ms, 1, MAX_WINDOW_MS)) {
      throw invalidOption('ms must be a whole number of milliseconds from 1 to ten years.');
    }
    const names = this.resolver.namesOf(subject);
    if (names.every((name) => this.resolver.everySet(name).length === 0))
      throw invalidOption('Nothing is limited here: use access.deny instead of block.');
    await this.calls.onEvery(names, (store, set, name) => store.block(set, name, ms));
  }

  async reset(subject: SubjectId, options: ResetOptions = {}): Promise<boolean> {
    if (arguments.length > 2) refuseSurplus('reset', 2, arguments);
    const rule = readResetRule(options);
    const names = this.resolver.namesOf(subject);
    this.calls.resetLocally(names, rule);
    return this.calls.onEvery(names, (store, set, name) => store.reset(set, name), rule);
  }

  /** As `reset`, on the in-process store, at once. */
  resetNow(key: string): void {
    this.calls.resetNow(readKey(key));
  }

  /** What plans count under the bare names of subjects, page by page. */
  async *plainCounts(): AsyncGenerator<StoredKey[], void, undefined> {
    const { plainCounts } = this.resolver;
    if (plainCounts !== undefined) yield* this.backend.pages(plainCounts, readListOptions());
  }

  /** As `plainCounts`, on the in-process store, at once. */
  *plainCountsNow(): Generator<StoredKey[], void, undefined> {
    const { plainCounts } = this.resolver;
    if (plainCounts !== undefined) yield* this.backend.pagesNow(plainCounts, readListOptions());
  }

  headers(decision: Decision): Record<string, string> {
    return rateLimitHeaders(decision, { headers: this.format });
  }

  list(options?: ListOptions): AsyncGenerator<ListedKey, void, undefined> {
    if (arguments.length > 1) refuseSurplus('list', 1, arguments);
    const query = readListOptions(options);
    return listed(this.backend, this.resolver.countersOf(query.rule), query);
  }

  health(): Promise<Health> {
    return this.backend.health();
  }

  stats(): Stats {
    return this.backend.stats();
  }

  close(): Promise<void> {
    this.backend.close();
    return Promise.resolve();
  }

  private ask(
    key: string,
    plan: string | CheckOptions | undefined,
    options: CheckOptions | undefined,
    kind: typeof ResultKind.Decision | typeof ResultKind.Look,
  ): Promise<Decision> {
    // check(key, options) of a limiter with one rate.
    if (typeof plan === 'object' && options === undefined && this.resolver.hasRate)
      [plan, options] = [undefined, plan];
    const set = this.resolver.setOf(plan);
    if (options === undefined) return this.calls.run(readKey(key), set, 1, kind);
    refuseCheckOptions(options);
    return this.calls.run(readKey(key), set, readUnits(options.cost, 'cost'), kind, options.failureMode);
  }

  private askFor(
    request: RateLimitRequest,
    kind: typeof ResultKind.Decision | typeof ResultKind.Look,
    key?: string,
  ): Promise<Decision> {
    requireObject(request, 'A request');
    const units = readUnits(request.cost, 'cost');
    const failureMode = request.failureMode === undefined ? undefined : readFailureMode(request.failureMode);
    return this.calls.submit(this.resolver.select(request, key), units, kind, failureMode, request);
  }

  private setOf(plan: string, limit: RateObject | undefined): RuleSet {
    const set = this.resolver.setOf(plan);
    return limit === undefined ? set : this.resolver.limitOf(limit);
  }

  /** What a decision of this limiter was charged; undefined where no rule decided it. */
  private chargeOf(decision: Decision): Charge | undefined {
    const charge = Decided.chargeOf(decision);
    if (charge === undefined || (charge !== null && this.resolver.owns(charge.set))) return charge;
    throw invalidOption(
      'This is no decision of this limiter. Give the very object that check answered; a copy does not know its charge.',
    );
  }
}
