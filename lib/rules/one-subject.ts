import { invalidOption, type RateLimitError } from '../base/errors';
import type { Identity } from './identity';
import type { CompiledPlan } from './plan';
import type { Entry } from './request-rule';

/**
 * Refuses rules that may count different subjects of one request, where each subject has a store of its own: no store could
 * then charge all of them or none. Those that have the same identities in the same order count the same one.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function refuseMixedSubjects({
  entries,
  plans,
  rate,
  planBy,
}: {
  readonly entries: readonly Entry[];
  readonly plans: ReadonlyMap<string, CompiledPlan>;
  readonly rate: CompiledPlan | undefined;
  readonly planBy: readonly Identity[];
}): void {
  const ofRules = [...new Set(entries.map(({ of }) => of))].map(({ by }) => by);
  const all = plans.size > 0 || rate !== undefined ? [planBy, ...ofRules] : ofRules;
  const [first = [], ...others] = all;
  const isSame = others.every((by) => by.length === first.length && by.every((one, i) => one === first[i]));
  // Which path is the endpoint depends on the pattern.
  if (!isSame || (others.length > 0 && first.includes('endpoint'))) throw mixedSubjects();
}

/** The error where one check would have to be counted in several stores. */
export function mixedSubjects(): RateLimitError {
  return invalidOption(
    "The rules count different identities, so a request would have to be counted in several stores at once: with strategy 'round-robin' all rules need the same 'by' (plans and the rate: planBy). Use 'first-healthy', or one identity.",
  );
}
