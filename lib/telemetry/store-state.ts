import { statusText } from '../decision/status';
import { sentence } from '../base/errors';
import { Status } from '../decision/status';
import type { FailureMode } from '../rules/failure-mode';
import type { BreakerState } from './breaker-state';
import { stateChannel, type StateMessage } from './channels';
import type { Log } from './logger';

/** What happened to a connection, or was learned about a server. */
export const StoreEvent = {
  /** A connection is being made. */
  Dialing: 0,
  /** It stands, and the login was answered. */
  Ready: 1,
  /** A dial failed, a login was refused or a connection ended; the reason says why. */
  Lost: 2,
  /** A command was refused with an error that waiting does not mend (OOM, NOPERM, MISCONF ...): checks are not counted there. */
  Refused: 3,
  /** After `Lost` or `Refused`: a check was counted there again. */
  Counting: 4,
  /** The server may drop keys that still count; the reason is its `maxmemory-policy`. Once for each connection. */
  Evicts: 5,
  /** A server that was given as a single one is a node of a cluster; the reason is how that was learned. */
  Clustered: 6,
  /** A server's breaker opened, lets a check try, or closed; the reason says which. */
  Breaker: 7,
} as const;

/** While a store is away it is said at most so often, with the number of checks that were decided without it. */
const REMIND_EVERY_MS = 60_000;

/** A store counts again when it has answered, and nothing has failed for so long. */
const QUIET_MS = 1_000;

/**
 * What happens to requests meanwhile, where rules of one logger's limiters disagree: `mixed`. `next`: another store counts
 * them.
 */
export type Meanwhile = FailureMode | 'mixed' | 'next';

const MEANWHILE: { readonly [M in Meanwhile]: string } = {
  open: "Until it does, requests are admitted without being counted (failureMode: 'open').",
  closed: "Until it does, requests are denied (failureMode: 'closed').",
  memory:
    "Until it does, requests are counted by each process for itself, so that all together may admit more (failureMode: 'memory').",
  mixed:
    'Until it does, requests are admitted, denied or counted by each process for itself, as failureMode of their rules says.',
  next: 'Until it does, the next store counts.',
};

interface Listener {
  readonly log: Log;
  readonly policies: Meanwhile[];
}

/** What a store tells of itself. */
export interface Watched {
  /** `Redis`, say. */
  readonly name: string;
  readonly source: string;
  /** Why calls are not counted at the moment, the address in front; empty where they are. */
  trouble(): string;
  breaker(): BreakerState;
}

/**
 * Whether a store counts, as it is said to those who run the application: one line for each change, never one for each
 * request. The loggers of all limiters that share the store hear of it. A machine without timers: it speaks when
 * something happens.
 */
export class StoreState {
  /** Read for every batch: whether an answer is news. */
  away = false;
  /** Told when a server could not be reached, and when a connection stands. */
  readonly onReach = new Set<(reached: boolean) => void>();
  private readonly listeners = new Map<object, Listener>();
  /** Servers that are away. */
  private readonly nodes = new Set<string>();
  /** Servers whose connection stands. */
  private readonly ready = new Set<string>();
  private uncounted = 0;
  private awaySinceMs = 0;
  private lastFailureMs = 0;
  private lastSaidMs = 0;

  constructor(
    private readonly store: Watched,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Since when it does not count, in milliseconds since the epoch; null: it counts. */
  get awaySince(): number | null {
    return this.away ? Date.now() - (this.nowMs() - this.awaySinceMs) : null;
  }

  /** Answers what ends it. */
  listen(log: Log, meanwhile: Meanwhile): () => void {
    const listener = this.listeners.get(log.identity) ?? { log, policies: [] };
    this.listeners.set(log.identity, listener);
    listener.policies.push(meanwhile);
    return () => {
      listener.policies.splice(listener.policies.indexOf(meanwhile), 1);
      if (listener.policies.length === 0) this.listeners.delete(log.identity);
    };
  }

  /** A call ended without an answer. */
  missed(status: number, isCheck: boolean): void {
    if (status === Status.Closed) return;
    if (status === Status.Foreign) {
      this.once(
        'foreign',
        'A key under the prefix of this limiter holds what spillway did not write. It is left alone, and checks of that key are decided by failureMode. Give the limiter a prefix of its own.',
      );
      return;
    }
    if (isCheck) this.uncounted++;
    if (this.away && this.nowMs() - this.lastSaidMs < REMIND_EVERY_MS) {
      // The core is not asked for its reasons by each of many calls.
      this.lastFailureMs = this.nowMs();
      return;
    }
    const [address, reason] = split(this.store.trouble() || statusText(status));
    this.fail(address, reason);
  }

  /** Calls were answered while the store was away. */
  answered(): void {
    const nowMs = this.nowMs();
    if (!this.away || nowMs - this.lastFailureMs < QUIET_MS || this.store.trouble() !== '') return;
    const seconds = ((nowMs - this.awaySinceMs) / 1_000).toFixed(1);
    const { uncounted } = this;
    this.away = false;
    this.uncounted = 0;
    const nodes = [...this.nodes];
    this.nodes.clear();
    this.each(({ log }) =>
      log.warn(
        `${this.store.name} counts again${at(nodes.join(', '))} after ${seconds} s; ${checks(uncounted)} decided without it.`,
      ),
    );
    this.publish({ state: 'counting', address: nodes.join(', '), reason: '', uncounted });
  }

  /** What the core says of its connections. */
  event(kind: number, address: string, reason: string): void {
    const { name } = this.store;
    switch (kind) {
      case StoreEvent.Dialing:
        this.debug(`${name}: connecting to ${address}`);
        return;
      case StoreEvent.Ready:
        this.debug(`${name}: connected to ${address}`);
        this.ready.add(address);
        for (const told of this.onReach) told(true);
        return;
      case StoreEvent.Lost:
        this.debug(`${name}: no connection to ${address}: ${reason}`);
        // One that stood is dialled anew, and nobody need notice: many servers close idle connections.
        if (this.ready.delete(address)) return;
        this.fail(address, reason);
        for (const told of this.onReach) told(false);
        return;
      case StoreEvent.Refused:
        this.fail(address, reason);
        return;
      case StoreEvent.Counting:
        this.debug(`${name}: ${address} counts`);
        return;
      case StoreEvent.Evicts:
        this.once(
          `evicts ${address}`,
          `${name}${at(address)} may drop keys that still count: its maxmemory-policy is ${reason}. A dropped key starts afresh, so its limit is admitted once more. Set it to noeviction or volatile-ttl.`,
        );
        return;
      case StoreEvent.Breaker:
        this.breakerChanged(address, reason);
        return;
      case StoreEvent.Clustered:
        this.debug(`${name}: ${address} is a node of a cluster (${reason})`);
    }
  }

  /** A breaker has another state. */
  breakerChanged(address: string, state: string): void {
    this.debug(`${this.store.name}: circuit breaker${at(address)} ${state}`);
    this.publish({ state: 'breaker', address, reason: '', uncounted: this.uncounted });
  }

  /** Says what is neither the end nor the return of this store. */
  protected announce(what: string): void {
    this.each(({ log }) => log.warn(what));
    this.publish({ state: 'moved', address: '', reason: what, uncounted: this.uncounted });
  }

  private fail(address: string, reason: string): void {
    const nowMs = this.nowMs();
    this.lastFailureMs = nowMs;
    const isNew = !this.away || (address !== '' && !this.nodes.has(address) && this.nodes.size > 0);
    if (address !== '') this.nodes.add(address);
    if (isNew) {
      if (!this.away) this.awaySinceMs = nowMs;
      this.away = true;
      this.lastSaidMs = nowMs;
      this.each(({ log, policies }) => {
        log.error(
          `${this.store.name}${at(address)} does not count: ${sentence(reason)} ${meanwhile(policies)}`,
        );
      });
    } else if (nowMs - this.lastSaidMs >= REMIND_EVERY_MS) {
      this.lastSaidMs = nowMs;
      const seconds = Math.round((nowMs - this.awaySinceMs) / 1_000);
      this.each(({ log, policies }) => {
        log.error(
          `${this.store.name}${at(address)} has not counted for ${seconds} s: ${sentence(reason)} ${checks(this.uncounted)} decided without it. ${meanwhile(policies)}`,
        );
      });
    } else {
      return;
    }
    this.publish({ state: 'away', address, reason, uncounted: this.uncounted });
  }

  private debug(message: string): void {
    this.each(({ log }) => log.debug(message));
  }

  private once(name: string, message: string): void {
    this.each(({ log }) => log.once(name, message));
  }

  private each(act: (listener: Listener) => void): void {
    for (const listener of [...this.listeners.values()]) act(listener);
  }

  private publish(message: Omit<StateMessage, 'store' | 'breaker'>): void {
    if (!stateChannel.hasSubscribers) return;
    stateChannel.publish({ ...message, store: this.store.source, breaker: this.store.breaker() });
  }
}

/** `10.0.0.1:6379: connection refused` in two; without an address the first part is empty. */
function split(trouble: string): [address: string, reason: string] {
  const found = /^(\S*[:/]\S*): (.*)$/s.exec(trouble);
  return found === null ? ['', trouble] : [found[1]!, found[2]!];
}

function at(address: string): string {
  return address === '' ? '' : ` at ${address}`;
}

function checks(count: number): string {
  return count === 1 ? '1 check was' : `${count.toLocaleString('en')} checks were`;
}

/** Where some limiters have another store and some have none, those that have none are spoken of. */
function meanwhile(policies: readonly Meanwhile[]): string {
  const alone = policies.filter((one) => one !== 'next');
  const [first = policies.length > 0 ? 'next' : 'open'] = alone;
  return MEANWHILE[alone.every((one) => one === first) ? first : 'mixed'];
}
