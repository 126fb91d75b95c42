import type { Decision, DeniedDecision } from 'spillway';

/** What each rule of a decision has left. */
export const left = ({ rules }: Decision) => rules.map(({ remaining }) => remaining);

/** The names of a decision's rules. */
export const ids = ({ rules }: Decision) => rules.map(({ rule }) => rule);

/** The denial that it is expected to be: only those have a response. */
export function denialOf(decision: Decision): DeniedDecision {
  if (decision.allowed) throw new Error('the request was admitted');
  return decision;
}
