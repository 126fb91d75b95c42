import { changeText, shownId } from '../../base/text';
import type { Change } from '../../rules/change';
import { h, table } from './dom';
import { linkTo } from './subject-cells';
import { dateOf } from './text';

const WHAT: { readonly [kind: string]: string } = {
  reset: 'lifted',
  block: 'blocked',
  override: 'other limits',
  access: 'listed',
  plans: 'plans',
  rules: 'rules',
};

/** Who changed what by hand, the newest in front. */
export function changesTable(changes: readonly Change[]): HTMLElement {
  if (changes.length === 0) return h('p', { class: 'dim' }, 'Nothing was changed by hand.');
  return table(
    'Changes by hand',
    [
      { head: 'When', cell: ({ at }) => dateOf(at) },
      {
        head: 'Who',
        cell: ({ by, from }) => shownId([by, from].filter((one) => one !== undefined).join(', ')),
      },
      {
        head: 'What',
        cell: (change) =>
          shownId(`${WHAT[change.kind] ?? change.kind} ${changeText(change.kind, change.value)}`.trim()),
      },
      {
        head: 'Whom',
        cell: ({ subject }) =>
          subject === undefined ? 'all' : h('a', { href: linkTo(subject) }, shownId(subject)),
      },
    ],
    changes,
  );
}
