import { shownId } from '../../base/text';
import { post } from './api';
import { confirm, type Choice } from './confirm';
import { h, say } from './dom';

const MINUTE = 60_000;
const TIMES = [
  [String(15 * MINUTE), '15 minutes'],
  [String(60 * MINUTE), '1 hour'],
  [String(240 * MINUTE), '4 hours'],
  [String(1_440 * MINUTE), '1 day'],
  [String(10_080 * MINUTE), '1 week'],
] as const;

const howLong: Choice = { name: 'ms', label: 'For how long', options: TIMES, value: String(60 * MINUTE) };

export interface Target {
  readonly subject: string;
  readonly name: string;
}

/** Something is done, and then the page shows what came of it. */
export type Done = () => void;

export function liftButton({ subject, name }: Target, done: Done, rule?: string): HTMLElement {
  const what = rule === undefined ? 'all rules' : `the rule ${rule}`;
  const act = async () => {
    await post('reset', { subject, ...(rule !== undefined && { rule }) });
    say(`${shownId(name)} has the whole limit again.`);
    done();
  };
  const ask = () =>
    confirm(
      `Lift ${shownId(name)}?`,
      `What ${what} counted for it is forgotten, and a block ends. It has its whole limit again.`,
      'Lift',
      [],
      act,
    );
  return h('button', { type: 'button', 'aria-label': `Lift ${shownId(name)}`, click: ask }, 'Lift');
}

export function blockButton({ subject, name }: Target, done: Done): HTMLElement {
  const act = async ({ ms }: { readonly [name: string]: string }) => {
    await post('block', { subject, ms: Number(ms) });
    say(`${shownId(name)} is blocked.`);
    done();
  };
  const ask = () =>
    confirm(`Block ${shownId(name)}?`, 'Every rule denies it until the block ends.', 'Block', [howLong], act);
  return h(
    'button',
    { type: 'button', class: 'danger', 'aria-label': `Block ${shownId(name)}`, click: ask },
    'Block',
  );
}

export function raiseButton({ subject, name }: Target, done: Done): HTMLElement {
  const act = async ({ ms, to }: { readonly [name: string]: string }) => {
    await post('raise', { subject, ms: Number(ms), to });
    say(`${shownId(name)} has other limits in every process within a second.`);
    done();
  };
  const limit: Choice = { name: 'to', label: 'To (2x, 500/h, unlimited)', value: '2x' };
  const ask = () =>
    confirm(
      `Raise ${shownId(name)}?`,
      'It has these limits in the whole fleet, and its own again when the time is over.',
      'Raise',
      [limit, howLong],
      act,
    );
  return h('button', { type: 'button', 'aria-label': `Raise ${shownId(name)}`, click: ask }, 'Raise');
}

export function lowerButton({ subject, name }: Target, done: Done): HTMLElement {
  const act = async () => {
    await post('lower', { subject });
    say(`${shownId(name)} has its own limits again.`);
    done();
  };
  const ask = () =>
    confirm(`End the override of ${shownId(name)}?`, 'It has its own limits again.', 'End it', [], act);
  return h(
    'button',
    { type: 'button', 'aria-label': `End the override of ${shownId(name)}`, click: ask },
    'End',
  );
}
