import type { AnyLimiter, Decision } from '../index';
import { durationText, shownId } from '../base/text';
import { withLimiter, type StoreFlags } from './open';
import { UsageError } from './usage';
import { coloured, say, sayJson } from './text';

export interface CheckFlags extends StoreFlags {
  readonly plan?: string;
  readonly count: number;
  readonly cost: number;
}

/** Tries a limit: real checks, which are counted. Exit code 2 where one was not counted. */
export async function check(key: string, flags: CheckFlags): Promise<number> {
  const decisions = await withLimiter(flags, async (limiter, { plans }) => {
    if (plans !== undefined && flags.plan === undefined) {
      throw new UsageError(`Name a plan with --plan: ${Object.keys(plans).join(', ')}.`);
    }
    return asked(limiter, key, flags);
  });
  if (flags.json === true) sayJson(decisions.map((decision) => ({ ...decision })));
  else tell(key, decisions);
  return decisions.every(({ source, reason }) => source !== 'none' || reason !== 'unavailable') ? 0 : 2;
}

async function asked(
  limiter: AnyLimiter,
  key: string,
  { plan, count, cost }: CheckFlags,
): Promise<Decision[]> {
  const decisions: Decision[] = [];
  for (let i = 0; i < count; i++) {
    decisions.push(
      await (plan === undefined
        ? limiter.check(key, undefined, { cost })
        : limiter.check(key, plan, { cost })),
    );
  }
  return decisions;
}

function tell(key: string, decisions: readonly Decision[]): void {
  const last = decisions.at(-1)!;
  const admitted = decisions.filter(({ allowed }) => allowed).length;
  const lost = decisions.filter(({ reason }) => reason === 'unavailable').length;
  if (lost > 0)
    say(coloured(`${lost} of ${decisions.length} were not counted: the store did not answer.`, 'red'));
  say(`${shownId(key)}: ${admitted} admitted, ${decisions.length - admitted} denied.`);
  if (last.rule === '') return;
  const ends = durationText(last.resetTime - Date.now());
  say(`${last.remaining} of ${last.limit} left under ${last.rule}; all of it is there again in ${ends}.`);
  if (!last.allowed) say(`The next is admitted in ${durationText(last.retryAfterMs)} (${last.reason}).`);
}
