import type { Decision } from 'spillway';
import { noteUnanswered } from './health';
import { metrics } from './metrics';

/** Shows a decision on the dashboard, and hands it on. */
export function record<T extends Decision>(route: string, decision: T): T {
  metrics.record(route, decision);
  if (decision.source === 'none') noteUnanswered();
  return decision;
}
