import { invalidOption } from '../base/errors';
import { MAX_RULES } from './rule';
import type { CompiledPlan } from './plan';
import { readingsOf, type Pattern, type Reading } from './pattern';
import { type Entry } from './request-rule';
import { applying } from './applying';

/** A segment that only a star matches. */
const ANY = '\0';

/**
 * Refuses rules of which more than 8 would apply to one request, tried with the requests that their own patterns
 * describe. What this does not see is refused by the check itself.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function refuseTooMany({
  entries,
  plans,
  rate,
}: {
  readonly entries: readonly Entry[];
  readonly plans: ReadonlyMap<string, CompiledPlan>;
  readonly rate: CompiledPlan | undefined;
}): void {
  const ofPlan = Math.max(rate?.length ?? 0, ...[...plans.values()].map((rules) => rules.length));
  for (const { pattern } of entries) {
    for (const { method, readings } of witnesses(pattern, entries)) {
      const matches = applying(entries, method, readings);
      const ids = matches.filter(({ of }) => of.rule !== undefined).map(({ of }) => of.id);
      if (ids.length + ofPlan > MAX_RULES) throw tooMany(ids, ofPlan);
    }
  }
}

/** The error where a check would carry more rules than one script takes. */
export function tooMany(ids: readonly string[], ofPlan: number) {
  const plan = ofPlan === 0 ? '' : ` and the ${ofPlan} of a plan`;
  return invalidOption(
    `A request may have at most ${MAX_RULES} rules, but ${ids.join(', ')}${plan} apply together. Put some into a group, or join them.`,
  );
}

/**
 * Where a path can be read as its pattern and in another way, no rule takes its group's place, and the most rules apply.
 */
function witnesses(pattern: Pattern, entries: readonly Entry[]): { method: string; readings: Reading[] }[] {
  const methods =
    pattern.method === undefined ? entries.map((entry) => entry.pattern.method ?? ANY) : [pattern.method];
  const path = pattern.segments.map((segment) => segment ?? ANY);
  const paths = pattern.below ? [path, [...path, ANY]] : [path];
  return [...new Set(methods)].flatMap((method) =>
    paths.map((one) => ({ method, readings: readingsOf({ readings: [one, one.map(() => ANY)] }) })),
  );
}
