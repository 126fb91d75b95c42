import { Backend } from './backend';
import { Calls } from './calls';
import { Decided, type Charge } from '../decision/decision';
import { invalidOption, shown, type RateLimitError } from '../base/errors';
import { rateLimitHeaders, type HeaderFormat } from '../http/headers/emit';
import { ResultKind, type Built, type AnyResultKind } from '../decision/result-kind';
import { RuleResolver } from './rule-resolver';
import { Analytics, type FleetOptions } from '../fleet/analytics';
import type { FleetView } from '../fleet/view';
import type { SharedRules } from '../fleet/types';
import { Trail } from '../fleet/trail';
import type { Shared } from '../fleet/shared-rules';
import type { PlanOptions, RateLimiterOptions } from './option-types';
import type { AnyLimiter, LimiterStats, ResetOptions } from './types';
import type { Described } from './describe';
import { found, listed, page, readListOptions } from './list';
import { readOptions, readRule, readUnits, refuseCheckOptions, type Settings } from './options';
import { MAX_WINDOW_MS, type RateObject } from '../rules/rate';
import { readBoolean } from '../rules/rule';
import type { RuleSet } from '../decision/rule-set';
import type { AccessList } from '../rules/access';
import type { RateLimitRequest } from '../rules/identity';
import type { SubjectId } from '../rules/named';
import type { RequestRule } from '../rules/request-rule';
import type { StoredKey } from '../stores/listing';
import { refuseSurplus } from '../base/surplus';
import { readWho, type Change, type Who } from '../rules/change';
import type { Log } from '../telemetry/logger';
import type { Observers } from '../telemetry/observe';
import type { CheckOptions, Decision } from '../decision/types';
import { Counters, type DeniedSubject } from '../telemetry/counters';
import { MOST_SUBJECTS } from '../telemetry/top-denied';
import type { Health, HealthOptions, KeyPage, ListedKey, ListOptions, PageOptions } from '../stores/types';
import { isIntegerIn, readInteger, refuseUnknown, requireObject } from '../base/validate';
import { readFailureMode } from '../rules/failure-mode';
import { isLocal } from '../stores/local-counts';
import { readKey } from '../decision/subjects';

/** Everything that a limiter does; the drop-in functions and the public limiters are thin layers over it. */
export class Limiter implements AnyLimiter {
  readonly backend: Backend;
  private readonly calls: Calls;
  private readonly counters = new Counters();
  private readonly resolver: RuleResolver;
  private readonly format: HeaderFormat;
  private readonly shared: Shared | undefined;
  private readonly observers: Observers;
  private readonly trail: Trail;
  private readonly analytics: Analytics | undefined;

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
      this.counters,
    );
    const { shared } = settings;
    this.shared = shared;
    shared?.follow(this.resolver);
    this.backend = new Backend(
      settings,
      () => this.resolver.meanwhile,
      () => shared?.started(this.resolver),
    );
    this.observers = settings.observers;
    this.trail = new Trail(settings.store, settings.prefix, settings.log);
    this.access.onChange = (change) => this.tell(change);
    if (settings.analytics) {
      const { store, prefix, log } = settings;
      this.analytics = new Analytics(store, prefix, this.backend.source, log);
      this.observers.countBy(this.analytics.record);
    }
    this.calls = new Calls(this.backend, this.resolver, settings.observers, this.counters);
  }

  get log(): Log {
    return this.backend.log;
  }

  get access(): AccessList {
    return this.resolver.access;
  }

  setPlans(plans: PlanOptions<string>['plans'], who: Who = {}): void {
    if (arguments.length > 2) refuseSurplus('setPlans', 2, arguments);
    const by = readWho(who);
    this.resolver.setPlans(plans);
    this.changed({ kind: 'plans', value: plans, ...by });
  }

  setRules(rules: readonly RequestRule[], who: Who = {}): void {
    if (arguments.length > 2) refuseSurplus('setRules', 2, arguments);
    const by = readWho(who);
    this.resolver.setRules(rules);
    this.changed({ kind: 'rules', value: rules.map(({ id, match }) => id ?? match), ...by });
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

  async block(subject: SubjectId, ms: number, who: Who = {}): Promise<void> {
    if (arguments.length > 3) refuseSurplus('block', 3, arguments);
    const by = readWho(who);
    if (!isIntegerIn(ms, 1, MAX_WINDOW_MS)) {
      throw invalidOption('ms must be a whole number of milliseconds from 1 to ten years.');
    }
    const names = this.resolver.namesOf(subject);
    if (names.every((name) => this.resolver.everySet(name).length === 0))
      throw invalidOption('Nothing is limited here: use access.deny instead of block.');
    await this.calls.onEvery(names, (store, set, name) => store.block(set, name, ms));
    this.changed({ kind: 'block', subject: names[0]!, value: ms, ...by });
  }

  async reset(subject: SubjectId, options: ResetOptions = {}): Promise<boolean> {
    if (arguments.length > 2) refuseSurplus('reset', 2, arguments);
    const rule = readRule(options, 'reset');
    const by = readWho(options);
    const names = this.resolver.namesOf(subject);
    this.calls.resetLocally(names, rule);
    const had = await this.calls.onEvery(names, (store, set, name) => store.reset(set, name), rule);
    this.changed({ kind: 'reset', subject: names[0]!, value: rule, ...by });
    return had;
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

  async status(subject: SubjectId, options: ResetOptions = {}): Promise<ListedKey[]> {
    if (arguments.length > 2) refuseSurplus('status', 2, arguments);
    const names = this.resolver.namesOf(subject);
    return found(this.backend, this.resolver.countersOf(readRule(options, 'status')), names);
  }

  list(options?: ListOptions): AsyncGenerator<ListedKey, void, undefined> {
    if (arguments.length > 1) refuseSurplus('list', 1, arguments);
    const query = readListOptions(options);
    return listed(this.backend, this.resolver.countersOf(query.rule), query);
  }

  async page({ cursor = '', ...options }: PageOptions = {}): Promise<KeyPage> {
    if (arguments.length > 1) refuseSurplus('page', 1, arguments);
    const query = readListOptions(options);
    if (typeof cursor !== 'string') throw invalidOption(`cursor must be a text, not ${shown(cursor)}.`);
    return page(this.backend, this.resolver.countersOf(query.rule), query, cursor);
  }

  describe(): Described {
    return this.resolver.describe(this.backend.prefix);
  }

  async fleet(options?: FleetOptions): Promise<FleetView> {
    if (arguments.length > 1) refuseSurplus('fleet', 1, arguments);
    if (this.analytics !== undefined) return this.analytics.view(options);
    throw invalidOption('fleet() needs analytics: true in the options of the limiter.');
  }

  async changes(): Promise<readonly Change[]> {
    if (arguments.length > 0) refuseSurplus('changes', 0, arguments);
    return this.trail.read();
  }

  get sharedRules(): SharedRules | undefined {
    return this.shared;
  }

  async health(options: HealthOptions = {}): Promise<Health> {
    if (arguments.length > 1) refuseSurplus('health', 1, arguments);
    requireObject(options, 'The options of health');
    refuseUnknown(options, ['memory'], '');
    const withMemory = readBoolean(options.memory, 'memory');
    return { ...(await this.backend.health(withMemory)), ...this.sharedStatus };
  }

  stats(): LimiterStats {
    const { counters } = this;
    const counted = { decisions: counters.readDecisions(), rules: counters.readRules() };
    return { ...this.backend.stats(), ...counted, ...this.sharedStatus };
  }

  topDenied(most = 100): DeniedSubject[] {
    if (arguments.length > 1) refuseSurplus('topDenied', 1, arguments);
    return this.counters.topDenied(readInteger(most, 'most', 100, 1, MOST_SUBJECTS));
  }

  private get sharedStatus(): Pick<Health, 'sharedRules'> {
    return this.shared === undefined ? {} : { sharedRules: this.shared.status() };
  }

  async close(): Promise<void> {
    this.backend.close();
    this.shared?.ended(this.resolver);
    await Promise.all([this.trail.settled(), this.analytics?.close()]);
  }

  private changed(change: Omit<Change, 'at' | 'shared'>): void {
    this.tell({ ...change, shared: false, at: Date.now() });
  }

  private tell(change: Change): void {
    this.observers.changed(change);
    this.trail.add(change);
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
