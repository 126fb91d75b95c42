import { h } from './dom';
import { reasonOf } from './api';

export interface Choice {
  readonly name: string;
  readonly label: string;
  /** Value and text of each; without any a text is asked for. */
  readonly options?: readonly (readonly [string, string])[];
  readonly value?: string;
}

/**
 * Asks before something is done, with what is to be chosen for it. Escape and Cancel do nothing; the focus goes back to where it
 * was.
 * @param act what is done; what it throws is shown and can be tried again
 */
export function confirm(
  title: string,
  text: string,
  button: string,
  choices: readonly Choice[],
  act: (chosen: { readonly [name: string]: string }) => Promise<void>,
): void {
  const problem = h('p', { class: 'bad', role: 'alert' });
  const inputs = choices.map(inputOf);
  const go = h('button', { type: 'submit', class: 'primary' }, button);
  const before = document.activeElement;
  const form = h(
    'form',
    {
      submit: (event) => {
        event.preventDefault();
        go.disabled = true;
        const chosen = Object.fromEntries(inputs.map(({ name, input }) => [name, input.value]));
        act(chosen).then(
          () => dialog.close(),
          (error) => {
            go.disabled = false;
            problem.textContent = reasonOf(error);
          },
        );
      },
    },
    h('h2', { id: 'dialog-title' }, title),
    h('p', {}, text),
    ...inputs.map(({ label }) => label),
    problem,
    h('p', { class: 'actions' }, h('button', { type: 'button', click: () => dialog.close() }, 'Cancel'), go),
  );
  const dialog = h('dialog', { 'aria-labelledby': 'dialog-title' }, form);
  dialog.addEventListener('close', () => {
    dialog.remove();
    const again =
      before instanceof HTMLElement && before.isConnected ? before : document.getElementById('main');
    again?.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
}

function inputOf({ name, label, options, value }: Choice) {
  const id = `choice-${name}`;
  const input =
    options === undefined
      ? h('input', { id, type: 'text', value: value ?? '', autocomplete: 'off', maxlength: 60 })
      : h(
          'select',
          { id },
          ...options.map(([one, text]) => h('option', { value: one, selected: one === value }, text)),
        );
  return { name, input, label: h('label', { for: id }, h('span', {}, label), input) };
}
