import type { Decision } from 'spillway';

/** What each rule of a decision has left. */
export const left = ({ rules }: Decision) => rules.map(({ remaining }) => remaining);

/** The names of a decision's rules. */
export const ids = ({ rules }: Decision) => rules.map(({ rule }) => rule);
