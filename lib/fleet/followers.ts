import { RateLimitError } from '../base/errors';
import type { SharedSet } from '../rules/shared-set';
import type { Log } from '../telemetry/logger';

/** A limiter, as far as it takes rules that the fleet shares. */
export interface Follower {
  /** @throws RateLimitError `ERR_INVALID_OPTION` for what it could not use; it changes nothing */
  checkShared(shared: SharedSet): void;
  useShared(shared: SharedSet): void;
}

/** The limiters of this process, which are not kept by that. */
export class Followers {
  private readonly all = new Set<WeakRef<Follower>>();
  /** Those that have been asked something. */
  private readonly asked = new WeakSet<Follower>();

  constructor(private readonly log: Log) {}

  /** One that was created. It is asked nothing before its first call. */
  add(follower: Follower): void {
    this.all.add(new WeakRef(follower));
  }

  /** @throws RateLimitError `ERR_INVALID_OPTION` */
  check(shared: SharedSet): void {
    for (const one of this.each()) one.checkShared(shared);
  }

  /** Each takes it or keeps what it had. @returns why the first one kept it */
  use(shared: SharedSet, version: string): string | null {
    let error: string | null = null;
    for (const one of this.each()) error ??= this.give(one, shared, version);
    return error;
  }

  private give(to: Follower, shared: SharedSet, version: string): string | null {
    try {
      to.useShared(shared);
      return null;
    } catch (error) {
      if (!(error instanceof RateLimitError)) throw error;
      this.log.once(
        `shared rules ${version}`,
        `Shared rules (version ${version}) are refused, and those before them hold on: ${error.message}`,
        'error',
      );
      return error.message;
    }
  }

  start(follower: Follower): void {
    this.asked.add(follower);
  }

  end(follower: Follower): void {
    this.asked.delete(follower);
    for (const one of this.all) if (one.deref() === follower) this.all.delete(one);
  }

  /** Whether one of them is in use. */
  get isAsking(): boolean {
    return [...this.each()].some((one) => this.asked.has(one));
  }

  private *each(): Generator<Follower> {
    for (const reference of this.all) {
      const follower = reference.deref();
      if (follower === undefined) this.all.delete(reference);
      else yield follower;
    }
  }
}
