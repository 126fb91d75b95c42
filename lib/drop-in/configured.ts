import type { Limiter } from '../limiter/limiter';
import { requireObject } from '../base/validate';

/** The one limiter behind a module's functions: made at the first call, and again after it was closed. */
export class Configured<Options extends object> {
  private limiter: Limiter | undefined;

  /** @param given the options until others are configured */
  constructor(
    private readonly make: (options: Options) => Limiter,
    private given: Options,
  ) {}

  /** @throws RateLimitError `ERR_INVALID_OPTION` */
  get current(): Limiter {
    return (this.limiter ??= this.make(this.given));
  }

  get options(): Options {
    return this.given;
  }

  /** @throws RateLimitError `ERR_INVALID_OPTION`; what was configured before then stays */
  configure(options: Options): void {
    requireObject(options, 'The options of configureRateLimit');
    const given = { ...options };
    const next = this.make(given);
    const previous = this.limiter;
    // Started before the other one is closed, so that a shared store is handed over instead of closed and opened.
    if (previous?.backend.store !== undefined) next.backend.open();
    this.given = given;
    this.limiter = next;
    void previous?.close();
  }

  async close(): Promise<void> {
    const closing = this.limiter;
    this.limiter = undefined;
    await closing?.close();
  }
}
