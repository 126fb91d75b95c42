import type { OnNearLimit } from './limiter-options';
import type { OnNear } from './rule';

/**
 * Calls the application's function in a microtask, because the results that are being handed out share one buffer, and
 * never lets its failure become that of a check.
 */
export function nearTeller(tell: OnNearLimit | undefined): OnNear | undefined {
  if (tell === undefined) return undefined;
  return (place, decision) => {
    void Promise.resolve()
      .then(() => tell(decision.rules[place]!, decision))
      .catch((error: unknown) => process.emitWarning(`spillway: onNearLimit failed: ${String(error)}`));
  };
}
