import {
  createRateLimiter,
  failoverStore,
  type FailoverOptions,
  type FailureMode,
  type Logger,
  type StoreOption,
} from 'spillway';
import { StateStore } from './state-store';

/** Probes that tests need not wait for long. */
export const PROBE = { intervalMs: 50, timeoutMs: 300 };

/** What a limiter says, line by line. */
export class Lines implements Logger {
  readonly all: string[] = [];

  warn(message: string): void {
    this.all.push(message);
  }

  error(message: string): void {
    this.all.push(message);
  }
}

let limiters = 0;

/** A limiter over several stores, under a prefix of its own. */
export function failoverLimiter(
  stores: readonly StoreOption[],
  {
    limit = 100,
    logger = false,
    failureMode = 'open',
    timeoutMs = 250,
    ...options
  }: FailoverOptions & {
    limit?: number;
    logger?: Logger | false;
    failureMode?: FailureMode;
    timeoutMs?: number;
  } = {},
) {
  return createRateLimiter({
    store: failoverStore(stores, { probe: PROBE, ...options }),
    rate: { requests: limit, windowMs: 60_000 },
    prefix: `failover-${process.pid}-${++limiters}:`,
    logger,
    failureMode,
    timeoutMs,
  });
}

/** A store of one's own that fails, or hangs, when it is told to. */
export class SwitchedStore extends StateStore {
  override readonly name: string;
  how: 'counts' | 'fails' | 'hangs' = 'counts';
  asked = 0;

  constructor(name: string) {
    super();
    this.name = name;
  }

  override async apply(op: Parameters<StateStore['apply']>[0]) {
    this.asked++;
    if (this.how === 'fails') throw new Error('the disk is full');
    if (this.how === 'hangs') await new Promise(() => {});
    return super.apply(op);
  }
}
