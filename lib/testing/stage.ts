import { randomUUID } from 'node:crypto';
import { ok } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createRateLimiter,
  type Decision,
  type ListedKey,
  type ListOptions,
  type Plan,
  type PlanLimiter,
  type ResetOptions,
  type StoreOption,
} from '../index';
import type { OpenedStore, OpenStore } from './types';

/** The plan of a limiter that has one. */
export const ONLY = 'only';

/** One hour: long enough that nothing ends while a case runs. */
export const LONG_MS = 3_600_000;

/** A store, the time that it lives in, and the limiters that a case makes over it. */
export class Stage {
  private readonly limiters: Asking[] = [];

  private constructor(
    private readonly opened: OpenedStore,
    private readonly prefix: string,
  ) {}

  static async open(open: OpenStore): Promise<Stage> {
    const given = await open();
    const opened: OpenedStore = 'store' in given ? given : { store: given };
    return new Stage(opened, `${opened.prefix ?? ''}conformance-${randomUUID()}:`);
  }

  /** Whether the store's clock moves only when it is told to. */
  get hasClock(): boolean {
    return this.opened.advance !== undefined;
  }

  /** A window whose end a case sees. */
  get windowMs(): number {
    return this.hasClock ? 60_000 : 1_000;
  }

  /** A limiter over the store, by the names of plans; `area` sets keys of limiters apart. */
  plans(plans: Record<string, Plan>, area = ''): Asking {
    const limiter = new Asking(this.opened.store, this.prefix + area, plans);
    this.limiters.push(limiter);
    return limiter;
  }

  /** A limiter with one plan. */
  limiter(plan: Plan, area = ''): Asking {
    return this.plans({ [ONLY]: plan }, area);
  }

  /** So much time passes for the store, at least. */
  async pass(ms: number): Promise<void> {
    if (ms <= 0) return;
    if (this.opened.advance !== undefined) await this.opened.advance(ms);
    // Timers may come a millisecond early, and the store's clock may be another one.
    else await sleep(ms + 5);
  }

  async close(): Promise<void> {
    for (const limiter of this.limiters) await limiter.close();
    await this.opened.close?.();
  }
}

/** A limiter whose answers have to come from the store. */
export class Asking {
  private readonly limiter: PlanLimiter<string>;

  constructor(store: StoreOption, prefix: string, plans: Record<string, Plan>) {
    // Slow is no fault here; what a store rejects with is answered by `failureMode`, and seen in `answered`.
    this.limiter = createRateLimiter({ store, prefix, plans, timeoutMs: 10_000, logger: false });
  }

  async check(key: string, { plan = ONLY, cost = 1 } = {}): Promise<Decision> {
    return this.answered(await this.limiter.check(key, plan, { cost }));
  }

  async peek(key: string, { plan = ONLY, cost = 1 } = {}): Promise<Decision> {
    return this.answered(await this.limiter.peek(key, plan, { cost }));
  }

  async penalize(key: string, units = 1, plan = ONLY): Promise<Decision> {
    return this.answered(await this.limiter.penalize(key, plan, units));
  }

  /** Units left under each rule. */
  async left(key: string, plan = ONLY): Promise<number[]> {
    return (await this.peek(key, { plan })).rules.map(({ remaining }) => remaining);
  }

  refund(decision: Decision, units?: number): Promise<boolean> {
    return supported(this.limiter.refund(decision, units));
  }

  block(key: string, ms: number): Promise<void> {
    return supported(this.limiter.block(key, ms));
  }

  reset(key: string, options?: ResetOptions): Promise<boolean> {
    return this.limiter.reset(key, options);
  }

  async list(options?: ListOptions): Promise<ListedKey[]> {
    const listed: ListedKey[] = [];
    const list = async () => {
      for await (const item of this.limiter.list(options)) listed.push(item);
    };
    await supported(list());
    return listed;
  }

  /** The limiter itself, for what a case asks of nothing else. */
  get itself(): PlanLimiter<string> {
    return this.limiter;
  }

  close(): Promise<void> {
    return this.limiter.close();
  }

  private answered(decision: Decision): Decision {
    const { lastError } = this.limiter.stats();
    ok(
      decision.source !== 'none',
      `the store gave no answer (${decision.reason}${lastError === null ? '' : `: ${lastError}`})`,
    );
    return decision;
  }
}

/** Says what to do about a method that is missing on purpose. */
async function supported<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (code !== 'ERR_UNSUPPORTED') throw error;
    throw new Error(`${String(message)} Where that is meant, name the method in \`without\`.`, {
      cause: error,
    });
  }
}
