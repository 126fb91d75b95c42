import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import type { Decision, PlanRule } from '../../index';
import { promise } from '../case';
import { ALGORITHMS, rule, type AnyAlgorithm } from '../rates';
import type { Asking, Stage } from '../stage';
import type { ConformanceCase, OptionalMethod } from '../types';
import { VECTORS, type Vector, type VectorStep } from '../vectors';

/** Every sub-window of the sequences is a part of it. */
const GRID_MS = 6_000;
/** Where no clock can be moved, windows are so much longer: then no time passes while a sequence is played. */
const STRETCH = 3_600;

/** Published and computed sequences, with every number that is answered. */
export const sequences = ALGORITHMS.flatMap((algorithm) =>
  VECTORS[algorithm].map((vector) =>
    promise(`${algorithm}, by numbers: ${vector.name}`, needsOf(vector), async (stage) => {
      for (const beside of [false, true]) {
        await new Player(stage, algorithm, vector, beside).play();
      }
    }),
  ),
) as readonly ConformanceCase[];

function needsOf({ steps }: Vector): OptionalMethod[] {
  return (['refund', 'block'] as const).filter((op) => steps.some((step) => step.op === op));
}

/** Plays a sequence once. */
class Player {
  private readonly limiter: Asking;
  private readonly decisions: Decision[] = [];
  private nowMs = 0;

  /** @param beside with a second rule in every plan, which counts the same and never denies first */
  constructor(
    private readonly stage: Stage,
    private readonly algorithm: AnyAlgorithm,
    private readonly vector: Vector,
    beside: boolean,
  ) {
    const plans = vector.steps.map((step): [string, PlanRule[]] => [
      this.planOf(step),
      beside ? [this.ruleOf(step), this.besideOf(step)] : [this.ruleOf(step)],
    ]);
    const grid = rule(1, GRID_MS * 10, 'sliding-window', { id: 'grid' });
    this.limiter = stage.plans({ ...Object.fromEntries(plans), grid }, beside ? 'beside:' : 'alone:');
  }

  async play(): Promise<void> {
    const { hasClock } = this.stage;
    const { steps } = this.vector;
    if (hasClock && this.algorithm === 'sliding-window') await this.alignClock();
    for (const [number, step] of steps.entries()) {
      if (hasClock) await this.stage.pass(step.at - this.nowMs);
      else if (step.at !== steps[0]!.at) return;
      this.nowMs = step.at;
      const { resetInMs, ...expected } = step.expect;
      const startMs = Date.now();
      const { resetTime, ...said } = await this.take(step, number);
      const what = `step ${number + 1}, ${step.op} at ${step.at}`;
      if (hasClock) {
        deepStrictEqual(said, expected, what);
        // Of `resetTime` the moment of the answer is known only so far.
        const [leastMs, mostMs] = [resetTime! - Date.now(), resetTime! - startMs];
        if (resetInMs !== undefined) {
          ok(leastMs <= resetInMs && resetInMs <= mostMs, `${what}: ends in ${mostMs} ms, not ${resetInMs}`);
        }
      } else {
        const { retryAfterMs = 0, ...told } = said;
        const { retryAfterMs: expectedMs = 0, ...exact } = expected;
        deepStrictEqual(told, exact, what);
        strictEqual(Math.sign(retryAfterMs), Math.sign(expectedMs), what);
      }
    }
  }

  /**
   * Stops the clock where a sub-window begins, as the sequences want it: a unit counts until the last millisecond of its
   * sub-window is one window old. Each prefix may have a table, and a grid, of its own.
   */
  private async alignClock(): Promise<void> {
    const { limiter } = this;
    const asked = { plan: 'grid' };
    await limiter.check('k', asked);
    const { retryAfterMs } = await limiter.check('k', asked);
    const tillNextMs = retryAfterMs - GRID_MS * 10 + 1;
    ok(
      tillNextMs >= 1 && tillNextMs <= GRID_MS,
      `a wait of ${retryAfterMs} ms in a window of ${GRID_MS * 10}`,
    );
    await this.stage.pass(tillNextMs);
    await limiter.reset('k');
  }

  private async take(
    step: VectorStep,
    number: number,
  ): Promise<VectorStep['expect'] & { resetTime?: number }> {
    const { limiter } = this;
    switch (step.op) {
      case 'reset':
        return { existed: await limiter.reset('k') };
      case 'block':
        await limiter.block('k', this.stretched(step.ms!));
        return { blocked: true };
      case 'refund':
        return { refunded: await limiter.refund(this.decisions[step.of!]!, step.units) };
      case 'check':
      case 'peek':
      case 'penalize': {
        const asked = { plan: this.planOf(step), cost: step.cost ?? 1 };
        const decision =
          step.op === 'penalize'
            ? await limiter.penalize('k', asked.cost, asked.plan)
            : await limiter[step.op]('k', asked);
        this.decisions[number] = decision;
        const { allowed, reason, retryAfterMs: waitMs } = decision;
        const { remaining, resetTime } = decision.rules[0]!;
        const retryAfterMs = reason === 'never-fits' ? -1 : waitMs;
        const said = { allowed, remaining, resetTime, retryAfterMs };
        return reason === 'blocked' ? { ...said, blocked: true } : said;
      }
    }
  }

  private stretched(ms: number): number {
    return this.stage.hasClock ? ms : ms * STRETCH;
  }

  private planOf({ limit, windowMs, burst }: VectorStep): string {
    return [limit, windowMs, burst].join(' ');
  }

  private ruleOf({ limit, windowMs, burst }: VectorStep): PlanRule {
    // An id of its own keeps rules of other limits and windows on one key; a fixed window has the plain one.
    const id = this.algorithm === 'fixed-window' ? undefined : 'r';
    return rule(limit, this.stretched(windowMs), this.algorithm, { id, burst });
  }

  private besideOf(step: VectorStep): PlanRule {
    const { limit, burst = limit } = step;
    const most = {
      'fixed-window': Number.MAX_SAFE_INTEGER,
      'sliding-window': Number.MAX_SAFE_INTEGER,
      'sliding-log': 10_000,
      'token-bucket': limit,
    }[this.algorithm];
    const isBucket = this.algorithm === 'token-bucket' && limit > 0;
    return {
      ...this.ruleOf({ ...step, limit: most, burst: isBucket ? burst + 1_000 : undefined }),
      id: 'beside',
    };
  }
}
