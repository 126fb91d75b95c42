import { closedError, invalidOption, RateLimitError } from '../base/errors';
import { refuseSurplus } from '../base/surplus';
import { refuseUnknown, requireObject } from '../base/validate';
import { validateKey } from '../rules/key';
import { listedName } from '../rules/identity';
import type { Override } from '../rules/override';
import type { Plan } from '../rules/plan';
import type { Versioned } from '../stores/documents';
import { readStore } from '../stores/option';
import { readPrefix } from '../stores/prefix';
import type { SharedRulesStatus } from '../stores/types';
import { readWho, WHO, type Change, type Who } from '../rules/change';
import { readLogger } from '../telemetry/logger';
import { readObservers, type Observers } from '../telemetry/observe';
import { alive, heldAt, readDocument, readExpiry, writeDocument, type RulesDocument } from './document';
import { Followers, type Follower } from './followers';
import { refuseUnreadable } from './generic';
import { RULES, RulesPoll } from './rules-poll';
import { FleetStore } from './store';
import { Trail } from './trail';
import { versionAfter } from './version';
import type { SetOverrideOptions, SharedRules, SharedRulesOptions } from './types';

/** Others win so often in a row only where something changes the rules all the time. */
const MOST_TRIES = 100;
const LONGEST_PAUSE_MS = 20;

/** A change of a document; undefined: there is nothing to change. */
type Edit = (document: RulesDocument) => RulesDocument | undefined;

class SharedRulesOfStore implements SharedRules {
  private readonly store: FleetStore;
  private readonly followers: Followers;
  private readonly poll: RulesPoll;
  private readonly observers: Observers;
  private readonly trail: Trail;
  private closed = false;
  /** Changes of this process go one after the other: none of them has to be tried again for another. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(options: SharedRulesOptions) {
    requireObject(options, 'The options of sharedRules');
    refuseUnknown(options, ['store', 'redis', 'prefix', 'logger', 'onChange'], '');
    const log = readLogger(options.logger);
    this.observers = readObservers({ onChange: options.onChange }, undefined, log);
    const target = readStore(options.store, options.redis);
    const prefix = readPrefix(options.prefix);
    this.store = new FleetStore(target, prefix);
    this.trail = new Trail(target, prefix, log);
    this.followers = new Followers(log);
    this.poll = new RulesPoll(this.store, this.followers, log);
  }

  async setOverride(subject: string, override: Override, options: SetOverrideOptions = {}): Promise<void> {
    if (arguments.length > 3) refuseSurplus('setOverride', 3, arguments);
    requireObject(options, 'The options of setOverride');
    refuseUnknown(options, ['expiresAt', ...WHO], '');
    const { expiresAt } = options;
    readExpiry(expiresAt, 'expiresAt');
    if (expiresAt !== undefined && expiresAt <= Date.now()) {
      throw invalidOption('expiresAt has passed. To end an override, write removeOverride(subject).');
    }
    const who = readWho(options);
    refuseUnreadable({ plans: {}, overrides: { [subject]: override } });
    const name = nameOf(subject);
    const entry = { override, ...(expiresAt !== undefined && { expiresAt }), ...who, setAt: Date.now() };
    await this.change(({ plans, overrides }) => ({ plans, overrides: { ...overrides, [name]: entry } }), {
      kind: 'override',
      subject: name,
      value: override,
      ...who,
    });
  }

  async removeOverride(subject: string, who: Who = {}): Promise<boolean> {
    if (arguments.length > 2) refuseSurplus('removeOverride', 2, arguments);
    const by = whoOf(who, 'removeOverride');
    const name = nameOf(subject);
    return this.change(
      ({ plans, overrides }) =>
        Object.hasOwn(overrides, name) ? { plans, overrides: without(overrides, name) } : undefined,
      { kind: 'override', subject: name, value: null, ...by },
    );
  }

  async setPlans(plans: { readonly [plan: string]: Plan }, who: Who = {}): Promise<void> {
    if (arguments.length > 2) refuseSurplus('setPlans', 2, arguments);
    const by = whoOf(who, 'setPlans');
    requireObject(plans, 'plans');
    if (Object.keys(plans).length === 0) throw invalidOption("plans is empty; write { FREE: '100/h' }.");
    refuseUnreadable({ plans, overrides: {} });
    const setAt = Date.now();
    const set = Object.fromEntries(
      Object.entries(plans).map(([name, plan]) => [name, { plan, ...by, setAt }]),
    );
    await this.change(({ plans: before, overrides }) => ({ plans: { ...before, ...set }, overrides }), {
      kind: 'plans',
      value: plans,
      ...by,
    });
  }

  async removePlan(plan: string, who: Who = {}): Promise<boolean> {
    if (arguments.length > 2) refuseSurplus('removePlan', 2, arguments);
    const by = whoOf(who, 'removePlan');
    return this.change(
      ({ plans, overrides }) =>
        Object.hasOwn(plans, plan) ? { plans: without(plans, plan), overrides } : undefined,
      { kind: 'plans', value: { [plan]: null }, ...by },
    );
  }

  async read(): Promise<RulesDocument & { readonly version: string }> {
    this.refuseClosed();
    const found = await this.poll.read();
    const { plans, overrides } = documentOf(found);
    return { version: found.version, plans, overrides: alive(overrides, Date.now()) };
  }

  status(): SharedRulesStatus {
    return this.poll.status;
  }

  close(): Promise<void> {
    this.closed = true;
    this.poll.stop();
    this.store.release();
    return this.trail.settled();
  }

  follow(follower: Follower): void {
    this.poll.follow(follower);
  }

  started(follower: Follower): void {
    if (this.closed) return;
    this.followers.start(follower);
    this.poll.start();
  }

  ended(follower: Follower): void {
    this.followers.end(follower);
    if (this.followers.isAsking) return;
    this.poll.stop();
    this.store.release();
  }

  private change(edit: Edit, told: Omit<Change, 'at' | 'shared'>): Promise<boolean> {
    this.refuseClosed();
    const done = this.last.then(() => this.tryChange(edit, told));
    this.last = done.catch(() => {});
    return done;
  }

  private async tryChange(edit: Edit, told: Omit<Change, 'at' | 'shared'>): Promise<boolean> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      this.refuseClosed();
      const { documents } = this.store;
      const found = await documents.read(RULES);
      const { version } = found;
      const nowMs = Date.now();
      // A store that lost its data gets back what this process knows.
      const before = version === '' ? this.poll.document : documentOf(found);
      const document = edit({ ...before, overrides: alive(before.overrides, nowMs) });
      if (document === undefined) return false;
      this.followers.check(heldAt(document, nowMs));
      const to = { version: versionAfter(version), text: writeDocument(document) };
      if (await documents.compareAndSet(RULES, version, to)) {
        this.poll.take(to);
        const change: Change = { ...told, shared: true, at: nowMs };
        this.observers.changed(change);
        this.trail.add(change);
        return true;
      }
      await pause(Math.random() * Math.min(LONGEST_PAUSE_MS, tries + 1));
    }
    throw new RateLimitError(
      'ERR_UNAVAILABLE',
      'The shared rules were changed by others again and again. Try again when fewer change them.',
    );
  }

  private refuseClosed(): void {
    if (this.closed) throw closedError();
  }
}

function documentOf(found: Versioned): RulesDocument {
  try {
    return readDocument(found);
  } catch (error) {
    throw new RateLimitError(
      'ERR_UNAVAILABLE',
      `The shared rules in the store cannot be read: ${error instanceof Error ? error.message : String(error)} Delete them, as docs/shared-rules.md says, to begin anew.`,
    );
  }
}

function nameOf(subject: string): string {
  validateKey(subject);
  return subject.startsWith('ip:') ? subject : listedName(subject);
}

function whoOf(who: Who, of: string): Who {
  requireObject(who, `The second argument of ${of}`);
  refuseUnknown(who, WHO, '');
  return readWho(who);
}

function without<T>(entries: { readonly [name: string]: T }, name: string): { [name: string]: T } {
  return Object.fromEntries(Object.entries(entries).filter(([one]) => one !== name));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Overrides and rates of plans that all processes of a prefix share, kept in the store: `createRateLimiter({ ...,
 * sharedRules: shared })`. Each process asks twice a second whether they have changed, no check asks for them, and what was read
 * last holds while the store is away. Creating one connects nothing.
 * @throws RateLimitError `ERR_INVALID_OPTION`; `ERR_UNSUPPORTED` for a store that keeps counts only
 */
export function sharedRules(options: SharedRulesOptions): SharedRules {
  if (arguments.length > 1) refuseSurplus('sharedRules', 1, arguments);
  return new SharedRulesOfStore(options);
}

/** What a limiter sees of it. */
export type Shared = SharedRules & Pick<SharedRulesOfStore, 'follow' | 'started' | 'ended'>;

/** Reads the option `sharedRules`. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readSharedRules(value: unknown): Shared | undefined {
  if (value === undefined || value instanceof SharedRulesOfStore) return value;
  // A bundler evaluates modules several times; all copies read what the others made.
  const { follow } = (value ?? {}) as { follow?: unknown };
  if (typeof follow === 'function') return value as Shared;
  throw invalidOption('sharedRules must be what sharedRules({ store }) gives.');
}
