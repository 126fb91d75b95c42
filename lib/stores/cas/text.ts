/** What is kept for a key: a state, and the moment from which it means nothing. */
interface Held {
  readonly state: string;
  readonly untilMs: number;
}

const FORM = /^([0-9a-z]{1,11}) ([ -~]+)$/;
/** No state: what is kept was not written here. */
export const FOREIGN = '';

export const write = ({ state, untilMs }: Held): string => `${untilMs.toString(36)} ${state}`;

/** The state that means something at this moment; null: there is none. */
export function stateAt(text: string | undefined, nowMs: number): string | null {
  if (text === undefined) return null;
  const [, until, state] = FORM.exec(text) ?? [];
  if (until === undefined || state === undefined) return FOREIGN;
  return nowMs < Number.parseInt(until, 36) ? state : null;
}
